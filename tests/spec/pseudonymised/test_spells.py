"""Spells: who was registered, how old, for how long, and with which condition."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.spells import build_spells
from tests.frame_builder import build_received_extracts, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)


def stay(**row: Any) -> dict[str, Any]:
    admitted = {"start_date_hospital_provider_spell": date(2014, 3, 1), "discharge_date_from_hospital_provider_spell": date(2014, 3, 5)}
    return {"person": "p", "hospital_provider_spell_number": "s", "episode_number": 1, "birth_month": "1964-03", **admitted, **row}


def spell(row: dict[str, Any], column: str, register: list[dict[str, Any]] | None = None) -> Any:
    ((value,),) = sorted_rows(
        build_spells(build_received_extracts(hospital_admissions=[row], gp_registrations=register or []), AS_AT, RULES.ambulatory), column
    )
    return value


@pytest.mark.parametrize(
    ("primary", "rest", "condition"),
    [
        ("J459", {}, "asthma"),
        ("J46X", {}, "asthma"),
        ("J46", {}, "asthma"),
        ("I10", {}, "hypertension"),
        ("I10X", {"primary_procedure_opcs": "K401"}, None),
        ("I500", {}, "heart failure"),
        ("I500", {"primary_procedure_opcs": "K401"}, None),
        ("I500", {"primary_procedure_opcs": "K651"}, "heart failure"),
        ("I259", {"primary_procedure_opcs": "X401"}, None),
        ("I259", {"primary_procedure_opcs": "X331"}, "angina and coronary heart disease"),
        ("J209", {}, None),
        ("J209", {"secondary_diagnosis_icd_3": "J449"}, "chronic obstructive pulmonary disease"),
        ("B180", {}, "chronic hepatitis B"),
        ("B180", {"secondary_diagnosis_icd_1": "D571"}, None),
        ("B182", {}, None),
        ("D500", {}, None),
        ("D501", {}, "anaemia"),
        ("F03X", {}, "dementia"),
        (None, {"secondary_diagnosis_icd_1": "J459"}, None),
    ],
)
def test_chronic_ambulatory_care_sensitive_conditions(primary: str | None, rest: dict[str, Any], condition: str | None) -> None:
    assert spell(stay(primary_diagnosis_icd=primary, **rest), "ambulatory_care_sensitive") == condition


@pytest.mark.parametrize(
    ("registration", "registered"),
    [
        ({}, True),
        ({"registration_start_date": date(2014, 3, 1)}, True),
        ({"registration_start_date": date(2014, 3, 2)}, False),
        ({"registration_end_date": date(2014, 3, 1)}, True),
        ({"registration_end_date": date(2014, 2, 28)}, False),
        ({"date_of_death": date(2014, 3, 1)}, True),  # died on the day of admission
        ({"outcome": "unlinked"}, False),
        ({"person": "somebody else"}, False),
    ],
)
def test_registered_on_the_day_of_admission(registration: dict[str, Any], registered: bool) -> None:
    assert spell(stay(), "registered", [{"person": "p", **registration}]) is registered
    assert spell(stay(), "registered", [{"person": "p", **registration}, {"person": "p", **registration}]) is registered


@pytest.mark.parametrize(("born", "age"), [("1964-03", 50), ("1964-04", 49), ("1964-02", 50), (None, None)])
def test_age_in_the_month_of_admission(born: str | None, age: int | None) -> None:
    assert spell(stay(birth_month=born), "age") == age


@pytest.mark.parametrize(
    ("discharged", "nights"),
    [(date(2014, 3, 1), 0), (date(2014, 3, 2), 1), (date(2014, 4, 1), 31), (None, 213), (date(2014, 12, 1), 213)],
)
def test_nights(discharged: date | None, nights: int) -> None:
    assert spell(stay(discharge_date_from_hospital_provider_spell=discharged), "nights") == nights


# --- episodes of one stay -------------------------------------------------------------------------------------------------------


NO_END = dict.fromkeys(
    (
        "discharge_date_from_hospital_provider_spell",
        "discharge_method_hospital_provider_spell",
        "discharge_destination_hospital_provider_spell",
        "hospital_provider_spell_discharge_ready_date",
    )
)


def episode(number: int, first: date, last: date, **row: Any) -> dict[str, Any]:
    """An episode of a stay from 1 March 2014, without anything about its end unless a test says so."""
    return stay(episode_number=number, start_date_consultant_episode=first, end_date_consultant_episode=last, row=number, **{**NO_END, **row})


def spells_of(*episodes: dict[str, Any]) -> list[dict[str, Any]]:
    frame = build_spells(build_received_extracts(hospital_admissions=list(episodes)), AS_AT, RULES.ambulatory)
    return sorted(frame.collect().to_native().to_dicts(), key=lambda row: (row["person"], row["start_date_hospital_provider_spell"]))


FIRST = episode(1, date(2014, 3, 1), date(2014, 3, 3), primary_diagnosis_icd="J459", admission_method_hospital_provider_spell="21")
LAST = episode(
    2,
    date(2014, 3, 3),
    date(2014, 3, 6),
    primary_diagnosis_icd="I10",
    admission_method_hospital_provider_spell="21",
    discharge_date_from_hospital_provider_spell=date(2014, 3, 6),
    discharge_method_hospital_provider_spell="1",
    discharge_destination_hospital_provider_spell="19",
)


@pytest.mark.parametrize("episodes", [(FIRST, LAST), (LAST, FIRST)])
def test_a_stay_begins_as_its_first_episode_says_and_ends_as_its_last_says(episodes: tuple[dict[str, Any], ...]) -> None:
    (found,) = spells_of(*episodes)
    assert found["primary_diagnosis_icd"] == "J459"
    assert found["discharge_date_from_hospital_provider_spell"] == date(2014, 3, 6)
    assert (found["discharge_method_hospital_provider_spell"], found["discharge_destination_hospital_provider_spell"]) == ("1", "19")
    # 1 to 6 March.
    assert (found["nights"], found["episodes_disagree"]) == (5, False)


@pytest.mark.parametrize("ready_on", [1, 2])
def test_the_discharge_ready_date_may_stand_on_any_episode(ready_on: int) -> None:
    ready = {"hospital_provider_spell_discharge_ready_date": date(2014, 3, 4)}
    (found,) = spells_of(*({**one, **ready} if one["episode_number"] == ready_on else one for one in (FIRST, LAST)))
    assert found["hospital_provider_spell_discharge_ready_date"] == date(2014, 3, 4)


def test_episodes_that_state_different_days_of_discharge_are_marked_and_the_last_counts() -> None:
    (found,) = spells_of({**FIRST, "discharge_date_from_hospital_provider_spell": date(2014, 3, 4)}, LAST)
    assert (found["discharge_date_from_hospital_provider_spell"], found["nights"], found["episodes_disagree"]) == (date(2014, 3, 6), 5, True)


@pytest.mark.parametrize(
    ("numbers", "first_diagnosis"),
    [((1, 2), "Q995"), ((2, 1), "Q996"), ((99, 99), "Q996"), ((98, 98), "Q996"), ((1, 99), "Q996"), ((87, 88), "Q996"), ((87, 86), "Q996")],
)
def test_episodes_follow_their_numbers_or_their_dates_where_a_number_is_not_known(numbers: tuple[int, int], first_diagnosis: str) -> None:
    """The second row is the earlier one by date. 98 and 99 are no numbers; 87 is the highest that is."""
    later, earlier = (date(2014, 3, 3), date(2014, 3, 6)), (date(2014, 3, 1), date(2014, 3, 3))
    (found,) = spells_of(
        {**episode(numbers[0], *later, primary_diagnosis_icd="Q995"), "row": 1},
        {**episode(numbers[1], *earlier, primary_diagnosis_icd="Q996"), "row": 2},
    )
    assert found["primary_diagnosis_icd"] == first_diagnosis


@pytest.mark.parametrize("latest_first", [False, True])
@pytest.mark.parametrize("differs", [{"start_date_hospital_provider_spell": date(2014, 3, 2)}, {"patient_classification": "2"}])
def test_episodes_alike_in_number_and_dates_count_the_same_in_any_order(differs: dict[str, Any], latest_first: bool) -> None:
    """The earlier admission is first; of two alike in that as well, the one whose contents sort first."""
    alike = episode(1, date(2014, 3, 2), date(2014, 3, 6), patient_classification="1")
    rows = [alike, {**alike, **differs}]
    (found,) = spells_of(*({**row, "row": number} for number, row in enumerate(rows[::-1] if latest_first else rows, 1)))
    assert (found["start_date_hospital_provider_spell"], found["patient_classification"]) == (date(2014, 3, 1), "1")


def whole_stay(first: date, last: date, **row: Any) -> dict[str, Any]:
    dates = {"start_date_hospital_provider_spell": first, "discharge_date_from_hospital_provider_spell": last}
    return {**episode(1, first, last), **dates, **row}


def test_one_spell_number_for_two_people_is_two_stays() -> None:
    first = whole_stay(date(2014, 1, 10), date(2014, 1, 12), person="a")
    second = whole_stay(date(2014, 5, 10), date(2014, 5, 20), person="b")
    assert [(found["person"], found["nights"]) for found in spells_of(first, second)] == [("a", 2), ("b", 10)]


@pytest.mark.parametrize(("again_on", "stays"), [(date(2013, 11, 12), 1), (date(2013, 11, 13), 2), (date(2014, 6, 10), 2)])
def test_one_spell_number_for_one_person_again_is_another_stay_once_the_first_has_ended(again_on: date, stays: int) -> None:
    first = whole_stay(date(2013, 11, 10), date(2013, 11, 12))
    assert len(spells_of(first, {**whole_stay(again_on, date(2014, 6, 20)), "row": 2})) == stays


@pytest.mark.parametrize(
    ("others", "people"),
    [
        (["a"], ["a"]),
        (["a", "a"], ["a"]),
        (["a", "b"], ["a", "b", "local"]),
        ([], ["local"]),
    ],
)
def test_an_unlinked_episode_joins_the_stay_of_the_one_person_with_its_number_and_day_of_admission(others: list[str], people: list[str]) -> None:
    unlinked = {**LAST, "person": "local", "outcome": "unlinked"}
    linked = [{**FIRST, "person": person, "row": 10 + n, "episode_number": 1} for n, person in enumerate(others)]
    assert [found["person"] for found in spells_of(unlinked, *linked)] == people


def test_an_unlinked_episode_of_another_admission_is_a_stay_of_its_own() -> None:
    unlinked = {**whole_stay(date(2014, 6, 1), date(2014, 6, 2)), "person": "local", "outcome": "unlinked"}
    assert [found["person"] for found in spells_of(FIRST, unlinked)] == ["local", "p"]


@pytest.mark.parametrize(
    ("ends", "nights"),
    [
        # Without a discharge date: both episodes ended, on 3 and 6 March; or the second goes on to the as-at date, 30 September.
        ((date(2014, 3, 3), date(2014, 3, 6)), 5),
        ((date(2014, 3, 3), None), 213),
        ((None, date(2014, 3, 6)), 213),
    ],
)
def test_a_stay_whose_discharge_date_was_lost_ends_with_its_last_episode(ends: tuple[date | None, ...], nights: int) -> None:
    episodes = [{**NO_END_OF[n], "end_date_consultant_episode": end} for n, end in enumerate(ends)]
    (found,) = spells_of(*episodes)
    assert (found["discharge_date_from_hospital_provider_spell"], found["nights"]) == (None, nights)


NO_END_OF = (FIRST, {**LAST, **NO_END})

"""The numbers of the pseudonymised stages, each with a case on either side: days, ages, shares of cost, and people who count once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.periods import months_to, window_to, year_to
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY, PEOPLE
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.bands import assign_cost_bands, flag_high_risk
from bcf_linkage.pseudonymised.care import build_care
from bcf_linkage.pseudonymised.contacts import build_contacts
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.days import age_in_month_of, day_number, split_by_month
from bcf_linkage.pseudonymised.link_changes import compare_links, restore_previous_links
from bcf_linkage.pseudonymised.pence import from_pence, to_pence
from bcf_linkage.pseudonymised.people import build_people
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.strata import build_strata
from bcf_linkage.pseudonymised.transfers import build_transfers, care_home_stays
from tests.frame_builder import build_received_extract, build_received_extracts, build_table, collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
Row = Mapping[str, Any]

# --- Days, months and ages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(1, 1, 1), 1),
        (date(1900, 2, 28), 693_654),  # 1899 x 365 + 474 - 18 + 4 = 693,595, and 59 days
        (date(1900, 3, 1), 693_655),  # 1900 is no leap year
        (date(2000, 2, 29), 730_179),  # 1999 x 365 + 499 - 19 + 4 = 730,119, and 60 days
        (date(2000, 3, 1), 730_180),
        (date(2001, 1, 1), 730_486),  # 2000 x 365 + 500 - 20 + 5 = 730,485, and one day
        (date(2014, 9, 30), 735_506),  # 2013 x 365 + 503 - 20 + 5 = 735,233, and 273 days
    ],
)
def test_a_day_has_its_number(day: date, number: int) -> None:
    assert sorted_rows(lazy(pl.DataFrame({"day": [day]})).select(number=day_number(nw.col("day"))), "number") == [(number,)]


@pytest.mark.parametrize(("day", "age"), [(date(2014, 2, 28), 49), (date(2014, 3, 1), 50), (date(2015, 2, 28), 50), (date(2015, 3, 1), 51)])
def test_an_age_changes_with_the_month_of_birth(day: date, age: int) -> None:
    frame = lazy(pl.DataFrame({"day": [day], "born": ["1964-03"]}))
    assert sorted_rows(frame.select(age=age_in_month_of(nw.col("day"), nw.col("born"))), "age") == [(age,)]


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2014, 3, 31), date(2014, 4, 1), [(date(2014, 3, 1), 1), (date(2014, 4, 1), 1)]),
        (date(2014, 2, 1), date(2014, 2, 28), [(date(2014, 2, 1), 28)]),
        (date(2014, 3, 5), date(2014, 3, 4), []),
        (date(2012, 9, 1), date(2012, 9, 30), []),
        (date(2012, 9, 1), date(2012, 10, 1), [(date(2012, 10, 1), 1)]),
        (date(2014, 9, 30), date(2014, 12, 1), [(date(2014, 9, 1), 1)]),
        (date(2014, 10, 1), date(2014, 12, 1), []),
    ],
)
def test_days_are_counted_in_each_month_of_the_period(first: date, last: date, months: list[tuple[date, int]]) -> None:
    frame = lazy(pl.DataFrame({"person": ["p"], "first": [first], "last": [last]}))
    assert sorted_rows(split_by_month(frame, nw.col("first"), nw.col("last"), window_to(AS_AT), ("person",)), "month", "days") == months


def test_a_year_has_twelve_months_and_the_window_twenty_four() -> None:
    assert (year_to(AS_AT).start, year_to(AS_AT).end, len(year_to(AS_AT).months)) == (date(2013, 10, 1), AS_AT, 12)
    assert (window_to(AS_AT).start, window_to(AS_AT).end, len(window_to(AS_AT).months)) == (date(2012, 10, 1), AS_AT, 24)
    assert months_to(AS_AT, 1).start == date(2014, 9, 1)


@pytest.mark.parametrize(("pounds", "pence"), [(0.01, 1), (0.0149, 1), (0.015625, 2), (1.125, 113), (1.1249, 112), (12.34, 1234)])
def test_pounds_are_whole_pence_a_half_up(pounds: float, pence: int) -> None:
    frame = lazy(pl.DataFrame({"pounds": [pounds], "pence": [pence]}))
    assert sorted_rows(frame.select(converted=to_pence(nw.col("pounds")), back=from_pence(nw.col("pence"))), "converted", "back") == [(pence, pence / 100)]


# --- The people of each extract, once ------------------------------------------------------------------------------------------------


def people_of(**extracts: Any) -> nw.LazyFrame[Any]:
    every = build_received_extracts(**extracts)
    return build_people(every["gp_registrations"], build_contacts(every), AS_AT, RULES.bands.ages)


@pytest.mark.parametrize("change", [{"age": 41}, {"sex": "2"}, {"lsoa": "E02"}, {"ethnic_group": "B"}, {"deprivation_quintile": 2}, {"birth_month": "1974-03"}])
def test_records_with_the_same_characteristics_are_one_contact(change: Row) -> None:
    details = {"person": "p", "age": 40, "sex": "1", "lsoa": "E01", "ethnic_group": "A", "deprivation_quintile": 1, "birth_month": "1974-02"}
    rows = [{**details, "arrival_date": date(2014, 3, n)} for n in (1, 2)] + [{**details, **change, "arrival_date": date(2014, 4, 1)}]
    found = sorted_rows(build_contacts({"emergency_care": lazy(build_received_extract("emergency_care", rows))}), "records", "first_day", "last_day")
    assert found == [(1, date(2014, 4, 1), date(2014, 4, 1)), (2, date(2014, 3, 1), date(2014, 3, 2))]


def test_a_person_of_several_contacts_is_one_of_the_people() -> None:
    seen = [{"person": "p", "arrival_date": date(2014, n, 1), "age": 40 + n, "lsoa": f"E0{n}"} for n in (1, 2, 3)]
    left = [{"person": "p", "registration_end_date": date(2014, 1, 1), "age": age, "lsoa": "E09", "sex": "1"} for age in (43, 44)]
    assert sorted_rows(people_of(emergency_care=seen), "person", "population", "age") == [("p", "not registered", 43)]
    # The register has sex and area, which the other records leave blank.
    assert sorted_rows(people_of(emergency_care=seen, gp_registrations=left), "person", "population", "lsoa") == [("p", "not registered", "E09")]
    assert sorted_rows(people_of(gp_registrations=[{"person": "p", "age": 40}, {"person": "p", "age": 41}]), "person", "population") == [("p", "registered")]


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "00-17"), (17, "00-17"), (18, "18-64"), (64, "18-64"), (65, "65-74"), (74, "65-74"), (75, "75-84"), (84, "75-84"), (85, "85+"), (-1, None),
    ],
)  # fmt: skip
def test_an_age_band_begins_at_its_age(age: int, band: str | None) -> None:
    assert sorted_rows(people_of(gp_registrations=[{"person": "p", "age": age}]), "age_band") == [(band,)]


@pytest.mark.parametrize(
    ("registration", "registered"),
    [
        ({"registration_start_date": date(2014, 9, 30)}, True),
        ({"registration_start_date": date(2014, 10, 1)}, False),
        ({"registration_end_date": date(2014, 9, 30)}, True),
        ({"registration_end_date": date(2014, 9, 29)}, False),
        ({"date_of_death": date(2014, 9, 30)}, False),
        ({"date_of_death": date(2014, 10, 1)}, True),
    ],
)
def test_a_registration_holds_on_the_as_at_date(registration: Row, registered: bool) -> None:
    assert bool(sorted_rows(people_of(gp_registrations=[{"person": "p", **registration}]), "person")) is registered


# --- Stays in hospital -----------------------------------------------------------------------------------------------------------

ADMITTED, DISCHARGED = "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell"


def stay(admitted: date, discharged: date | None, **rest: Any) -> dict[str, Any]:
    return {
        "person": "p",
        "birth_month": "1940-06",
        "hospital_provider_spell_number": str(admitted),
        "episode_number": 1,
        "patient_classification": "1",
        "admission_method_hospital_provider_spell": "21",
        ADMITTED: admitted,
        DISCHARGED: discharged,
        "discharge_method_hospital_provider_spell": "1",
        "discharge_destination_hospital_provider_spell": "19",
        **rest,
    }


@pytest.mark.parametrize(
    ("discharged", "nights"),
    [(date(2014, 9, 1), 0), (date(2014, 9, 2), 1), (date(2014, 9, 30), 29), (date(2014, 10, 1), 29), (None, 29)],
)
def test_nights_run_to_the_discharge_or_the_as_at_date(discharged: date | None, nights: int) -> None:
    assert sorted_rows(build_spells(build_received_extracts(hospital_admissions=[stay(date(2014, 9, 1), discharged)]), AS_AT, RULES.ambulatory), "nights") == [
        (nights,)
    ]


@pytest.mark.parametrize(
    ("registration", "registered"),
    [
        ({"registration_start_date": date(2014, 3, 1)}, True),
        ({"registration_start_date": date(2014, 3, 2)}, False),
        ({"registration_end_date": date(2014, 3, 1)}, True),
        ({"registration_end_date": date(2014, 2, 28)}, False),
    ],
)
def test_a_spell_is_of_a_registered_person_on_the_day_of_admission(registration: Row, registered: bool) -> None:
    registered_person = {"person": "p", **registration}
    every = build_received_extracts(
        hospital_admissions=[stay(date(2014, 3, 1), None)], gp_registrations=[registered_person, {**registered_person, "practice_code": "J82002"}]
    )
    # Two registrations make no second spell.
    assert sorted_rows(build_spells(every, AS_AT, RULES.ambulatory), "registered") == [(registered,)]


def test_a_diagnosis_of_three_characters_is_padded_to_four() -> None:
    row = stay(date(2014, 3, 1), None, primary_diagnosis_icd="J46")
    assert sorted_rows(build_spells(build_received_extracts(hospital_admissions=[row]), AS_AT, RULES.ambulatory), "ambulatory_care_sensitive") == [("asthma",)]


def used(**extracts: Any) -> list[tuple[Any, ...]]:
    every = build_received_extracts(**extracts)
    return sorted_rows(build_activity(every, build_spells(every, AS_AT, RULES.ambulatory), RULES.prices, window_to(AS_AT)), "activity", "quantity", "cost")


@pytest.mark.parametrize(
    ("nights", "expected"),
    [
        (1, [("non_elective_short_stay", 1.0, 611.0)]),
        (2, [("non_elective_long_stay", 1.0, 2716.0)]),
        (14, [("non_elective_long_stay", 1.0, 2716.0)]),
        (15, [("excess_bed_day", 1.0, 275.0), ("non_elective_long_stay", 1.0, 2716.0)]),
        (16, [("excess_bed_day", 2.0, 550.0), ("non_elective_long_stay", 1.0, 2716.0)]),
    ],
)
def test_a_stay_is_short_to_one_night_and_has_excess_days_beyond_fourteen(nights: int, expected: list[tuple[str, float, float]]) -> None:
    assert used(hospital_admissions=[stay(date(2014, 3, 1), date(2014, 3, 1) + timedelta(days=nights))]) == expected


@pytest.mark.parametrize("classification", ["2", "3", "4"])
def test_a_day_case_or_a_regular_attendance_has_no_excess_days(classification: str) -> None:
    activity = used(hospital_admissions=[stay(date(2014, 3, 1), date(2014, 5, 1), patient_classification=classification)])
    assert [row[0] for row in activity] == [{"2": "day_case"}.get(classification, "regular_attendance")]


@pytest.mark.parametrize(
    ("method", "item"), [("11", "elective_inpatient"), ("12", "elective_inpatient"), ("13", "elective_inpatient"), ("14", "non_elective_short_stay")]
)
def test_an_admission_is_elective_by_its_method(method: str, item: str) -> None:
    row = stay(date(2014, 3, 1), date(2014, 3, 2), admission_method_hospital_provider_spell=method)
    assert [row[0] for row in used(hospital_admissions=[row])] == [item]


@pytest.mark.parametrize(
    ("days", "weekly", "pounds"),
    [
        (1, 0.03, 0.0),  # 3 pence a week: 0.4286 of a penny a day
        (1, 0.04, 0.01),  # 0.5714
        (7, 70.0, 70.0),
        (1, 70.0, 10.0),
        (3, 100.0, 42.86),  # 42.857
        (4, 100.0, 57.14),  # 57.143
    ],
)
def test_a_service_costs_a_seventh_of_a_week_each_day_to_the_nearest_penny(days: int, weekly: float, pounds: float) -> None:
    first = date(2014, 3, 1)
    service = {"event_type": "Service", "event_start_date": first, "event_end_date": first + timedelta(days=days - 1), "cost_frequency_unit_type": "Weekly"}
    assert used(adult_social_care=[{"person": "p", **service, "unit_cost": weekly}]) == [("social_care_service", pounds, pounds)]


@pytest.mark.parametrize(
    ("frequency", "pounds"),
    [("Weekly", 5200.0), ("Fortnightly", 2600.0), ("4-weekly", 1300.0), ("Monthly", 1200.0), ("Quarterly", 400.0), ("Annually", 100.0), ("No charge", 0.0)],
)
def test_a_frequency_is_so_many_weeks(frequency: str, pounds: float) -> None:
    # 5,200 pounds: of a week, of two, of four, 12 of 52, 4 of 52, one of 52.
    service = {"event_type": "Service", "event_start_date": date(2014, 3, 1), "event_end_date": date(2014, 3, 7), "unit_cost": 5200.0}
    assert [row[1] for row in used(adult_social_care=[{"person": "p", **service, "cost_frequency_unit_type": frequency}])] == [pounds]


# --- From one kind of care to another -------------------------------------------------------------------------------------------

LEFT = date(2013, 11, 10)
REABLEMENT = {"service_type": "Short term support: ST-Max", "service_component": "Reablement"}


def placement(start: date, end: date | None = None, **rest: Any) -> dict[str, Any]:
    kind = {"client_type": "Service user", "event_type": "Service", "service_type": "Long term support: Residential care"}
    return {"person": "p", "birth_month": "1940-06", "event_start_date": start, "event_end_date": end, **kind, **rest}


def passed(transfer: str, *columns: str, **extracts: Any) -> list[tuple[Any, ...]]:
    every = build_received_extracts(**extracts)
    transfers = sorted_rows(build_transfers(every, build_spells(every, AS_AT, RULES.ambulatory), window_to(AS_AT)), "transfer", *columns)
    return [row[1:] for row in transfers if row[0] == transfer]


@pytest.mark.parametrize(
    ("last_day", "is_new"),
    [(date(2013, 2, 28), True), (date(2013, 3, 1), False)],  # 366 and 365 days before 1 March 2014
)
def test_an_admission_is_new_365_days_after_the_last(last_day: date, is_new: bool) -> None:
    rows = [placement(date(2012, 11, 1), last_day), placement(date(2014, 3, 1))]
    assert passed("care_home_admission", "day", adult_social_care=rows) == [(date(2012, 11, 1),), *([(date(2014, 3, 1),)] if is_new else [])]


@pytest.mark.parametrize(("first", "counts"), [(date(2012, 9, 30), False), (date(2012, 10, 1), True), (date(2014, 9, 30), True), (date(2014, 10, 1), False)])
def test_an_admission_counts_within_the_two_years(first: date, counts: bool) -> None:
    assert bool(passed("care_home_admission", "day", adult_social_care=[placement(first)])) is counts


@pytest.mark.parametrize(
    ("change", "is_stay"),
    [
        ({}, True),
        ({"service_type": "Long term support: Nursing care"}, True),
        ({"service_type": "Long term support: Community"}, False),
        ({"service_component": "Long term nursing care"}, True),
        ({"service_component": "Short term nursing care"}, False),
        ({"service_component": "Short term residential care"}, False),
        ({"event_outcome": "NFA: Self-funded client or under 12wk disregard"}, False),
        ({"client_type": "Unpaid carer"}, False),
        ({"event_type": "Review"}, False),
    ],
)
def test_a_stay_in_a_care_home_is_long_term_and_paid_for_by_the_council(change: Row, is_stay: bool) -> None:
    rows = lazy(build_received_extract("adult_social_care", [placement(date(2014, 3, 1), **change)]))
    assert bool(collect(care_home_stays(rows)).height) is is_stay


@pytest.mark.parametrize(("discharged", "days"), [(date(2014, 3, 10), None), (date(2014, 3, 11), 1), (date(2014, 3, 12), 2)])
def test_a_delay_ends_on_the_day_before_the_discharge(discharged: date, days: int | None) -> None:
    row = stay(date(2014, 3, 1), discharged, hospital_provider_spell_discharge_ready_date=date(2014, 3, 10))
    given = passed("delay", "delayed_days", hospital_admissions=[row], gp_registrations=[{"person": "p"}])
    assert given == ([(days,)] if days else [])


def followed_up(*others: Row, begins: int = 1, left: date = LEFT, nights: int = 5, social_care: tuple[Row, ...] = (), **discharge: Any) -> list[Any]:
    """Whether people were at home on the 91st day after a discharge that reablement follows after so many days."""
    rows = {
        "hospital_admissions": [stay(left - timedelta(days=nights), left, **discharge), *others],
        "adult_social_care": [placement(left + timedelta(days=begins), left + timedelta(days=40), **REABLEMENT), *social_care],
    }
    return [row[0] for row in passed("reablement_discharge", "at_home", **rows)]


@pytest.mark.parametrize(("begins", "counts"), [(-4, False), (-3, True), (7, True), (8, False)])
def test_reablement_follows_from_three_days_before_to_seven_after(begins: int, counts: bool) -> None:
    assert followed_up(begins=begins) == ([True] if counts else [])


@pytest.mark.parametrize(("nights", "counts"), [(0, False), (1, True)])
def test_a_discharge_is_from_a_stay_of_a_night(nights: int, counts: bool) -> None:
    assert bool(followed_up(nights=nights)) is counts


@pytest.mark.parametrize(
    ("days", "at_home"),
    [(91, True), (90, None)],
)
def test_the_91st_day_is_known_by_the_as_at_date(days: int, at_home: bool | None) -> None:
    assert followed_up(left=AS_AT - timedelta(days=days)) == [at_home]


@pytest.mark.parametrize(
    ("first", "last", "at_home"),
    [
        (91, None, False),
        (92, None, True),
        (80, 91, True),  # the day of discharge is spent at home
        (80, 92, False),
    ],
)
def test_who_is_in_hospital_on_the_91st_day_is_not_at_home(first: int, last: int | None, at_home: bool) -> None:
    again = stay(LEFT + timedelta(days=first), None if last is None else LEFT + timedelta(days=last))
    assert followed_up(again) == [at_home]


@pytest.mark.parametrize(
    ("first", "last", "at_home"),
    [
        (91, None, False),
        (92, None, True),
        (80, 91, False),
        (80, 90, True),
    ],
)
def test_who_is_in_a_care_home_on_the_91st_day_is_not_at_home(first: int, last: int | None, at_home: bool) -> None:
    home = placement(LEFT + timedelta(days=first), None if last is None else LEFT + timedelta(days=last))
    assert followed_up(social_care=(home,)) == [at_home]


@pytest.mark.parametrize(("day", "at_home"), [(91, False), (92, True)])
def test_who_has_died_by_the_91st_day_is_not_at_home(day: int, at_home: bool) -> None:
    long_ago = placement(date(2012, 11, 1), date(2012, 11, 2), date_of_death=LEFT + timedelta(days=day))
    assert followed_up(social_care=(long_ago,)) == [at_home]


def test_a_person_away_for_two_reasons_counts_once() -> None:
    home, again = placement(LEFT + timedelta(days=80)), stay(LEFT + timedelta(days=81), None)
    assert followed_up(again, social_care=(home,)) == [False]


@pytest.mark.parametrize(("method", "counts"), [("1", True), ("2", True), ("3", True), ("4", False), ("5", False)])
def test_who_died_in_hospital_was_not_discharged_home(method: str, counts: bool) -> None:
    assert bool(followed_up(discharge_method_hospital_provider_spell=method)) is counts


@pytest.mark.parametrize(
    ("destination", "counts"),
    [
        *((code, False) for code in ("49", "50", "51", "52", "53", "79", "84", "87", "88")),
        *((code, True) for code in ("19", "29", "48", "54", "65", "66", "85", "98", None)),
    ],
)
def test_a_destination_that_is_another_hospital_or_death_is_not_home(destination: str | None, counts: bool) -> None:
    assert bool(followed_up(discharge_destination_hospital_provider_spell=destination)) is counts


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"service_component": None}, True),
        ({"service_component": "Home support or domiciliary care"}, False),
        ({"service_type": "Short term support: Ongoing low level"}, False),
        ({"client_type": "Unpaid carer"}, False),
        ({"event_type": "Review"}, False),
    ],
)
def test_a_reablement_service_has_its_type_and_component(change: Row, counts: bool) -> None:
    rows = {
        "hospital_admissions": [stay(LEFT - timedelta(days=5), LEFT)],
        "adult_social_care": [placement(LEFT + timedelta(days=1), LEFT + timedelta(days=40), **{**REABLEMENT, **change})],
    }
    assert bool(passed("reablement_discharge", "day", **rows)) is counts


# --- Bands of use and risk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("costlier", "band"),
    [
        (199, "Very High"), (200, "High"), (399, "High"), (400, "Moderate"), (599, "Moderate"), (600, "Low"), (799, "Low"), (800, "Healthy"),
    ],
)  # fmt: skip
def test_a_band_holds_a_fifth_of_the_cost(costlier: int, band: str) -> None:
    # One person costs so much, and people of one penny make it 1,000 pence.
    pence = [costlier] + [1] * (1000 - costlier)
    band_by_cost = dict(sorted_rows(assign_cost_bands(lazy(pl.DataFrame({"pence": pence, "counted": [1] * len(pence)})), RULES.bands), "pence", "band"))
    assert band_by_cost[1] == band


@pytest.mark.parametrize(("adults", "at_risk"), [(1, 1), (50, 1), (51, 2), (100, 2), (101, 3)])
def test_two_percent_of_the_adults_of_a_practice_are_at_high_risk_rounded_up(adults: int, at_risk: int) -> None:
    frame = pl.DataFrame({"practice_code": ["a"] * adults, "pence": range(1, adults + 1), "adult": [True] * adults})
    assert collect(flag_high_risk(lazy(frame), RULES.bands.high_risk))["high_risk"].sum() == at_risk


@pytest.mark.parametrize(("age", "at_risk"), [(17, False), (18, True)])
def test_an_adult_is_of_eighteen_years(age: int, at_risk: bool) -> None:
    person = {"person": "p", "population": "registered", "practice_code": "a", "age": age}
    spent = build_table(ACTIVITY, [{"person": "p", "month": date(2014, 3, 1), "setting": "outpatients", "quantity": 1.0, "cost": 5.0}])
    strata = build_strata(lazy(build_table(PEOPLE, [person])), build_costs(lazy(spent), year_to(AS_AT)), RULES.bands)
    assert sorted_rows(strata, "high_risk") == [(at_risk,)]


@pytest.mark.parametrize(("month", "cost"), [(date(2013, 9, 1), 0.0), (date(2013, 10, 1), 5.0), (date(2014, 9, 1), 5.0)])
def test_the_year_of_cost_begins_in_october(month: date, cost: float) -> None:
    spent = build_table(ACTIVITY, [{"person": "p", "month": month, "setting": "outpatients", "quantity": 1.0, "cost": 5.0}])
    assert sorted_rows(build_costs(lazy(spent), year_to(AS_AT)), "cost", "year_cost") == [(5.0, cost)]


# --- Care ------------------------------------------------------------------------------------------------------------------------


def cared_for(column: str, **extracts: Any) -> Any:
    people = lazy(build_table(PEOPLE, [{"person": "p", "population": "registered", "named_gp": False}]))
    ((value,),) = sorted_rows(build_care(people, build_received_extracts(**extracts), RULES.clinical_codes, year_to(AS_AT)), column)
    return value


@pytest.mark.parametrize(
    ("start", "end", "client"),
    [
        (date(2014, 9, 30), None, True),
        (date(2014, 10, 1), None, False),
        (date(2013, 1, 1), date(2013, 10, 1), True),
        (date(2013, 1, 1), date(2013, 9, 30), False),
    ],
)
def test_a_client_of_the_year_is_served_on_a_day_of_it(start: date, end: date | None, client: bool) -> None:
    row = {"person": "p", "client_type": "Service user", "event_type": "Review", "event_start_date": start, "event_end_date": end}
    assert cared_for("social_care", adult_social_care=[row]) is client


@pytest.mark.parametrize(("last_day", "there"), [(date(2014, 9, 30), True), (date(2014, 9, 29), False)])
def test_a_person_lives_in_a_care_home_on_the_last_day_of_the_year(last_day: date, there: bool) -> None:
    assert cared_for("care_home", adult_social_care=[placement(date(2014, 3, 1), last_day)]) is there


@pytest.mark.parametrize(("declined", "in_force"), [(date(2014, 6, 1), True), (date(2014, 6, 2), False), (date(2014, 10, 1), True)])
def test_a_care_plan_is_ended_by_a_code_of_a_later_day(declined: date, in_force: bool) -> None:
    codes = (("8CSB.", date(2014, 6, 1)), ("8IAe1", declined))
    events = [{"person": "p", "event_type": "process", "code": code, "event_date": day} for code, day in codes]
    assert cared_for("care_plan", gp_events=events) is in_force


def test_a_condition_that_is_coded_twice_counts_once() -> None:
    events = [{"person": "p", "event_type": "diagnosis", "code": code, "event_date": date(2014, 6, n)} for n, code in enumerate(("G20..", "G20..", "G2..."), 1)]
    assert cared_for("long_term_conditions", gp_events=events) == 1


# --- Changes of links -------------------------------------------------------------------------------------------------------

EARLIER = date(2014, 6, 30)


def link(person: str, outcome: str, since: date = EARLIER, client: str = "c") -> dict[str, Any]:
    return {"client": client, "person": person, "outcome": outcome, "trace_reason": "scored", "since": since}


@pytest.mark.parametrize(
    ("now", "before", "change", "since"),
    [
        (link("a", "linked"), link("a", "linked"), "links_kept", EARLIER),
        (link("b", "linked"), link("a", "linked"), "links_moved", AS_AT),
        (link("a", "linked"), link("a", "unlinked"), "links_found", AS_AT),
        (link("a", "unlinked"), link("a", "linked"), "links_lost", AS_AT),
        (link("a", "unlinked"), link("a", "unlinked"), "links_neither", EARLIER),
        (link("a", "linked"), link("a", "linked", client="other"), None, AS_AT),
    ],
)
def test_the_change_of_a_link(now: Row, before: Row, change: str | None, since: date) -> None:
    current = {name: value for name, value in now.items() if name != "since"}
    compared = compare_links(lazy(pl.DataFrame([current])), lazy(pl.DataFrame([before])), AS_AT)
    assert sorted_rows(compared, "change", "since") == [(change, since)]


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ([("new", "old", "links_moved")], [("new", "old")]),
        ([("new", "old", "links_found")], [("new", "old")]),
        ([("new", "old", "links_lost")], [("new", "old")]),
        ([("new", "old", "links_kept")], []),
        ([("new", "old", "links_neither")], []),
        ([("new", "old", "links_moved"), ("new", "old", "links_moved")], [("new", "old")]),
        ([("new", "old", "links_moved"), ("new", "old", "links_kept")], []),
        ([("new", "old", "links_moved"), ("new", "older", "links_moved")], []),
        ([("new", "new", "links_lost")], []),
    ],
)
def test_records_are_put_back_only_where_all_clients_of_a_person_changed_alike(links: list[tuple[str, str, str]], found: list[tuple[str, str]]) -> None:
    rows = pl.DataFrame([(*each, "linked") for each in links], ["person", "person_before", "change", "outcome_before"], orient="row")
    assert sorted_rows(restore_previous_links(lazy(rows)), "person", "candidate") == found

"""Transfers into a care home or home with reablement, and delays in hospital."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bcf_linkage.definitions.periods import window_to
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.transfers import build_transfers
from tests.frame_builder import build_received_extracts, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
LEFT = date(2013, 11, 10)
DAY_91 = LEFT + timedelta(days=91)


def transfer_rows(*columns: str, **extracts: Any) -> list[tuple[Any, ...]]:
    rows = build_received_extracts(**extracts)
    return sorted_rows(build_transfers(rows, build_spells(rows, AS_AT, RULES.ambulatory), window_to(AS_AT)), *columns)


def placement(start: date, end: date | None = None, **rest: Any) -> dict[str, Any]:
    kind = {"client_type": "Service user", "event_type": "Service", "service_type": "Long term support: Residential care"}
    return {"person": "p", "birth_month": "1940-06", "event_start_date": start, "event_end_date": end, **kind, **rest}


@pytest.mark.parametrize(
    ("placements", "admitted"),
    [
        ([placement(date(2014, 3, 1))], [date(2014, 3, 1)]),
        ([placement(date(2012, 9, 30))], []),
        ([placement(date(2013, 3, 1), date(2013, 4, 1)), placement(date(2014, 3, 1))], [date(2013, 3, 1)]),
        ([placement(date(2012, 11, 1), date(2013, 1, 1)), placement(date(2014, 1, 2))], [date(2012, 11, 1), date(2014, 1, 2)]),
        ([placement(date(2012, 11, 1), date(2013, 1, 1)), placement(date(2014, 1, 1))], [date(2012, 11, 1)]),
        ([placement(date(2010, 1, 1)), placement(date(2014, 1, 1))], []),
        ([placement(date(2013, 3, 1)), placement(date(2013, 3, 1), service_type="Long term support: Nursing care")], [date(2013, 3, 1)]),
        ([placement(date(2013, 1, 1), None), placement(date(2013, 2, 1), date(2013, 2, 9)), placement(date(2014, 8, 1))], [date(2013, 1, 1)]),
        ([placement(date(2014, 3, 1), service_component="Short term residential care")], []),
        ([placement(date(2014, 3, 1), client_type="Unpaid carer")], []),
    ],
)
def test_a_permanent_admission_is_new_unless_another_place_came_less_than_a_year_before(placements: list[dict[str, Any]], admitted: list[date]) -> None:
    for rows in (placements, placements[::-1]):
        assert transfer_rows("transfer", "day", adult_social_care=rows) == [("care_home_admission", day) for day in admitted]


def test_an_admission_to_a_care_home_counts_linked_or_not_at_the_age_of_its_month() -> None:
    rows = [placement(date(2014, 5, 1)), placement(date(2014, 6, 1), person="local", outcome="unlinked")]
    assert transfer_rows("person", "age", adult_social_care=rows) == [("local", 74), ("p", 73)]


def stay(admitted: date, discharged: date | None, **rest: Any) -> dict[str, Any]:
    return {
        "person": "p",
        "birth_month": "1940-06",
        "hospital_provider_spell_number": str(admitted),
        "episode_number": 1,
        "patient_classification": "1",
        "start_date_hospital_provider_spell": admitted,
        "discharge_date_from_hospital_provider_spell": discharged,
        "discharge_method_hospital_provider_spell": "1",
        "discharge_destination_hospital_provider_spell": "19",
        **rest,
    }


@pytest.mark.parametrize(
    ("ready", "discharged", "days"),
    [
        (date(2014, 3, 10), date(2014, 3, 10), []),
        (date(2014, 3, 10), date(2014, 3, 11), [(date(2014, 3, 1), 1)]),
        (date(2014, 3, 30), date(2014, 4, 2), [(date(2014, 3, 1), 2), (date(2014, 4, 1), 1)]),
        (date(2014, 9, 29), None, [(date(2014, 9, 1), 2)]),
        (date(2014, 9, 29), date(2014, 11, 1), [(date(2014, 9, 1), 2)]),
        (None, date(2014, 4, 2), []),
    ],
)
def test_a_delay_runs_from_the_ready_date_to_the_day_before_discharge(ready: date | None, discharged: date | None, days: list[tuple[date, int]]) -> None:
    row = stay(date(2014, 3, 1), discharged, hospital_provider_spell_discharge_ready_date=ready)
    given = transfer_rows("transfer", "day", "delayed_days", hospital_admissions=[row], gp_registrations=[{"person": "p"}])
    assert given == [("delay", *each) for each in days]
    assert transfer_rows("transfer", hospital_admissions=[row]) == [], "only who was registered counts"


REABLEMENT = {"service_type": "Short term support: ST-Max", "service_component": "Reablement"}


def reablement_rows(*others: dict[str, Any], begins: int = 1, social_care: tuple[dict[str, Any], ...] = (), **discharge: Any) -> list[tuple[Any, ...]]:
    rows = {
        "hospital_admissions": [stay(LEFT - timedelta(days=5), LEFT, **discharge), *others],
        "adult_social_care": [placement(LEFT + timedelta(days=begins), DAY_91 - timedelta(days=40), **REABLEMENT), *social_care],
    }
    given = transfer_rows("transfer", "day", "age", "at_home", **rows)
    return [row[1:] for row in given if row[0] == "reablement_discharge"]


@pytest.mark.parametrize(("begins", "counts"), [(-4, False), (-3, True), (0, True), (7, True), (8, False)])
def test_reablement_follows_a_discharge_within_days(begins: int, counts: bool) -> None:
    assert reablement_rows(begins=begins) == ([(LEFT, 73, True)] if counts else [])


@pytest.mark.parametrize(
    "discharge",
    [
        {"discharge_method_hospital_provider_spell": "4"},
        {"discharge_destination_hospital_provider_spell": "51"},
        {"patient_classification": "2"},
        {"start_date_hospital_provider_spell": LEFT},
    ],
)
def test_a_discharge_that_is_not_one_to_home_after_a_stay_does_not_count(discharge: dict[str, Any]) -> None:
    assert reablement_rows(**discharge) == []


@pytest.mark.parametrize(
    ("others", "social_care", "at_home"),
    [
        ((), (), True),
        ((stay(DAY_91, None),), (), False),
        ((stay(DAY_91 - timedelta(days=9), DAY_91),), (), True),
        ((stay(DAY_91 - timedelta(days=9), DAY_91 + timedelta(days=1)),), (), False),
        ((stay(DAY_91 + timedelta(days=1), None),), (), True),
        ((stay(DAY_91 - timedelta(days=9), DAY_91 - timedelta(days=8), discharge_method_hospital_provider_spell="4"),), (), False),
        ((), (placement(DAY_91 - timedelta(days=5)),), False),
        ((), (placement(DAY_91 - timedelta(days=5), DAY_91 - timedelta(days=1)),), True),
        ((), (placement(LEFT - timedelta(days=900), LEFT - timedelta(days=890), date_of_death=DAY_91),), False),
        ((), (placement(LEFT - timedelta(days=900), LEFT - timedelta(days=890), date_of_death=DAY_91 + timedelta(days=1)),), True),
    ],
)
def test_at_home_on_the_91st_day(others: tuple[dict[str, Any], ...], social_care: tuple[dict[str, Any], ...], at_home: bool) -> None:
    assert reablement_rows(*others, social_care=social_care) == [(LEFT, 73, at_home)]


def test_what_happens_after_the_as_at_date_is_not_known() -> None:
    left = AS_AT - timedelta(days=90)
    rows = {"hospital_admissions": [stay(left - timedelta(days=5), left)], "adult_social_care": [placement(left, **REABLEMENT)]}
    assert transfer_rows("day", "at_home", **rows) == [(left, None)]


def test_two_services_after_one_discharge_are_one_transfer() -> None:
    assert len(reablement_rows(social_care=(placement(LEFT + timedelta(days=5), **REABLEMENT),))) == 1

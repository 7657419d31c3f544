"""Care plans, accountable professionals, conditions and social care, from the codes and their days."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import PEOPLE
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.care import build_care
from tests.frame_builder import build_received_extracts, build_table, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
JUNE, JULY = date(2014, 6, 1), date(2014, 7, 1)


def care_value(column: str, person: dict[str, Any] | None = None, **extracts: Any) -> Any:
    people = lazy(build_table(PEOPLE, [{"person": "p", "population": "registered", "named_gp": False, **(person or {})}]))
    ((value,),) = sorted_rows(build_care(people, build_received_extracts(**extracts), RULES.clinical_codes, year_to(AS_AT)), column)
    return value


def coded_events(*codes: tuple[str, date], kind: str = "process") -> list[dict[str, Any]]:
    return [{"person": "p", "event_type": kind, "code": code, "event_date": day} for code, day in codes]


@pytest.mark.parametrize(
    ("codes", "on_register", "care_plan"),
    [
        ([], False, False),
        ([("8CV4.", JUNE)], True, False),
        ([("8CV4.", JUNE), ("8CT2.", JULY)], False, False),
        ([("8CT2.", JUNE), ("8CV4.", JULY)], True, False),
        ([("8CV4.", JUNE), ("8CT2.", JUNE)], True, False),
        ([("8CSB.", JUNE)], False, True),
        ([("8CSB.", JUNE), ("8IAe1", JULY)], False, False),
        ([("8IAe1", JUNE), ("8CSB.", JULY)], False, True),
        ([("8CSB.", JUNE), ("8CT2.", JULY)], False, False),
        ([("8CSB.", JUNE), ("8IAe1", JUNE)], False, True),
        ([("8CSB.", JUNE), ("8IAe1", JULY), ("8CSB.", date(2014, 8, 1))], False, True),
        ([("8CSB.", JUNE), ("8IAe1", date(2014, 10, 1))], False, True),
        ([("8CMG3", JUNE)], False, False),
        ([("8csb.", JUNE)], False, False),
    ],
)
def test_the_latest_code_counts(codes: list[tuple[str, date]], on_register: bool, care_plan: bool) -> None:
    for events in (coded_events(*codes), coded_events(*codes[::-1])):
        assert care_value("case_management_register", gp_events=events) is on_register
        assert care_value("care_plan", gp_events=events) is care_plan


@pytest.mark.parametrize(
    ("named", "codes", "expected"),
    [(False, [], False), (True, [], True), (False, [("67DJ.", JUNE)], True), (False, [("67DJ.", date(2014, 10, 1))], False)],
)
def test_an_accountable_professional_is_on_the_register_or_coded(named: bool, codes: list[tuple[str, date]], expected: bool) -> None:
    assert care_value("accountable_professional", {"named_gp": named}, gp_events=coded_events(*codes)) is expected


@pytest.mark.parametrize(
    ("codes", "conditions"),
    [
        ([], 0),
        (["G20.."], 1),
        (["G20..", "G2...", "G20z."], 1),
        (["C10E.", "C10F."], 1),
        (["H33..", "H3...", "H36.."], 2),
        (["H330.", "H06z."], 1),
        (["G30..", "G573.", "G58..", "G66.."], 4),
        (["XXXXX"], 0),
    ],
)
def test_long_term_conditions_are_counted_once_each(codes: list[str], conditions: int) -> None:
    events = coded_events(*((code, date(1990, 1, 1)) for code in codes), kind="diagnosis")
    assert care_value("long_term_conditions", gp_events=events) == conditions


@pytest.mark.parametrize(
    ("event", "client"),
    [
        ({"event_start_date": JUNE}, True),
        ({"event_start_date": date(2013, 9, 30), "event_end_date": date(2013, 9, 30)}, False),
        ({"event_start_date": date(2013, 1, 1), "event_end_date": date(2013, 10, 1)}, True),
        ({"event_start_date": date(2013, 1, 1)}, True),
        ({"event_start_date": JUNE, "client_type": "Unpaid carer"}, False),
    ],
)
def test_who_is_a_client_of_social_care_in_the_year(event: dict[str, Any], client: bool) -> None:
    assert care_value("social_care", adult_social_care=[{"person": "p", "client_type": "Service user", "event_type": "Review", **event}]) is client


CARE_HOME = {
    "person": "p",
    "client_type": "Service user",
    "event_type": "Service",
    "service_type": "Long term support: Nursing care",
    "event_start_date": JUNE,
}


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ({}, True),
        ({"event_end_date": AS_AT}, True),
        ({"event_end_date": date(2014, 9, 29)}, False),
        ({"service_component": "Short term nursing care"}, False),
        ({"service_component": "Long term nursing care"}, True),
        ({"service_type": "Long term support: Community"}, False),
        ({"event_outcome": "NFA: Self-funded client or under 12wk disregard"}, False),
    ],
)
def test_who_lives_in_a_care_home_that_the_council_pays_for(change: dict[str, Any], there: bool) -> None:
    assert care_value("care_home", adult_social_care=[{**CARE_HOME, **change}]) is there


@pytest.mark.parametrize(("mark", "there"), [("Y", True), ("N", False), (None, False)])
def test_who_lives_in_an_institute_by_the_register(mark: str | None, there: bool) -> None:
    assert care_value("care_home", {"residential_institute": mark}) is there


def test_everybody_has_a_row_even_with_nothing_recorded() -> None:
    people = lazy(build_table(PEOPLE, [{"person": who, "population": "untraced"} for who in "ab"]))
    given = build_care(people, build_received_extracts(), RULES.clinical_codes, year_to(AS_AT))
    columns = ("person", "case_management_register", "care_plan", "accountable_professional", "long_term_conditions", "social_care", "care_home")
    assert sorted_rows(given, *columns) == [(who, False, False, False, 0, False, False) for who in "ab"]

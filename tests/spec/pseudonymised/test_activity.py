"""The activity of each kind of record: item, quantity and cost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bcf_linkage.definitions.periods import window_to
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.days import day_number
from bcf_linkage.pseudonymised.spells import build_spells
from tests.frame_builder import build_received_extracts, collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
MARCH = date(2014, 3, 1)


def build_activity_rows(**extracts: Any) -> list[tuple[Any, ...]]:
    rows = build_received_extracts(**extracts)
    stays = build_spells(rows, AS_AT, RULES.ambulatory)
    return sorted_rows(build_activity(rows, stays, RULES.prices, window_to(AS_AT)), "month", "activity", "quantity", "cost")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"event_type": "consultation", "consultation_mode": "surgery"}, ("gp_surgery", 1.0, 46.00)),
        ({"event_type": "consultation", "consultation_mode": "home"}, ("gp_home", 1.0, 114.00)),
        ({"event_type": "consultation", "consultation_mode": None}, ("not_costed", 1.0, 0.0)),
        ({"event_type": "medication", "code": "02.12", "value": 3.0}, ("medication_bnf_02", 3.0, 12.90)),
        ({"event_type": "medication", "code": "04.07", "value": None}, ("medication_bnf_04", 1.0, 9.20)),
        ({"event_type": "medication", "code": "21.01", "value": 2.0}, ("not_costed", 2.0, 0.0)),
        ({"event_type": "medication", "code": None}, ("not_costed", 1.0, 0.0)),
        ({"event_type": "diagnosis", "code": "C10F."}, None),
        ({"event_type": "process", "code": "8CSB."}, None),
    ],
)
def test_general_practice(event: dict[str, Any], expected: tuple[str, float, float] | None) -> None:
    assert build_activity_rows(gp_events=[{"person": "p", "event_date": date(2014, 3, 31), **event}]) == ([(MARCH, *expected)] if expected else [])


def test_items_without_a_price_are_one_row_a_month_with_the_columns_of_the_table() -> None:
    event = {"person": "p", "event_date": MARCH, "event_type": "medication"}
    rows = build_received_extracts(gp_events=[{**event, "code": "21.01", "value": 2.0}, {**event, "code": "22.01", "value": 1.0}])
    activity = collect(build_activity(rows, build_spells(rows, AS_AT, RULES.ambulatory), RULES.prices, window_to(AS_AT)))
    assert activity.columns == list(ACTIVITY.names)
    assert activity.select("month", "activity", "quantity", "cost").rows() == [(MARCH, "not_costed", 3.0, 0.0)]


@pytest.mark.parametrize(
    ("department", "disposal", "item", "cost"),
    [
        ("01", "01", "ae_admitted", 138.0),
        ("02", "01", "ae_admitted", 138.0),
        ("01", "03", "ae_not_admitted", 114.0),
        ("03", "01", "ae_minor_injuries", 67.0),
        ("04", "03", "ae_walk_in", 46.0),
    ],
)
def test_emergency_care(department: str, disposal: str, item: str, cost: float) -> None:
    row = {"person": "p", "arrival_date": MARCH, "ae_department_type": department, "ae_attendance_disposal": disposal}
    assert build_activity_rows(emergency_care=[row]) == [(MARCH, item, 1.0, cost)]


@pytest.mark.parametrize(("attended", "seen"), [("5", True), ("6", True), ("7", False), ("3", False), ("2", False), ("0", False)])
def test_outpatients_only_count_when_seen(attended: str, seen: bool) -> None:
    row = {"person": "p", "appointment_date": MARCH, "attended_or_did_not_attend": attended}
    assert build_activity_rows(outpatients=[row]) == ([(MARCH, "outpatient_attendance", 1.0, 111.0)] if seen else [])


def spell(admitted: date, discharged: date | None, **rest: Any) -> dict[str, Any]:
    return {
        "person": "p",
        "hospital_provider_spell_number": "s",
        "episode_number": 1,
        "patient_classification": "1",
        "admission_method_hospital_provider_spell": "21",
        "start_date_hospital_provider_spell": admitted,
        "discharge_date_from_hospital_provider_spell": discharged,
        **rest,
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (spell(MARCH, MARCH), [("non_elective_short_stay", 1.0, 611.0)]),
        (spell(MARCH, date(2014, 3, 2)), [("non_elective_short_stay", 1.0, 611.0)]),
        (spell(MARCH, date(2014, 3, 3)), [("non_elective_long_stay", 1.0, 2716.0)]),
        (spell(MARCH, date(2014, 3, 15)), [("non_elective_long_stay", 1.0, 2716.0)]),
        (spell(MARCH, date(2014, 3, 16)), [("excess_bed_day", 1.0, 275.0), ("non_elective_long_stay", 1.0, 2716.0)]),
        (spell(MARCH, date(2014, 3, 2), admission_method_hospital_provider_spell="11"), [("elective_inpatient", 1.0, 3375.0)]),
        (
            spell(MARCH, date(2014, 4, 2), admission_method_hospital_provider_spell="13"),
            [("elective_inpatient", 1.0, 3375.0), ("excess_bed_day", 18.0, 4950.0)],
        ),
        (spell(MARCH, MARCH, patient_classification="2", admission_method_hospital_provider_spell="12"), [("day_case", 1.0, 698.0)]),
        (spell(MARCH, date(2014, 5, 1), patient_classification="3"), [("regular_attendance", 1.0, 340.0)]),
        (spell(MARCH, MARCH, patient_classification="4"), [("regular_attendance", 1.0, 340.0)]),
        (spell(MARCH, MARCH, patient_classification="5", admission_method_hospital_provider_spell="31"), [("non_elective_short_stay", 1.0, 611.0)]),
    ],
)
def test_hospital_spells(row: dict[str, Any], expected: list[tuple[str, float, float]]) -> None:
    assert build_activity_rows(hospital_admissions=[row]) == [(MARCH, *each) for each in expected]


def test_an_open_spell_lasts_to_the_as_at_date_and_no_further() -> None:
    september = date(2014, 9, 1)
    still_in, left_later = spell(september, None), spell(september, date(2014, 12, 1))
    expected = [(september, "excess_bed_day", 15.0, 4125.0), (september, "non_elective_long_stay", 1.0, 2716.0)]
    assert build_activity_rows(hospital_admissions=[still_in]) == expected
    assert build_activity_rows(hospital_admissions=[left_later]) == expected


def test_the_episodes_of_a_spell_are_one_stay_described_by_the_first() -> None:
    first, second = spell(MARCH, date(2014, 3, 2)), spell(MARCH, date(2014, 3, 2), episode_number=2, patient_classification="2")
    for rows in ([first, second], [second, first]):
        assert build_activity_rows(hospital_admissions=rows) == [(MARCH, "non_elective_short_stay", 1.0, 611.0)]
    assert build_activity_rows(hospital_admissions=[second]) == [(MARCH, "day_case", 1.0, 698.0)], "without the first episode the next one describes the spell"


def service(start: date, end: date | None, **rest: Any) -> dict[str, Any]:
    return {
        "person": "p",
        "event_type": "Service",
        "event_start_date": start,
        "event_end_date": end,
        "unit_cost": 70.0,
        "cost_frequency_unit_type": "Weekly",
        **rest,
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (service(MARCH, date(2014, 3, 7)), [(MARCH, 70.0)]),
        (service(MARCH, MARCH), [(MARCH, 10.0)]),
        (service(MARCH, date(2014, 3, 3), unit_cost=100.0), [(MARCH, 42.86)]),
        (service(date(2014, 3, 31), date(2014, 4, 2)), [(MARCH, 10.0), (date(2014, 4, 1), 20.0)]),
        (service(date(2014, 9, 24), None), [(date(2014, 9, 1), 70.0)]),
        (service(date(2014, 9, 24), date(2015, 9, 1)), [(date(2014, 9, 1), 70.0)]),
        (service(date(2011, 1, 1), date(2012, 10, 7)), [(date(2012, 10, 1), 70.0)]),
        (service(MARCH, date(2014, 3, 7), cost_frequency_unit_type="4-weekly"), [(MARCH, 17.5)]),
        (service(MARCH, date(2014, 3, 7), cost_frequency_unit_type="Annually", unit_cost=5200.0), [(MARCH, 100.0)]),
        (service(MARCH, date(2014, 3, 7), cost_frequency_unit_type="Hourly", unit_cost=15.0, planned_units_per_week=7.0), [(MARCH, 105.0)]),
        (service(MARCH, date(2014, 3, 7), cost_frequency_unit_type="Hourly", unit_cost=15.0), [(MARCH, 0.0)]),
        (service(MARCH, date(2014, 4, 7), cost_frequency_unit_type="One-off", unit_cost=500.0), [(MARCH, 500.0), (date(2014, 4, 1), 0.0)]),
        (service(MARCH, date(2014, 3, 7), cost_frequency_unit_type="No charge"), [(MARCH, 0.0)]),
        (service(MARCH, date(2014, 3, 7), unit_cost=None), [(MARCH, 0.0)]),
    ],
)
def test_social_care_services_cost_what_the_council_records_day_by_day(row: dict[str, Any], expected: list[tuple[date, float]]) -> None:
    assert build_activity_rows(adult_social_care=[row]) == [(month, "social_care_service", pounds, pounds) for month, pounds in expected]


def test_requests_assessments_and_reviews_are_one_event_each() -> None:
    rows = [{"person": "p", "event_type": kind, "event_start_date": MARCH} for kind in ("Request", "Assessment", "Review", "Review")]
    assert build_activity_rows(adult_social_care=rows) == [(MARCH, "social_care_event", 4.0, 180.0)]


@pytest.mark.parametrize(("day", "inside"), [(date(2012, 9, 30), False), (date(2012, 10, 1), True), (AS_AT, True), (date(2014, 10, 1), False)])
def test_months_outside_the_period_are_left_out(day: date, inside: bool) -> None:
    row = {"person": "p", "appointment_date": day, "attended_or_did_not_attend": "5"}
    assert bool(build_activity_rows(outpatients=[row])) is inside


def test_uses_of_a_month_add_up_and_unlinked_records_count_under_their_own_pseudonym() -> None:
    event = {"event_type": "consultation", "consultation_mode": "nurse"}
    rows = [{"person": who, "event_date": date(2014, 3, day), **event} for who, day in (("p", 1), ("p", 31), ("local", 5))]
    every = build_received_extracts(gp_events=rows)
    given = build_activity(every, build_spells(every, AS_AT, RULES.ambulatory), RULES.prices, window_to(AS_AT))
    assert sorted_rows(given, "person", "setting", "quantity", "cost") == [("local", "gp_events", 1.0, 14.0), ("p", "gp_events", 2.0, 28.0)]


@pytest.mark.parametrize(
    "day", [date(1, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(2000, 2, 29), date(2000, 12, 31), date(2012, 2, 29), date(2014, 9, 30)]
)
def test_day_numbers_are_those_of_the_calendar(day: date) -> None:
    import narwhals as nw
    import polars as pl

    assert sorted_rows(lazy(pl.DataFrame({"day": [day]})).select(n=day_number(nw.col("day"))), "n") == [(day.toordinal(),)]

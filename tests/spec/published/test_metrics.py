"""The metrics of the Better Care Fund, on small tables of events and two populations."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.pseudonymised_tables import SPELLS, TRANSFERS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.metrics import count_metric_events
from tests.frame_builder import build_received_extract, build_table, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT).metrics
AREAS = pl.DataFrame({"locality_code": ["10X"], "locality_name": ["Anytown"]})
THIS, BEFORE = date(2013, 10, 1), date(2012, 10, 1)


def count_metrics(*, register: Any = (), spells: Any = (), transfers: Any = (), as_at: date = AS_AT) -> dict[tuple[str, date], int]:
    """Return the counts above zero by measure and first day of the period."""
    frames = lazy(build_received_extract("gp_registrations", register)), lazy(build_table(SPELLS, spells)), lazy(build_table(TRANSFERS, transfers))
    counts = count_metric_events(*frames, lazy(AREAS), RULES, as_at)
    return {(measure, start): count for measure, start, count in sorted_rows(counts, "measure", "period_start", "count") if count}


@pytest.mark.parametrize(
    ("registration", "expected"),
    [
        ({"age": 17}, {("registered", THIS), ("registered", BEFORE)}),
        ({"age": 18}, {("registered", THIS), ("adults", THIS), ("registered", BEFORE)}),
        ({"age": 65}, {("registered", THIS), ("adults", THIS), ("aged_65", THIS), ("registered", BEFORE), ("adults", BEFORE)}),
        ({"age": 5, "registration_end_date": date(2014, 9, 29)}, {("registered", BEFORE)}),
        ({"age": 5, "date_of_death": AS_AT}, {("registered", BEFORE)}),
        ({"age": 5, "registration_start_date": date(2013, 10, 1)}, {("registered", THIS)}),
        ({"age": 5, "registration_start_date": date(2013, 9, 30)}, {("registered", THIS), ("registered", BEFORE)}),
        ({"age": 5, "outcome": "unlinked"}, set()),
    ],
)
def test_populations_are_counted_on_the_last_day_of_their_own_period(registration: dict[str, Any], expected: set[tuple[str, date]]) -> None:
    assert set(count_metrics(register=[{"person": "p", **registration}])) == expected


def test_a_person_with_two_registrations_is_one_resident() -> None:
    assert count_metrics(register=[{"person": "p", "age": 5}, {"person": "p", "age": 5}])["registered", THIS] == 1


def spell(**row: Any) -> dict[str, Any]:
    return {
        "person": "p",
        "registered": True,
        "start_date_hospital_provider_spell": date(2014, 3, 1),
        "admission_method_hospital_provider_spell": "21",
        "patient_classification": "1",
        "cds_type": "130",
        "sex": "1",
        "main_specialty_code": "300",
        "treatment_function_code": "300",
        **row,
    }


EMERGENCY, NON_ELECTIVE = "emergency_admissions", "non_elective_admissions"
RATE, ACSC = "non_elective_admissions_rate", "chronic_ambulatory_care_sensitive_admissions"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (spell(), {EMERGENCY, NON_ELECTIVE, RATE}),
        (spell(admission_method_hospital_provider_spell="2A"), {EMERGENCY, NON_ELECTIVE, RATE}),
        (spell(admission_method_hospital_provider_spell="81"), {NON_ELECTIVE, RATE}),
        (spell(admission_method_hospital_provider_spell="31"), {NON_ELECTIVE, RATE}),
        (spell(admission_method_hospital_provider_spell="12"), set()),
        (spell(registered=False), set()),
        (spell(treatment_function_code="501"), {EMERGENCY}),
        (spell(treatment_function_code=None, main_specialty_code="715"), {EMERGENCY}),
        (spell(treatment_function_code=None, main_specialty_code=None), {EMERGENCY, NON_ELECTIVE, RATE}),
        (spell(ambulatory_care_sensitive="asthma"), {EMERGENCY, NON_ELECTIVE, RATE, ACSC}),
        (spell(ambulatory_care_sensitive="asthma", admission_method_hospital_provider_spell="11"), set()),
        (spell(ambulatory_care_sensitive="asthma", source_of_admission_hospital_provider_spell="51"), {EMERGENCY, NON_ELECTIVE, RATE}),
        (spell(ambulatory_care_sensitive="asthma", patient_classification="2"), {EMERGENCY, NON_ELECTIVE, RATE}),
        (spell(ambulatory_care_sensitive="asthma", cds_type="140"), {EMERGENCY, NON_ELECTIVE, RATE}),
        (spell(ambulatory_care_sensitive="asthma", sex=None), {EMERGENCY, NON_ELECTIVE, RATE}),
    ],
)
def test_admissions(row: dict[str, Any], expected: set[str]) -> None:
    assert set(count_metrics(spells=[row])) == {(code, THIS) for code in expected}


@pytest.mark.parametrize(
    ("day", "start"),
    [(date(2012, 9, 30), None), (date(2012, 10, 1), BEFORE), (date(2013, 9, 30), BEFORE), (date(2013, 10, 1), THIS), (AS_AT, THIS), (date(2014, 10, 1), None)],
)
def test_an_admission_falls_in_the_year_in_which_it_began(day: date, start: date | None) -> None:
    assert {period for _, period in count_metrics(spells=[spell(start_date_hospital_provider_spell=day)])} == ({start} if start else set())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"transfer": "care_home_admission", "day": date(2014, 3, 1), "age": 65}], {("permanent_care_home_admissions_65", THIS): 1}),
        ([{"transfer": "care_home_admission", "day": date(2014, 3, 1), "age": 64}], {}),
        ([{"transfer": "care_home_admission", "day": date(2013, 3, 1), "age": 90}], {("permanent_care_home_admissions_65", BEFORE): 1}),
        (
            [{"transfer": "delay", "day": date(2014, month, 1), "age": 18, "delayed_days": days} for month, days in ((8, 31), (9, 4))],
            {("delayed_days", THIS): 35},
        ),
        ([{"transfer": "delay", "day": date(2014, 9, 1), "age": 17, "delayed_days": 9}], {}),
        (
            [{"transfer": "reablement_discharge", "day": date(2013, 10, 1), "age": 80, "at_home": home} for home in (True, False, True)],
            {("reablement_discharges_65", date(2013, 10, 1)): 3, ("still_at_home_91_days", date(2013, 10, 1)): 2},
        ),
        (
            [{"transfer": "reablement_discharge", "day": date(2012, 12, 31), "age": 65, "at_home": True}],
            {("reablement_discharges_65", BEFORE): 1, ("still_at_home_91_days", BEFORE): 1},
        ),
        ([{"transfer": "reablement_discharge", "day": date(2014, 1, 1), "age": 80, "at_home": True}], {}),
        ([{"transfer": "reablement_discharge", "day": date(2013, 12, 1), "age": 64, "at_home": True}], {}),
        ([{"transfer": "reablement_discharge", "day": date(2013, 12, 1), "age": 80, "at_home": None}], {}),
    ],
)
def test_transfers(rows: list[dict[str, Any]], expected: dict[tuple[str, date], int]) -> None:
    assert count_metrics(transfers=[{"person": "p", **row} for row in rows]) == expected


@pytest.mark.parametrize(
    ("as_at", "winter"),
    [(date(2014, 9, 30), 2013), (date(2014, 12, 31), 2013), (date(2015, 3, 31), 2013), (date(2015, 4, 30), 2014), (date(2016, 3, 31), 2015)],
)
def test_the_winter_is_the_latest_with_91_days_of_follow_up(as_at: date, winter: int) -> None:
    """31 December plus 91 days is 1 April, or 31 March in a leap year."""
    rows = [{"person": "p", "transfer": "reablement_discharge", "day": date(year, 11, 1), "age": 80, "at_home": True} for year in range(2010, 2017)]
    periods = {start for measure, start in count_metrics(transfers=rows, as_at=as_at) if measure == "still_at_home_91_days"}
    assert periods == {date(winter, 10, 1), date(winter - 1, 10, 1)}


def test_each_metric_has_one_row_for_each_of_its_periods_even_without_events() -> None:
    frames = lazy(build_received_extract("gp_registrations", ())), lazy(build_table(SPELLS, ())), lazy(build_table(TRANSFERS, ()))
    counts = sorted_rows(count_metric_events(*frames, lazy(AREAS), RULES, AS_AT), "measure", "period_start", "area_code", "count")
    assert counts == sorted((metric.code, start, "10X", 0) for metric in RULES.metrics for start in (THIS, BEFORE))


def test_a_metric_whose_source_is_not_shared_is_left_out() -> None:
    assert {metric.code for metric in RULES.limit_to_sources(["gp_registrations"]).metrics} == {"registered", "adults", "aged_65"}

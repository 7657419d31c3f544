"""Clauses of cohorts, and cohort counts: each person counts once in each area and group."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.measures import Clause, Cohort, CohortSet, Edition, Grouping
from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import CARE, PEOPLE, STRATA
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.clause_filters import meets_clauses
from bcf_linkage.published.cohort_counts import count_cohorts
from bcf_linkage.published.population import build_population
from tests.frame_builder import build_table, collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
EDITION = Edition("test", "1", date(2000, 1, 1), "a test", "D")
AREAS = pl.DataFrame(
    {
        "practice_code": ["J82001", "J82002", "J82003"],
        "practice_name": ["One", "Two", "Three"],
        "cluster_code": ["C1", "C1", "C2"],
        "cluster_name": ["East", "East", "West"],
        "locality_code": ["10X"] * 3,
        "locality_name": ["Anytown"] * 3,
    }
)


@pytest.mark.parametrize(
    ("clause", "value", "met"),
    [
        (Clause("a", "at_least", 18), 18, True),
        (Clause("a", "at_least", 18), 17, False),
        (Clause("a", "at_least", 18), None, False),
        (Clause("a", "below", 18), 17, True),
        (Clause("a", "below", 18), 18, False),
        (Clause("a", "is", 18), 18, True),
        (Clause("a", "is", 18), None, False),
        (Clause("a", "one_of", [1, 2]), 2, True),
        (Clause("a", "one_of", [1, 2]), 3, False),
        (Clause("a", "one_of", [1, 2]), None, False),
        (Clause("a", "none_of", [1, 2]), 3, True),
        (Clause("a", "none_of", [1, 2]), 2, False),
        (Clause("a", "none_of", [1, 2]), None, True),
        (Clause("a", "known", True), 3, True),
        (Clause("a", "known", True), None, False),
        (Clause("a", "known", False), None, True),
    ],
)
def test_clauses(clause: Clause, value: int | None, met: bool) -> None:
    frame = lazy(pl.DataFrame({"a": [value]}, {"a": pl.Int64}))
    assert sorted_rows(frame.select(met=meets_clauses([clause])), "met") == [(met,)]


def test_a_row_must_meet_every_clause_and_every_row_meets_an_empty_list() -> None:
    frame = lazy(pl.DataFrame({"a": [1, 2, 3]}))
    both = meets_clauses([Clause("a", "at_least", 2), Clause("a", "below", 3)])
    assert collect(frame.with_columns(met=both))["met"].to_list() == [False, True, False]
    assert collect(frame.with_columns(met=meets_clauses([])))["met"].to_list() == [True] * 3


def locality(*people: dict[str, Any]) -> Any:
    """Build the population of these people. Each can have columns of `people`, `strata` and `care`."""
    flags = {"care_plan": False, "accountable_professional": False, "case_management_register": False, "social_care": False, "care_home": False}
    defaults = {"population": "registered", "practice_code": "J82001", "age": 50, "high_risk": False, "long_term_conditions": 0, **flags}
    rows = [{"person": str(n), **defaults, **person} for n, person in enumerate(people)]
    frames = [lazy(build_table(table, ({name: row[name] for name in table.names if name in row} for row in rows))) for table in (PEOPLE, STRATA, CARE)]
    return build_population(*frames, lazy(AREAS))


def count_rows(people: Any, cohorts: CohortSet, *columns: str) -> list[tuple[Any, ...]]:
    return sorted_rows(count_cohorts(people, cohorts, year_to(AS_AT)), *columns)


def build_cohorts(*definitions: Cohort, areas: tuple[str, ...] = ("practice", "cluster", "locality"), groups: tuple[Grouping, ...] = ()) -> CohortSet:
    return CohortSet(EDITION, definitions, areas, groups)


REGISTERED = Cohort("registered", "Everybody")
ADULTS = Cohort("adults", "Adults", "registered", (Clause("age", "at_least", 18),))


def test_counts_by_practice_cluster_and_locality() -> None:
    people = locality({}, {"practice_code": "J82002"}, {"practice_code": "J82002", "age": 5}, {"practice_code": "J82003"})
    counts = count_rows(people, build_cohorts(REGISTERED, ADULTS), "measure", "area_type", "area_code", "area_name", "count", "unit")
    assert [row for row in counts if row[0] == "adults"] == [
        ("adults", "cluster", "C1", "East", 2, "percent"),
        ("adults", "cluster", "C2", "West", 1, "percent"),
        ("adults", "locality", "10X", "Anytown", 3, "percent"),
        ("adults", "practice", "J82001", "One", 1, "percent"),
        ("adults", "practice", "J82002", "Two", 1, "percent"),
        ("adults", "practice", "J82003", "Three", 1, "percent"),
    ]
    assert ("registered", "locality", "10X", "Anytown", 4, "count") in counts


def test_cohorts_with_the_same_criteria_are_one_count_under_any_name() -> None:
    aged = Cohort("aged_65", "65 or over", "adults", (Clause("age", "at_least", 65),))
    directly = Cohort("elders", "65 or over", "registered", (Clause("age", "at_least", 65),))
    people = locality({"age": 70, "age_band": "65-74"}, {"age": 20, "age_band": "18-64"})
    by_age = build_cohorts(REGISTERED, ADULTS, aged, directly, areas=("locality",), groups=(Grouping("age_band"),))
    rows = collect(count_cohorts(people, by_age, year_to(AS_AT), RULES.bands.ages)).to_dicts()
    nodes = {(row["measure"], row["group"]): row["node"] for row in rows}
    assert nodes["aged_65", "all"] == nodes["elders", "all"] != nodes["adults", "all"]
    assert nodes["aged_65", "65-74"] == nodes["registered", "65-74"]
    assert {row["count"] for row in rows if row["node"] == nodes["aged_65", "65-74"]} == {1}


def test_people_who_are_not_registered_are_not_counted() -> None:
    people = locality({}, {"population": "not registered", "practice_code": None}, {"population": "untraced", "practice_code": None})
    assert count_rows(people, build_cohorts(REGISTERED, areas=("locality",)), "count") == [(1,)]


def test_a_practice_that_the_settings_do_not_name_keeps_its_people() -> None:
    people = locality({}, {"practice_code": "J99999"})
    counts = count_rows(people, build_cohorts(REGISTERED), "area_type", "area_code", "area_name", "count")
    assert ("practice", "J99999", "J99999", 1) in counts
    assert ("locality", "unassigned", "unassigned", 1) in counts
    assert ("locality", "10X", "Anytown", 1) in counts


def test_groups_divide_the_locality_and_have_the_labels_of_their_code_list() -> None:
    people = locality({"sex": "1"}, {"sex": "2"}, {"sex": "2"}, {"sex": "0"}, {"sex": None}, {"sex": "X"})
    counts = count_rows(people, build_cohorts(REGISTERED, areas=("locality",), groups=(Grouping("sex", "sex"),)), "group_type", "group", "count")
    assert counts == [("all", "all", 6), ("sex", "Female", 2), ("sex", "Male", 1), ("sex", "Not known", 3)]


def test_every_denominator_and_every_whole_is_a_row_of_the_table() -> None:
    for definitions in (RULES.conditions, RULES.cohorts):
        frame = collect(count_cohorts(locality({}, {"practice_code": "J82003", "age": 80, "high_risk": True}), definitions, year_to(AS_AT)))
        nodes = set(frame["node"])
        assert frame["node"].is_unique().all()
        assert set(frame["among"].drop_nulls()) <= nodes
        assert set(frame["part_of"].drop_nulls()) <= nodes


@pytest.mark.parametrize(
    ("person", "codes"),
    [
        ({}, {"registered", "adults"}),
        ({"age": 17}, {"registered"}),
        ({"age": None}, {"registered"}),
        ({"high_risk": True}, {"adults_high_risk"}),
        ({"high_risk": True, "care_plan": True}, {"adults_high_risk", "high_risk_care_plan"}),
        ({"care_plan": True}, set()),
        ({"high_risk": True, "accountable_professional": True}, {"adults_high_risk", "high_risk_accountable_professional"}),
        (
            {"high_risk": True, "care_plan": True, "accountable_professional": True},
            {"adults_high_risk", "high_risk_care_plan", "high_risk_accountable_professional", "high_risk_care_plan_and_professional"},
        ),
        ({"high_risk": True, "care_plan": True, "social_care": True}, {"adults_high_risk", "high_risk_care_plan", "high_risk_joint_care_plan"}),
        ({"high_risk": True, "social_care": True}, {"adults_high_risk"}),
        ({"case_management_register": True}, {"case_management_register"}),
        ({"age": 17, "case_management_register": True}, {"registered"}),
        ({"age": 74, "accountable_professional": True}, set()),
        ({"age": 75}, {"aged_75"}),
        ({"age": 75, "accountable_professional": True}, {"aged_75", "named_gp_75"}),
    ],
)
def test_the_national_condition(person: dict[str, Any], codes: set[str]) -> None:
    everybody = {"registered", "adults"} if person.get("age", 50) in range(18, 120) else {"registered"}
    counts = count_rows(locality(person), RULES.conditions, "area_type", "measure", "count")
    assert {measure for area, measure, count in counts if area == "locality" and count} == codes | everybody


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ({"age": 65}, "aged_65"),
        ({"age": 75}, "aged_75"),
        ({"age": 5, "care_home": True}, "care_home_residents"),
        ({"high_risk": True}, "high_risk"),
        ({"social_care": True}, "social_care_clients"),
        ({"high_risk": True, "social_care": True}, "high_risk_with_social_care"),
        ({"long_term_conditions": 2}, "long_term_conditions_two_plus"),
    ],
)
def test_the_cohorts(person: dict[str, Any], code: str) -> None:
    def cohorts_of(member: dict[str, Any]) -> set[str]:
        rows = count_rows(locality(member), RULES.cohorts, "area_type", "measure", "count")
        return {measure for area, measure, count in rows if area == "locality" and count}

    assert code in cohorts_of(person)
    assert code not in cohorts_of({})


def test_a_cohort_that_needs_an_extract_that_is_not_shared_is_not_published() -> None:
    codes = {cohort.code for cohort in RULES.conditions.limit_to_sources(["gp_registrations", "gp_events"]).cohorts}
    assert "high_risk_care_plan" in codes
    assert "high_risk_joint_care_plan" not in codes
    without_sources = {cohort.code for cohort in RULES.cohorts.limit_to_sources([]).cohorts}
    assert without_sources == {"registered", "adults", "aged_65", "aged_75", "care_home_residents", "high_risk"}

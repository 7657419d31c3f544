"""Definitions interpreted, and people counted: everybody once in each area and group."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.measures import Clause, Cohort, CohortSet, Edition, Grouping
from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import CARE, PEOPLE, STRATA
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.counts import counts
from bcf_linkage.published.population import population
from bcf_linkage.published.selection import meets
from tests.made_frames import collected, lazy, rows_of, table

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
    assert rows_of(frame.select(met=meets([clause])), "met") == [(met,)]


def test_every_clause_must_be_met_and_no_clause_is_met_by_all() -> None:
    frame = lazy(pl.DataFrame({"a": [1, 2, 3]}))
    both = meets([Clause("a", "at_least", 2), Clause("a", "below", 3)])
    assert collected(frame.with_columns(met=both))["met"].to_list() == [False, True, False]
    assert collected(frame.with_columns(met=meets([])))["met"].to_list() == [True] * 3


def locality(*people: dict[str, Any]) -> Any:
    """The population of these people; each may state columns of `people`, `strata` and `care`."""
    flags = {"care_plan": False, "accountable_professional": False, "case_management_register": False, "social_care": False, "care_home": False}
    defaults = {"population": "registered", "practice_code": "J82001", "age": 50, "high_risk": False, "long_term_conditions": 0, **flags}
    rows = [{"person": str(n), **defaults, **person} for n, person in enumerate(people)]
    frames = [lazy(table(of, ({name: row[name] for name in of.names if name in row} for row in rows))) for of in (PEOPLE, STRATA, CARE)]
    return population(*frames, lazy(AREAS))


def counted(people: Any, cohorts: CohortSet, *columns: str) -> list[tuple[Any, ...]]:
    return rows_of(counts(people, cohorts, year_to(AS_AT)), *columns)


def cohorts(*definitions: Cohort, areas: tuple[str, ...] = ("practice", "cluster", "locality"), groups: tuple[Grouping, ...] = ()) -> CohortSet:
    return CohortSet(EDITION, definitions, areas, groups)


REGISTERED = Cohort("registered", "Everybody")
ADULTS = Cohort("adults", "Adults", "registered", (Clause("age", "at_least", 18),))


def test_areas_and_what_they_are_part_of() -> None:
    people = locality({}, {"practice_code": "J82002"}, {"practice_code": "J82002", "age": 5}, {"practice_code": "J82003"})
    given = counted(people, cohorts(REGISTERED, ADULTS), "measure", "area_type", "area_code", "area_name", "count", "unit")
    assert [row for row in given if row[0] == "adults"] == [
        ("adults", "cluster", "C1", "East", 2, "percent"),
        ("adults", "cluster", "C2", "West", 1, "percent"),
        ("adults", "locality", "10X", "Anytown", 3, "percent"),
        ("adults", "practice", "J82001", "One", 1, "percent"),
        ("adults", "practice", "J82002", "Two", 1, "percent"),
        ("adults", "practice", "J82003", "Three", 1, "percent"),
    ]
    assert ("registered", "locality", "10X", "Anytown", 4, "count") in given


def test_cohorts_of_one_meaning_are_one_count_whatever_they_are_called() -> None:
    aged = Cohort("aged_65", "65 or over", "adults", (Clause("age", "at_least", 65),))
    directly = Cohort("elders", "65 or over", "registered", (Clause("age", "at_least", 65),))
    people = locality({"age": 70, "age_band": "65-74"}, {"age": 20, "age_band": "18-64"})
    by_age = cohorts(REGISTERED, ADULTS, aged, directly, areas=("locality",), groups=(Grouping("age_band"),))
    rows = collected(counts(people, by_age, year_to(AS_AT), RULES.bands.ages)).to_dicts()
    nodes = {(row["measure"], row["group"]): row["node"] for row in rows}
    assert nodes["aged_65", "all"] == nodes["elders", "all"] != nodes["adults", "all"]
    assert nodes["aged_65", "65-74"] == nodes["registered", "65-74"]
    assert {row["count"] for row in rows if row["node"] == nodes["aged_65", "65-74"]} == {1}


def test_who_is_not_registered_is_not_counted() -> None:
    people = locality({}, {"population": "not registered", "practice_code": None}, {"population": "untraced", "practice_code": None})
    assert counted(people, cohorts(REGISTERED, areas=("locality",)), "count") == [(1,)]


def test_a_practice_that_the_settings_do_not_name_keeps_its_people() -> None:
    people = locality({}, {"practice_code": "J99999"})
    given = counted(people, cohorts(REGISTERED), "area_type", "area_code", "area_name", "count")
    assert ("practice", "J99999", "J99999", 1) in given
    assert ("locality", "unassigned", "unassigned", 1) in given
    assert ("locality", "10X", "Anytown", 1) in given


def test_groups_divide_the_locality_and_take_the_words_of_their_code_list() -> None:
    people = locality({"sex": "1"}, {"sex": "2"}, {"sex": "2"}, {"sex": "0"}, {"sex": None}, {"sex": "X"})
    given = counted(people, cohorts(REGISTERED, areas=("locality",), groups=(Grouping("sex", "sex"),)), "group_type", "group", "count")
    assert given == [("all", "all", 6), ("sex", "Female", 2), ("sex", "Male", 1), ("sex", "Not known", 3)]


def test_every_denominator_and_every_parent_is_a_row_of_the_table() -> None:
    for definitions in (RULES.conditions, RULES.cohorts):
        frame = collected(counts(locality({}, {"practice_code": "J82003", "age": 80, "high_risk": True}), definitions, year_to(AS_AT)))
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
    given = counted(locality(person), RULES.conditions, "area_type", "measure", "count")
    assert {measure for area, measure, count in given if area == "locality" and count} == codes | everybody


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
    def members(of: dict[str, Any]) -> set[str]:
        return {measure for area, measure, count in counted(locality(of), RULES.cohorts, "area_type", "measure", "count") if area == "locality" and count}

    assert code in members(person)
    assert code not in members({})


def test_what_needs_an_extract_that_is_not_shared_is_not_published() -> None:
    codes = {cohort.code for cohort in RULES.conditions.from_sources(["gp_registrations", "gp_events"]).cohorts}
    assert "high_risk_care_plan" in codes
    assert "high_risk_joint_care_plan" not in codes
    none = {cohort.code for cohort in RULES.cohorts.from_sources([]).cohorts}
    assert none == {"registered", "adults", "aged_65", "aged_75", "care_home_residents", "high_risk"}

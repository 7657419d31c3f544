"""Definitions with the same criteria, subsets of one another, and overlaps."""

from __future__ import annotations

from datetime import date

import pytest

from bcf_linkage.definitions.criteria import Criteria, combine_clauses, criteria_by_code, criteria_text, find_overlaps, is_subset, nested_pairs
from bcf_linkage.definitions.measures import Clause
from bcf_linkage.definitions.rulebook import Rulebook

RULES = Rulebook.build(date(2014, 9, 30))


def build_criteria(*clauses: tuple[str, str, object]) -> Criteria:
    return combine_clauses(Clause(*clause) for clause in clauses)


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (build_criteria(("age", "at_least", 75)), build_criteria(("age", "at_least", 65)), True),
        (build_criteria(("age", "at_least", 65)), build_criteria(("age", "at_least", 75)), False),
        (build_criteria(("age", "below", 10)), build_criteria(("age", "below", 18)), True),
        (build_criteria(("age", "below", 10)), build_criteria(("age", "at_least", 5)), False),
        (build_criteria(("a", "one_of", [1])), build_criteria(("a", "one_of", [1, 2])), True),
        (build_criteria(("a", "none_of", [1, 2])), build_criteria(("a", "none_of", [1])), True),
        (build_criteria(("a", "none_of", [1])), build_criteria(("a", "none_of", [1, 2])), False),
        (build_criteria(("a", "is", True), ("b", "is", True)), build_criteria(("a", "is", True)), True),
        (build_criteria(("a", "is", True)), build_criteria(), True),
        (build_criteria(), build_criteria(("a", "is", True)), False),
    ],
)
def test_a_definition_is_a_subset_by_its_clauses(inner: Criteria, outer: Criteria, within: bool) -> None:
    assert is_subset(inner, outer) is within


def test_a_clause_that_follows_from_another_is_left_out() -> None:
    assert build_criteria(("age", "at_least", 18), ("age", "at_least", 75)) == build_criteria(("age", "at_least", 75))
    assert criteria_text(build_criteria(("b", "is", True), ("age", "at_least", 75))) == "age at_least 75 and b is True"
    assert criteria_text(build_criteria()) == "everybody"


def test_the_national_condition_has_subsets_and_overlaps() -> None:
    codes = {criteria: code for code, criteria in criteria_by_code(RULES.conditions.cohorts).items()}
    pairs = {(codes[inner], codes[outer]) for inner, outer in nested_pairs(tuple(codes))}
    assert ("high_risk_care_plan_and_professional", "high_risk_care_plan") in pairs
    assert ("high_risk_joint_care_plan", "high_risk_care_plan") in pairs
    assert ("adults", "registered") in pairs
    assert ("aged_75", "registered") not in pairs, "only the next wider"
    found = {tuple(codes[criteria] for criteria in overlap) for overlap in find_overlaps(tuple(codes))}
    plan, professional = sorted(
        ("high_risk_care_plan", "high_risk_accountable_professional"), key=lambda code: criteria_text(criteria_by_code(RULES.conditions.cohorts)[code])
    )
    assert ("adults_high_risk", plan, professional, "high_risk_care_plan_and_professional") in found

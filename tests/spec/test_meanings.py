"""Which definitions say the same, which lie within which, and which overlap."""

from __future__ import annotations

from datetime import date

import pytest

from bcf_linkage.definitions.meanings import Meaning, crossing, in_words, lies_within, meaning, meanings, nested
from bcf_linkage.definitions.measures import Clause
from bcf_linkage.definitions.rulebook import Rulebook

RULES = Rulebook.build(date(2014, 9, 30))


def said(*clauses: tuple[str, str, object]) -> Meaning:
    return meaning(Clause(*clause) for clause in clauses)


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (said(("age", "at_least", 75)), said(("age", "at_least", 65)), True),
        (said(("age", "at_least", 65)), said(("age", "at_least", 75)), False),
        (said(("age", "below", 10)), said(("age", "below", 18)), True),
        (said(("age", "below", 10)), said(("age", "at_least", 5)), False),
        (said(("a", "one_of", [1])), said(("a", "one_of", [1, 2])), True),
        (said(("a", "none_of", [1, 2])), said(("a", "none_of", [1])), True),
        (said(("a", "none_of", [1])), said(("a", "none_of", [1, 2])), False),
        (said(("a", "is", True), ("b", "is", True)), said(("a", "is", True)), True),
        (said(("a", "is", True)), said(), True),
        (said(), said(("a", "is", True)), False),
    ],
)
def test_one_lies_within_another_if_its_clauses_say_so(inner: Meaning, outer: Meaning, within: bool) -> None:
    assert lies_within(inner, outer) is within


def test_what_follows_from_another_clause_is_not_said_twice() -> None:
    assert said(("age", "at_least", 18), ("age", "at_least", 75)) == said(("age", "at_least", 75))
    assert in_words(said(("b", "is", True), ("age", "at_least", 75))) == "age at_least 75 and b is True"
    assert in_words(said()) == "everybody"


def test_the_national_condition_nests_and_crosses() -> None:
    codes = {meant: code for code, meant in meanings(RULES.conditions.cohorts).items()}
    pairs = {(codes[inner], codes[outer]) for inner, outer in nested(tuple(codes))}
    assert ("high_risk_care_plan_and_professional", "high_risk_care_plan") in pairs
    assert ("high_risk_joint_care_plan", "high_risk_care_plan") in pairs
    assert ("adults", "registered") in pairs
    assert ("aged_75", "registered") not in pairs, "only the next wider"
    found = {tuple(codes[one] for one in four) for four in crossing(tuple(codes))}
    plan, professional = sorted(
        ("high_risk_care_plan", "high_risk_accountable_professional"), key=lambda code: in_words(meanings(RULES.conditions.cohorts)[code])
    )
    assert ("adults_high_risk", plan, professional, "high_risk_care_plan_and_professional") in found

"""The cuts between bands, and the adults at high risk."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY, PEOPLE
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.bands import assign_cost_bands
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.strata import build_strata
from tests.frame_builder import build_table, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT).bands


def bands_of(pence: list[int]) -> list[str]:
    frame = lazy(pl.DataFrame({"pence": pence, "counted": [1] * len(pence)}))
    by_cost = dict(sorted_rows(assign_cost_bands(frame, RULES), "pence", "band"))
    return [by_cost[cost] for cost in pence]


@pytest.mark.parametrize(
    ("pence", "expected", "why"),
    [
        ([0], ["Non users"], "no cost, no use"),
        ([0, 0], ["Non users", "Non users"], "nobody costs anything"),
        ([7], ["Very High"], "nobody costs more than the only one"),
        ([5, 5, 5, 5, 5], ["Very High"] * 5, "equal costs share the higher band"),
        ([20, 20, 20, 20, 20, 0], ["Very High"] * 5 + ["Non users"], "and nobody is split off at a cut"),
        ([100, 99, 98, 97, 96], ["Very High", "High", "Moderate", "Low", "Healthy"], "a person is placed by what the costlier ones cost together"),
        ([20, 19, 18, 17, 26], ["High", "Moderate", "Low", "Healthy", "Very High"], "in any order of rows"),
        ([20, 80], ["Healthy", "Very High"], "at exactly four fifths the last band begins"),
        ([60, 40], ["Very High", "Low"], "one person can use up three bands"),
    ],
)
def test_equal_cost(pence: list[int], expected: list[str], why: str) -> None:
    assert bands_of(pence) == expected, why


@pytest.mark.parametrize(
    ("costlier", "band"),
    [(1999, "Very High"), (2000, "High"), (3999, "High"), (4000, "Moderate"), (5999, "Moderate"), (6000, "Low"), (7999, "Low"), (8000, "Healthy")],
)
def test_the_cuts_are_at_exact_fifths_of_the_total(costlier: int, band: str) -> None:
    """One person who costs `costlier`, and one-penny people who make the total 10,000."""
    pence = [costlier] + [1] * (10_000 - costlier)
    assert bands_of(pence)[-1] == band


def build_strata_rows(people: list[dict[str, Any]], spent: dict[str, float], **activity: Any) -> list[tuple[Any, ...]]:
    rows = [{"person": who, "month": date(2014, 3, 1), "setting": "outpatients", "quantity": 1.0, "cost": cost, **activity} for who, cost in spent.items()]
    defaults = {"population": "registered", "practice_code": "J82001", "age": 50}
    given = build_strata(
        lazy(build_table(PEOPLE, ({**defaults, **row} for row in people))), build_costs(lazy(build_table(ACTIVITY, rows)), year_to(AS_AT)), RULES
    )
    return sorted_rows(given, "person", "health_cost", "social_care_cost", "band", "high_risk")


@pytest.mark.parametrize(
    ("month", "setting", "health", "social"),
    [
        (date(2013, 9, 1), "outpatients", 0.0, 0.0),
        (date(2013, 10, 1), "outpatients", 12.34, 0.0),
        (date(2014, 9, 1), "gp_events", 12.34, 0.0),
        (date(2014, 9, 1), "adult_social_care", 0.0, 12.34),
    ],
)
def test_the_cost_of_the_year_that_ends_on_the_as_at_date(month: date, setting: str, health: float, social: float) -> None:
    band = "Very High" if health else "Non users"
    assert build_strata_rows([{"person": "p", "age": 5}], {"p": 12.34}, month=month, setting=setting) == [("p", health, social, band, False)]


def test_a_person_who_is_not_registered_has_costs_and_no_band_and_changes_no_other_band() -> None:
    people = [{"person": "a"}, {"person": "b"}, {"person": "visitor", "population": "not registered", "practice_code": None}]
    assert build_strata_rows(people, {"a": 10.0, "b": 90.0, "visitor": 10_000.0}) == [
        ("a", 10.0, 0.0, "Healthy", False),
        ("b", 90.0, 0.0, "Very High", True),
        ("visitor", 10_000.0, 0.0, None, False),
    ]


@pytest.mark.parametrize(
    ("costs", "expected", "why"),
    [
        ([5, 3, 1], 1, "2% of three people is rounded up to one"),
        ([5, 5, 1], 2, "equal costs share the best rank"),
        ([0, 0, 0], 0, "who costs nothing is not at risk"),
        (range(50, 0, -1), 1, "2% of fifty is one"),
        (range(51, 0, -1), 2, "2% of fifty-one is more than one"),
    ],
)
def test_the_costliest_of_a_practice_are_at_high_risk(costs: list[int], expected: int, why: str) -> None:
    people = [{"person": f"{n:03}"} for n in range(len(costs))]
    rows = build_strata_rows(people, {f"{n:03}": float(cost) for n, cost in enumerate(costs)})
    assert [row[0] for row in rows if row[4]] == [f"{n:03}" for n in range(expected)], why


def test_risk_is_among_the_adults_of_a_practice() -> None:
    people = [
        {"person": "child", "age": 17},
        {"person": "adult", "age": 18},
        {"person": "unknown", "age": None},
        {"person": "elsewhere", "practice_code": "J82002"},
    ]
    rows = build_strata_rows(people, {"child": 900.0, "adult": 5.0, "unknown": 800.0, "elsewhere": 1.0})
    assert {row[0] for row in rows if row[4]} == {"adult", "elsewhere"}

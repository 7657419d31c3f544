"""The Great Expectations suite of a declared table: one expectation for each rule, and one for the key.

Importing this module imports Great Expectations, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import singledispatch

from great_expectations import ExpectationSuite
from great_expectations.expectations import (
    ExpectColumnPairValuesAToBeGreaterThanB,
    ExpectColumnValuesToBeBetween,
    ExpectColumnValuesToBeInSet,
    ExpectColumnValuesToMatchRegex,
    ExpectColumnValuesToNotBeNull,
)
from great_expectations.expectations.expectation import Expectation

from bcf_linkage.definitions.schema import Between, CheckDigit, Constraint, Matches, NotBefore, OneOf, Required, Table, Type, Typed
from expectations.custom_expectations import ExpectColumnValuesToBeRealDates, ExpectColumnValuesToHaveCheckDigit
from expectations.delivery_rules import Unique, list_rules
from expectations.tally import View, view_for
from expectations.values import TYPE_PATTERNS, parse_number


def build_suite(table: Table, views: Collection[View] | None = None) -> ExpectationSuite:
    """Build the suite of a table, or of the rules on some of its views, in the order of `list_rules`. Each expectation has its column and rule as meta."""
    rules = ((column, rule) for column, rule in list_rules(table) if views is None or view_for(table, column, rule) in views)
    return ExpectationSuite(table.name, expectations=[_label_expectation(table, column, rule) for column, rule in rules])


def column_labels(view: View) -> tuple[str, ...]:
    """Return the names of the columns of a view in the batch. A column of several views needs a name for each."""
    return view.columns if len(view.columns) == 1 else tuple(f"{column} of {' and '.join(view.columns)}" for column in view.columns)


def number_label(name: str) -> str:
    """Return the name of the same column as numbers."""
    return f"{name}, as a number"


def _label_expectation(table: Table, column: str, rule: Constraint) -> Expectation:
    expected = build_expectation(rule, *column_labels(view_for(table, column, rule)))
    expected.meta = {"column": column, "rule": rule.rule}
    return expected


@singledispatch
def build_expectation(rule: Constraint, column: str, other: str = "") -> Expectation:
    """Return the expectation for a rule on the named column (or two). Blanks are null; every expectation but `Required` ignores nulls."""
    raise NotImplementedError(f"no expectation for {type(rule).__name__}")


@build_expectation.register
def _(rule: Required, column: str) -> Expectation:
    return ExpectColumnValuesToNotBeNull(column=column)


@build_expectation.register
def _(rule: Typed, column: str) -> Expectation:
    return ExpectColumnValuesToBeRealDates(column=column) if rule.type is Type.DATE else _expect_pattern(column, TYPE_PATTERNS[rule.type])


@build_expectation.register
def _(rule: OneOf, column: str) -> Expectation:
    return ExpectColumnValuesToBeInSet(column=column, value_set=list(rule.codes.codes))


@build_expectation.register
def _(rule: Matches, column: str) -> Expectation:
    return _expect_pattern(column, rule.pattern)


@build_expectation.register
def _(rule: Between, column: str) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=number_label(column), min_value=_bound_number(rule.low), max_value=_bound_number(rule.high))


@build_expectation.register
def _(rule: NotBefore, column: str, other: str) -> Expectation:
    return ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=number_label(column), column_B=number_label(other), or_equal=True, ignore_row_if="either_value_is_missing"
    )


@build_expectation.register
def _(rule: CheckDigit, column: str) -> Expectation:
    return ExpectColumnValuesToHaveCheckDigit(column=column)


@build_expectation.register
def _(rule: Unique, column: str) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=column, max_value=1)


def _bound_number(bound: float | str | None) -> float | None:
    return parse_number(bound, Type.DATE) if isinstance(bound, str) else bound


def _expect_pattern(column: str, pattern: str) -> Expectation:
    return ExpectColumnValuesToMatchRegex(column=column, regex=f"^(?:{pattern})$")

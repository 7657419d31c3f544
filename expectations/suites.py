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
from expectations.judged import Unique, judged
from expectations.own_expectations import ExpectColumnValuesToBeRealDates, ExpectColumnValuesToHaveCheckDigit
from expectations.tally import View, view
from expectations.values import WRITTEN, as_number


def suite(table: Table, views: Collection[View] | None = None) -> ExpectationSuite:
    """The suite of a table, or of the rules that look at some views of it, in the order of `judged`; each carries its column and rule."""
    rules = ((column, rule) for column, rule in judged(table) if views is None or view(table, column, rule) in views)
    return ExpectationSuite(table.name, expectations=[_expected(table, column, rule) for column, rule in rules])


def shown(view: View) -> tuple[str, ...]:
    """The names under which Great Expectations finds the columns of a view."""
    return view.columns if len(view.columns) == 1 else tuple(f"{column} of {' and '.join(view.columns)}" for column in view.columns)


def numbers(name: str) -> str:
    """The name of the same column read as numbers."""
    return f"{name}, as a number"


def _expected(table: Table, column: str, rule: Constraint) -> Expectation:
    expected = expectation(rule, *shown(view(table, column, rule)))
    expected.meta = {"column": column, "rule": rule.rule}
    return expected


@singledispatch
def expectation(rule: Constraint, column: str, other: str = "") -> Expectation:
    """What a rule expects of a column, given the names under which it is shown. Blanks are null, which all but `Required` pass over."""
    raise NotImplementedError(f"no expectation for {type(rule).__name__}")


@expectation.register
def _(rule: Required, column: str) -> Expectation:
    return ExpectColumnValuesToNotBeNull(column=column)


@expectation.register
def _(rule: Typed, column: str) -> Expectation:
    return ExpectColumnValuesToBeRealDates(column=column) if rule.type is Type.DATE else _matching(column, WRITTEN[rule.type])


@expectation.register
def _(rule: OneOf, column: str) -> Expectation:
    return ExpectColumnValuesToBeInSet(column=column, value_set=list(rule.codes.codes))


@expectation.register
def _(rule: Matches, column: str) -> Expectation:
    return _matching(column, rule.pattern)


@expectation.register
def _(rule: Between, column: str) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=numbers(column), min_value=_bound(rule.low), max_value=_bound(rule.high))


@expectation.register
def _(rule: NotBefore, column: str, other: str) -> Expectation:
    return ExpectColumnPairValuesAToBeGreaterThanB(column_A=numbers(column), column_B=numbers(other), or_equal=True, ignore_row_if="either_value_is_missing")


@expectation.register
def _(rule: CheckDigit, column: str) -> Expectation:
    return ExpectColumnValuesToHaveCheckDigit(column=column)


@expectation.register
def _(rule: Unique, column: str) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=column, max_value=1)


def _bound(bound: float | str | None) -> float | None:
    return as_number(bound, Type.DATE) if isinstance(bound, str) else bound


def _matching(column: str, pattern: str) -> Expectation:
    return ExpectColumnValuesToMatchRegex(column=column, regex=f"^(?:{pattern})$")

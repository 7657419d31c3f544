"""The Great Expectations suite of a declared table: one expectation for each rule, and one for the key.

Importing this module imports Great Expectations, which takes seconds.
"""

from __future__ import annotations

import re
from functools import singledispatch

import pandas as pd
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
from expectations.own_expectations import ExpectColumnValuesToBeRealDates, ExpectColumnValuesToHaveCheckDigit, as_date
from expectations.tally import KEY_ROWS, View

WRITTEN = {Type.INTEGER: r"[+-]?[0-9]+", Type.DECIMAL: r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", Type.TRUTH: "true|false"}


def suite(table: Table) -> ExpectationSuite:
    """The suite of a table, its expectations in the order of `judged`; each carries its column and rule."""
    return ExpectationSuite(table.name, expectations=[_told(expectation(rule, column), column, rule) for column, rule in judged(table)])


def shown(view: View, column: str) -> str:
    """The name under which Great Expectations finds a column of a view."""
    return f"{column}, first character" if view.first_character else " beside ".join(dict.fromkeys((column, *view.columns)))


def as_number(name: str) -> str:
    """The name of the same column read as numbers."""
    return f"{name}, as a number"


def view(rule: Constraint, column: str) -> View | None:
    """What a rule on a column looks at; None if that is the key."""
    if isinstance(rule, Unique):
        return None
    if isinstance(rule, Required):
        return View((column,), first_character=True)
    return View((column, rule.other)) if isinstance(rule, NotBefore) else View((column,))


@singledispatch
def expectation(rule: Constraint, column: str) -> Expectation:
    """What is expected of a column by a rule. Blanks are null, which all but `Required` pass over."""
    raise NotImplementedError(f"no expectation for {type(rule).__name__}")


@expectation.register
def _(rule: Required, column: str) -> Expectation:
    return ExpectColumnValuesToNotBeNull(column=shown(View((column,), first_character=True), column))


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
    return ExpectColumnValuesToBeBetween(column=as_number(column), min_value=_bound(rule.low), max_value=_bound(rule.high))


@expectation.register
def _(rule: NotBefore, column: str) -> Expectation:
    pair = View((column, rule.other))
    return ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=as_number(shown(pair, column)), column_B=as_number(shown(pair, rule.other)), or_equal=True, ignore_row_if="either_value_is_missing"
    )


@expectation.register
def _(rule: CheckDigit, column: str) -> Expectation:
    return ExpectColumnValuesToHaveCheckDigit(column=column)


@expectation.register
def _(rule: Unique, column: str) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=KEY_ROWS, max_value=1)


def read_as_numbers(values: pd.Series, kind: Type) -> pd.Series:
    """Text -> numbers in the order of what the text stands for, a date as YYYYMMDD; missing where it is not of the type."""
    if kind is Type.DATE:
        return values.map(lambda text: _date_number(text) if isinstance(text, str) else None).astype("float64")
    written = re.compile(WRITTEN[kind])
    return values.map(lambda text: float(text) if isinstance(text, str) and written.fullmatch(text) else None).astype("float64")


def _date_number(text: str) -> float | None:
    day = as_date(text)
    return None if day is None else float(day.year * 10_000 + day.month * 100 + day.day)


def _bound(bound: float | str | None) -> float | None:
    return _date_number(bound) if isinstance(bound, str) else bound


def _matching(column: str, pattern: str) -> Expectation:
    return ExpectColumnValuesToMatchRegex(column=column, regex=f"^(?:{pattern})$")


def _told(expectation: Expectation, column: str, rule: Constraint) -> Expectation:
    expectation.meta = {"column": column, "rule": rule.rule}
    return expectation

"""The row rules: one reader of the declared constraints. Great Expectations is the other; the two must count the same.

What a rule says of a value, white space around it set aside:

- a blank breaks `Required` and nothing else;
- a date is real and written YYYY-MM-DD; a whole number is digits with or without a sign; a decimal may have a point and no
  exponent; truth is `true` or `false`;
- bounds are read only by a value of the column's type, and one date is held against another only if both are real;
- a code is held against its list, and a pattern against the whole value, letter by letter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import singledispatch
from typing import NamedTuple

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.schema import Between, CheckDigit, Column, Consequence, Constraint, Matches, NotBefore, OneOf, Required, Table, Type, Typed

MOST_RULES = 62
"""Rules of one table that fit into the whole number which says what a row breaks."""

YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
WRITTEN = {
    Type.DATE: rf"{YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LEAP_YEAR}-02-29",
    Type.INTEGER: "[+-]?[0-9]+",
    Type.DECIMAL: r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)",
    Type.TRUTH: "true|false",
}
"""How a value of each type is written, in the subset of regular expressions that RE2, Rust, Java and Python share."""

LONGEST_INTEGER = 18


class RuleCount(NamedTuple):
    """How many rows a rule read and how many broke it."""

    column: str
    rule: str
    rows: int
    failed: int


def tidied(text: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Text as received -> the same rows with the white space around every declared value gone and blanks null."""
    bare = text.with_columns(nw.col(name).str.strip_chars() for name in table.names)
    return bare.with_columns(nw.when(nw.col(name) != "").then(nw.col(name)).alias(name) for name in table.names)


def failing(column: Column, constraint: Constraint) -> nw.Expr:
    """Whether a tidied row breaks a constraint of the column: true or false, never null."""
    return _breaks(constraint, nw.col(column.name), column.type).fill_null(False)


def failures(table: Table, columns: Collection[str]) -> nw.Expr:
    """What a tidied row breaks in these columns, as one whole number: bit n stands for the table's rule n, in the order of `table.rules`."""
    rules = tuple(table.rules)
    if len(rules) > MOST_RULES:
        raise ValueError(f"table {table.name} has {len(rules)} rules; no more than {MOST_RULES} can be told apart")
    bits = [failing(column, rule).cast(nw.Int64) * (1 << n) for n, (column, rule) in enumerate(rules) if column.name in columns]
    return nw.sum_horizontal(*bits) if bits else nw.lit(0, dtype=nw.Int64)


def broken(table: Table, failures: int) -> Iterator[tuple[Column, Constraint]]:
    """The rules that a row with these failures breaks, in declared order."""
    return ((column, rule) for n, (column, rule) in enumerate(table.rules) if failures >> n & 1)


def refusal(table: Table, failures: int) -> str | None:
    """Why a row with these failures is refused, as `column: rule`: the first rule that it cannot do without. None if it is kept."""
    refusing = (f"{column.name}: {rule.rule}" for column, rule in broken(table, failures) if rule.consequence is Consequence.REFUSE_ROW)
    return next(refusing, None)


def counts(table: Table, rows_by_failures: Mapping[int, int]) -> tuple[RuleCount, ...]:
    """How often each rule was broken, from how many rows have which failures."""
    rows = sum(rows_by_failures.values())
    return tuple(
        RuleCount(column.name, rule.rule, rows, sum(n for failures, n in rows_by_failures.items() if failures >> bit & 1))
        for bit, (column, rule) in enumerate(table.rules)
    )


def is_refused(table: Table) -> nw.Expr:
    """Whether a row with its `failures` is refused."""
    return _breaks_any(n for n, (_, rule) in enumerate(table.rules) if rule.consequence is Consequence.REFUSE_ROW)


def typed(table: Table, name: str) -> nw.Expr:
    """A column's value in its type, from a tidied row; null where a rule blanks it or it is not of the type."""
    column = table[name]
    blanking = [
        failing(column, rule) for other, rule in table.rules if other is column and (isinstance(rule, Typed) or rule.consequence is Consequence.BLANK_VALUE)
    ]
    sound = nw.when(~nw.any_horizontal(*blanking, ignore_nulls=True)).then(nw.col(name)) if blanking else nw.col(name)
    return _as(column.type, sound).alias(name)


def _breaks_any(bits: Iterable[int]) -> nw.Expr:
    """Whether the `failures` of a row hold one of the bits."""
    held = [nw.col("failures") // (1 << bit) % 2 == 1 for bit in bits]
    return nw.any_horizontal(*held, ignore_nulls=True) if held else nw.lit(False)


def _as(kind: Type, value: nw.Expr) -> nw.Expr:
    if kind is Type.DATE:
        return value.str.to_date(format="%Y-%m-%d")
    if kind is Type.INTEGER:
        return nw.when(value.str.len_chars() <= LONGEST_INTEGER).then(value).cast(nw.Int64)
    if kind is Type.DECIMAL:
        return value.cast(nw.Float64)
    return value == "true" if kind is Type.TRUTH else value


def is_written_as(value: nw.Expr, kind: Type) -> nw.Expr:
    """Whether the text is written as a value of the type must be."""
    return _matches(value, WRITTEN[kind]) if kind in WRITTEN else ~value.is_null()


def _matches(value: nw.Expr, pattern: str) -> nw.Expr:
    return value.str.contains(f"^(?:{pattern})$")


@singledispatch
def _breaks(constraint: Constraint, value: nw.Expr, kind: Type) -> nw.Expr:
    raise NotImplementedError(f"no row rule for {type(constraint).__name__}")


@_breaks.register
def _(constraint: Required, value: nw.Expr, kind: Type) -> nw.Expr:
    return value.is_null()


@_breaks.register
def _(constraint: Typed, value: nw.Expr, kind: Type) -> nw.Expr:
    return ~is_written_as(value, constraint.type)


@_breaks.register
def _(constraint: OneOf, value: nw.Expr, kind: Type) -> nw.Expr:
    return ~value.is_in(constraint.codes.codes)


@_breaks.register
def _(constraint: Matches, value: nw.Expr, kind: Type) -> nw.Expr:
    return ~_matches(value, constraint.pattern)


@_breaks.register
def _(constraint: Between, value: nw.Expr, kind: Type) -> nw.Expr:
    # Dates written YYYY-MM-DD stand in the order of their text.
    read = nw.when(is_written_as(value, kind)).then(value)
    read = read if kind is Type.DATE else read.cast(nw.Float64)
    below = [] if constraint.low is None else [read < nw.lit(constraint.low)]
    above = [] if constraint.high is None else [read > nw.lit(constraint.high)]
    return nw.any_horizontal(*below, *above, ignore_nulls=True)


@_breaks.register
def _(constraint: NotBefore, value: nw.Expr, kind: Type) -> nw.Expr:
    other = nw.col(constraint.other)
    return is_written_as(value, Type.DATE) & is_written_as(other, Type.DATE) & (value < other)


@_breaks.register
def _(constraint: CheckDigit, value: nw.Expr, kind: Type) -> nw.Expr:
    bare = value.str.replace_all(" ", "", literal=True)
    number = nw.when(_matches(bare, "[0-9]{10}")).then(bare)
    sound = nhs_number.check_digit_holds(number) & ~nhs_number.is_repeated_digit(number)
    return ~value.is_null() & ~sound.fill_null(False)

"""The row rules: apply the declared constraints to each row. Great Expectations applies the same ones; the two must count the same.

How a value is checked, white space around it removed:

- a blank breaks `Required` and no other rule;
- a date is real and written YYYY-MM-DD; a whole number is digits with or without a sign; a decimal may have a point but no exponent; a
  boolean is `true` or `false`;
- bounds apply only to a value of the column's type, and two dates are compared only if both are real;
- a code must be in its list, and a pattern must match the whole value; letter case matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import singledispatch
from typing import NamedTuple

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.schema import Between, CheckDigit, Column, Consequence, Constraint, Matches, NotBefore, OneOf, Required, Table, Type, Typed

MAX_RULES = 62
"""Rules of one table that fit into `failures`, a signed 64-bit whole number with one bit per rule."""

YEAR_PATTERN = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
LEAP_YEAR_PATTERN = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
MONTH_DAY_PATTERN = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])"
TYPE_PATTERNS = {
    Type.DATE: rf"{YEAR_PATTERN}-(?:{MONTH_DAY_PATTERN})|{LEAP_YEAR_PATTERN}-02-29",
    Type.INTEGER: "[+-]?[0-9]+",
    Type.DECIMAL: r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)",
    Type.BOOLEAN: "true|false",
}
"""How a value of each type is written, in the subset of regular expressions that RE2, Rust, Java and Python share."""

MAX_INTEGER_DIGITS = 18
"""Characters of a whole number that always fit into 64 bits. A longer one is kept as null."""


class RuleCount(NamedTuple):
    """How many rows a rule was applied to, and how many broke it."""

    column: str
    rule: str
    rows: int
    failed: int


def tidy_values(text: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Tidy text as received: the same rows, without white space around declared values, blanks null."""
    stripped = text.with_columns(nw.col(name).str.strip_chars() for name in table.names)
    return stripped.with_columns(nw.when(nw.col(name) != "").then(nw.col(name)).alias(name) for name in table.names)


def breaks_rule(column: Column, constraint: Constraint) -> nw.Expr:
    """Return whether a tidied row breaks a constraint of the column: true or false, never null."""
    return _breaks(constraint, nw.col(column.name), column.type).fill_null(False)


def failure_bits(table: Table, columns: Collection[str]) -> nw.Expr:
    """Return the rules that a tidied row breaks in these columns, as one whole number: bit n is rule n in the order of `table.rules`.

    Raises ValueError if the table has more than `MAX_RULES` rules.
    """
    table_rules = tuple(table.rules)
    if len(table_rules) > MAX_RULES:
        raise ValueError(f"table {table.name} has {len(table_rules)} rules; no more than {MAX_RULES} can be told apart")
    bits = [breaks_rule(column, rule).cast(nw.Int64) * (1 << n) for n, (column, rule) in enumerate(table_rules) if column.name in columns]
    return nw.sum_horizontal(*bits) if bits else nw.lit(0, dtype=nw.Int64)


def broken_rules(table: Table, failures: int) -> Iterator[tuple[Column, Constraint]]:
    """Return the rules that a row with these failures breaks, in declared order."""
    return ((column, rule) for n, (column, rule) in enumerate(table.rules) if failures >> n & 1)


def refusal_reason(table: Table, failures: int) -> str | None:
    """Return why a row with these failures is refused, as `column: rule`: the first broken rule that refuses a row. None if it is kept."""
    refusing = (f"{column.name}: {rule.rule}" for column, rule in broken_rules(table, failures) if rule.consequence is Consequence.REFUSE_ROW)
    return next(refusing, None)


def tally_rule_failures(table: Table, rows_by_failures: Mapping[int, int]) -> tuple[RuleCount, ...]:
    """Count how often each rule was broken: rows by `failures` -> one `RuleCount` per rule, in declared order."""
    rows = sum(rows_by_failures.values())
    return tuple(
        RuleCount(column=column.name, rule=rule.rule, rows=rows, failed=sum(n for failures, n in rows_by_failures.items() if failures >> bit & 1))
        for bit, (column, rule) in enumerate(table.rules)
    )


def is_refused(table: Table) -> nw.Expr:
    """Return whether a row is refused, from its column `failures`."""
    return _has_any_bit(n for n, (_, rule) in enumerate(table.rules) if rule.consequence is Consequence.REFUSE_ROW)


def typed_value(table: Table, name: str) -> nw.Expr:
    """Return a column's value of a tidied row, converted to its type; null where a rule blanks it or the text is not of the type."""
    column = table[name]
    blanking = [
        breaks_rule(column, rule) for other, rule in table.rules if other is column and (isinstance(rule, Typed) or rule.consequence is Consequence.BLANK_VALUE)
    ]
    sound = nw.when(~nw.any_horizontal(*blanking, ignore_nulls=True)).then(nw.col(name)) if blanking else nw.col(name)
    return _cast_to_type(column.type, sound).alias(name)


def _has_any_bit(bits: Iterable[int]) -> nw.Expr:
    """Return whether the `failures` of a row have one of the bits. Narwhals has no bit operations, so divide."""
    has_bit = [nw.col("failures") // (1 << bit) % 2 == 1 for bit in bits]
    return nw.any_horizontal(*has_bit, ignore_nulls=True) if has_bit else nw.lit(False)


def _cast_to_type(kind: Type, value: nw.Expr) -> nw.Expr:
    if kind is Type.DATE:
        return value.str.to_date(format="%Y-%m-%d")
    if kind is Type.INTEGER:
        return nw.when(value.str.len_chars() <= MAX_INTEGER_DIGITS).then(value).cast(nw.Int64)
    if kind is Type.DECIMAL:
        return value.cast(nw.Float64)
    return value == "true" if kind is Type.BOOLEAN else value


def is_written_as(value: nw.Expr, kind: Type) -> nw.Expr:
    """Return whether the text is written as a value of the type must be."""
    return _matches(value, TYPE_PATTERNS[kind]) if kind in TYPE_PATTERNS else ~value.is_null()


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
    # Dates written YYYY-MM-DD sort as text.
    text = nw.when(is_written_as(value, kind)).then(value)
    bounded = text if kind is Type.DATE else text.cast(nw.Float64)
    below = [] if constraint.low is None else [bounded < nw.lit(constraint.low)]
    above = [] if constraint.high is None else [bounded > nw.lit(constraint.high)]
    return nw.any_horizontal(*below, *above, ignore_nulls=True)


@_breaks.register
def _(constraint: NotBefore, value: nw.Expr, kind: Type) -> nw.Expr:
    other = nw.col(constraint.other)
    return is_written_as(value, Type.DATE) & is_written_as(other, Type.DATE) & (value < other)


@_breaks.register
def _(constraint: CheckDigit, value: nw.Expr, kind: Type) -> nw.Expr:
    bare = value.str.replace_all(" ", "", literal=True)
    number = nw.when(_matches(bare, "[0-9]{10}")).then(bare)
    sound = nhs_number.has_valid_check_digit(number) & ~nhs_number.is_repeated_digit(number)
    return ~value.is_null() & ~sound.fill_null(False)

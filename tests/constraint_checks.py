"""The declared constraints in plain Polars, independent of the library's rules: the number of values that break each."""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.schema import Between, CheckDigit, Column, Constraint, Matches, NotBefore, OneOf, Required, Table, Type, Typed


def count_broken_rules(rows: pl.DataFrame, table: Table) -> dict[str, int]:
    """Return `column: rule` -> number of rows that break it, for the rules that any row breaks."""
    counts = {f"{column.name}: {rule.rule}": rows.select(_breaks(column, rule).fill_null(value=False).sum()).item() for column, rule in table.rules}
    return {rule: count for rule, count in counts.items() if count}


def _breaks(column: Column, rule: Constraint) -> pl.Expr:
    value = pl.col(column.name)
    match rule:
        case Required():
            return value.is_null() | (value == "")
        case Typed(type=Type.DATE):
            return value.is_not_null() & value.str.to_date("%Y-%m-%d", strict=False).is_null()
        case Typed(type=kind):
            number = pl.Int64 if kind is Type.INTEGER else pl.Float64
            return value.is_not_null() & value.cast(number, strict=False).is_null()
        case OneOf(codes=codes):
            return ~value.is_in(codes.codes)
        case Matches(pattern=pattern):
            return ~value.str.contains(f"^(?:{pattern})$")
        case NotBefore(other=other):
            return value < pl.col(other)
        case CheckDigit():
            return ~_has_valid_check_digit(value)
        case Between(low=low, high=high):
            bounds = (low, high)
            typed = value if any(isinstance(bound, str) for bound in bounds) else value.cast(pl.Float64, strict=False)
            below = typed < pl.lit(low) if low is not None else pl.lit(value=False)
            above = typed > pl.lit(high) if high is not None else pl.lit(value=False)
            return below | above
    raise AssertionError(f"no test of {rule.rule}")


def _has_valid_check_digit(number: pl.Expr) -> pl.Expr:
    digits = [number.str.slice(n, 1).cast(pl.Int64, strict=False) for n in range(10)]
    weighted_sum = pl.sum_horizontal(digit * (10 - n) for n, digit in enumerate(digits))
    repeated = pl.all_horizontal(digit == digits[0] for digit in digits[1:])
    return number.str.contains("^[0-9]{10}$") & (weighted_sum % 11 == 0) & ~repeated

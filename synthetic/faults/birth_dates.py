"""Faults of the date of birth, one row at a time."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.fault_context import FaultContext

BIRTH = pl.col("date_of_birth")
YEAR, MONTH, DAY = (BIRTH.str.slice(start, length) for start, length in ((0, 4), (5, 2), (8, 2)))


def change_birth_date(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write another day of the month, or a year that is 1, 2 or 10 too early."""
    day = (DAY.cast(pl.Int32) + pl.Series(rng.integers(0, 27, rows.height)).cast(pl.Int32)) % 28 + 1
    year = YEAR.cast(pl.Int32) - pl.Series(rng.choice([1, 2, 10], rows.height)).cast(pl.Int32)
    other_day = pl.format("{}-{}-{}", YEAR, MONTH, _two_digits(day))
    other_year = pl.format("{}-{}-{}", year, MONTH, _two_digits(pl.min_horizontal(DAY.cast(pl.Int32), pl.lit(28))))
    return rows.with_columns(pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(other_day).otherwise(other_year).alias("date_of_birth"))


def set_default_birth_date(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write 1 January 1900, or 1 January of the right year."""
    first_of_year = pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(YEAR + pl.lit("-01-01"))
    return rows.with_columns(first_of_year.otherwise(pl.lit("1900-01-01")).alias("date_of_birth"))


def swap_day_and_month(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Swap day and month."""
    return rows.with_columns(pl.format("{}-{}-{}", YEAR, DAY, MONTH).alias("date_of_birth"))


def remove_birth_date(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Blank the date of birth."""
    return rows.with_columns(date_of_birth=pl.lit(None, pl.String))


def set_impossible_birth_date(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write 30 February of the right year."""
    return rows.with_columns((YEAR + pl.lit("-02-30")).alias("date_of_birth"))


def is_traceable(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows with number and date of birth whose person can be traced, so that a wrong date is detected."""
    return BIRTH.is_not_null() & pl.col("nhs_number").is_not_null() & pl.col("true_person").is_in(context.traceable["true_person"].implode())


def is_not_first_of_january(table: Table, context: FaultContext) -> pl.Expr:
    """Select traceable rows whose date of birth does not look like a default."""
    return is_traceable(table, context) & ~BIRTH.str.ends_with("-01-01")


def is_swappable(table: Table, context: FaultContext) -> pl.Expr:
    """Select traceable rows whose day and month, swapped, make another real date."""
    return is_traceable(table, context) & (DAY.cast(pl.Int32) <= 12) & (DAY != MONTH)


def _two_digits(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.String).str.zfill(2)

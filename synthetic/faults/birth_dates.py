"""Faults of the date of birth, a row at a time."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.world import World

BIRTH = pl.col("date_of_birth")
YEAR, MONTH, DAY = (BIRTH.str.slice(start, length) for start, length in ((0, 4), (5, 2), (8, 2)))


def wrong(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Another day of the month, or a year that is 1, 2 or 10 too early."""
    day = (DAY.cast(pl.Int32) + pl.Series(rng.integers(0, 27, rows.height)).cast(pl.Int32)) % 28 + 1
    year = YEAR.cast(pl.Int32) - pl.Series(rng.choice([1, 2, 10], rows.height)).cast(pl.Int32)
    other_day = pl.format("{}-{}-{}", YEAR, MONTH, _two_digits(day))
    other_year = pl.format("{}-{}-{}", year, MONTH, _two_digits(pl.min_horizontal(DAY.cast(pl.Int32), pl.lit(28))))
    return rows.with_columns(pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(other_day).otherwise(other_year).alias("date_of_birth"))


def default(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """1 January 1900, or 1 January of the right year."""
    first_of_year = pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(YEAR + pl.lit("-01-01"))
    return rows.with_columns(first_of_year.otherwise(pl.lit("1900-01-01")).alias("date_of_birth"))


def swapped(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Day and month in each other's place."""
    return rows.with_columns(pl.format("{}-{}-{}", YEAR, DAY, MONTH).alias("date_of_birth"))


def missing(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """No date of birth."""
    return rows.with_columns(date_of_birth=pl.lit(None, pl.String))


def impossible(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """30 February of the right year."""
    return rows.with_columns((YEAR + pl.lit("-02-30")).alias("date_of_birth"))


def traced(table: Table, world: World) -> pl.Expr:
    """Rows with number and date of birth whose person is on the register: there, a wrong date shows."""
    return BIRTH.is_not_null() & pl.col("nhs_number").is_not_null() & pl.col("true_person").is_in(world.traceable["true_person"].implode())


def not_first_of_january(table: Table, world: World) -> pl.Expr:
    """Traced rows whose date of birth does not look like a default."""
    return traced(table, world) & ~BIRTH.str.ends_with("-01-01")


def swappable(table: Table, world: World) -> pl.Expr:
    """Traced rows whose day and month, in each other's place, make another real date."""
    return traced(table, world) & (DAY.cast(pl.Int32) <= 12) & (DAY != MONTH)


def _two_digits(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.String).str.zfill(2)

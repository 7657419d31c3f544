"""Faults of the NHS number, one row at a time. Every function takes chosen rows and returns them with the fault."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.fault_context import FaultContext
from synthetic.nhs_numbers import draw_nhs_numbers

NUMBER = pl.col("nhs_number")
HAS_NUMBER = NUMBER.str.contains("^[0-9]{10}$")

# Day 30 of February, so that no Scot has the number, and the end of the Northern Irish range.
OTHER_NATIONS = ((3_002_000_000, 3_002_999_999), (3_999_000_000, 3_999_999_999))
NEVER_ISSUED = (5_000_000_000, 5_999_999_999)


def remove_number(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Blank the number."""
    return rows.with_columns(nhs_number=pl.lit(None, pl.String))


def mistype_digit(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Change one digit after the first. The check digit always detects it."""
    digits, each = _digits(rows), np.arange(rows.height)
    position = rng.integers(1, 10, rows.height)
    digits[each, position] = (digits[each, position] + rng.integers(1, 10, rows.height)) % 10
    return _replace_digits(rows, digits)


def transpose_digits(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Swap two different neighbouring digits after the first. The check digit always detects it."""
    digits, each = _digits(rows), np.arange(rows.height)
    differ = digits[:, 1:-1] != digits[:, 2:]
    position = 1 + np.argmax(differ * (rng.random(differ.shape) + 1), axis=1)
    digits[each, position], digits[each, position + 1] = digits[each, position + 1], digits[each, position]
    return _replace_digits(rows, digits)


def repeat_one_digit(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write one digit ten times."""
    return _replace_digits(rows, np.repeat(rng.integers(0, 10, (rows.height, 1)), 10, axis=1))


def use_other_nation_number(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write a number with a valid check digit from the ranges of Scotland and Northern Ireland, half of each."""
    half = rows.height // 2
    numbers = [
        number for (low, high), count in zip(OTHER_NATIONS, (rows.height - half, half), strict=True) for number in draw_nhs_numbers(rng, count, low, high)
    ]
    return rows.with_columns(pl.Series("nhs_number", numbers, pl.String))


def use_never_issued_number(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write a number with a valid check digit that begins with 5."""
    return rows.with_columns(pl.Series("nhs_number", draw_nhs_numbers(rng, rows.height, *NEVER_ISSUED)))


def cut_last_digit(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Cut off the last digit."""
    return rows.with_columns(NUMBER.str.slice(0, 9))


def replace_digits_with_letters(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write letters in place of the digits that look like them, and in place of the last digit in any case."""
    return rows.with_columns((NUMBER.str.slice(0, 9).str.replace_all("0", "O").str.replace_all("1", "I") + "O").alias("nhs_number"))


def add_spaces(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the number 3-3-4 with spaces, as on a letter."""
    return rows.with_columns(NUMBER.str.replace(r"^(\d{3})(\d{3})(\d{4})$", "$1 $2 $3"))


def use_number_of_another(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the number of a traceable person with another date of birth. Leave a row out if ten draws find none."""
    people = context.traceable
    drawn = rng.integers(0, people.height, (rows.height, 10))
    differs = people["date_of_birth"].to_numpy()[drawn] != rows["date_of_birth"].to_numpy()[:, None]
    choice = drawn[np.arange(rows.height), differs.argmax(axis=1)]
    return rows.with_columns(people["nhs_number"][choice].alias("nhs_number")).filter(pl.Series(differs.any(axis=1)))


def _digits(rows: pl.DataFrame) -> npt.NDArray[np.int8]:
    return np.array(rows["nhs_number"].to_list(), dtype="U10").view("U1").reshape(-1, 10).astype(np.int8)


def _replace_digits(rows: pl.DataFrame, digits: npt.NDArray[np.int8] | npt.NDArray[np.int64]) -> pl.DataFrame:
    return rows.with_columns(pl.Series("nhs_number", np.ascontiguousarray(digits).astype("U1").view("U10").ravel()))

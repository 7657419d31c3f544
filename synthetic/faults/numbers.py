"""Faults of the NHS number, a row at a time. Every function takes chosen rows and gives them back with the fault in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.world import World
from synthetic.nhs_numbers import sound

NUMBER = pl.col("nhs_number")
PRESENT = NUMBER.str.contains("^[0-9]{10}$")

# Day 30 of February, so that no Scot has the number, and the end of the Northern Irish range.
OTHER_NATIONS = ((3_002_000_000, 3_002_999_999), (3_999_000_000, 3_999_999_999))
NEVER_ISSUED = (5_000_000_000, 5_999_999_999)


def missing(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """No number."""
    return rows.with_columns(nhs_number=pl.lit(None, pl.String))


def mistyped(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """One digit after the first is another digit, which the check digit always shows."""
    digits, each = _digits(rows), np.arange(rows.height)
    place = rng.integers(1, 10, rows.height)
    digits[each, place] = (digits[each, place] + rng.integers(1, 10, rows.height)) % 10
    return _with_digits(rows, digits)


def transposed(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Two different neighbours after the first digit change places, which the check digit always shows."""
    digits, each = _digits(rows), np.arange(rows.height)
    differ = digits[:, 1:-1] != digits[:, 2:]
    place = 1 + np.argmax(differ * (rng.random(differ.shape) + 1), axis=1)
    digits[each, place], digits[each, place + 1] = digits[each, place + 1], digits[each, place]
    return _with_digits(rows, digits)


def repeated_digit(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """One digit ten times."""
    return _with_digits(rows, np.repeat(rng.integers(0, 10, (rows.height, 1)), 10, axis=1))


def other_nation(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A number with a sound check digit from the ranges of Scotland and Northern Ireland, half of each."""
    half = rows.height // 2
    numbers = [number for (low, high), count in zip(OTHER_NATIONS, (rows.height - half, half), strict=True) for number in sound(rng, count, low, high)]
    return rows.with_columns(pl.Series("nhs_number", numbers, pl.String))


def never_issued(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A number with a sound check digit that begins with 5."""
    return rows.with_columns(pl.Series("nhs_number", sound(rng, rows.height, *NEVER_ISSUED)))


def short(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The last digit is cut off."""
    return rows.with_columns(NUMBER.str.slice(0, 9))


def letters(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Letters for the digits that look like them, and for the last digit in any case."""
    return rows.with_columns((NUMBER.str.slice(0, 9).str.replace_all("0", "O").str.replace_all("1", "I") + "O").alias("nhs_number"))


def spaced(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Written 3-3-4 with spaces, as on a letter."""
    return rows.with_columns(NUMBER.str.replace(r"^(\d{3})(\d{3})(\d{4})$", "$1 $2 $3"))


def of_another(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The number of a traceable person who was born on another day. A row for whom none turns up in ten draws is left out."""
    people = world.traceable
    drawn = rng.integers(0, people.height, (rows.height, 10))
    differs = people["date_of_birth"].to_numpy()[drawn] != rows["date_of_birth"].to_numpy()[:, None]
    choice = drawn[np.arange(rows.height), differs.argmax(axis=1)]
    return rows.with_columns(people["nhs_number"][choice].alias("nhs_number")).filter(pl.Series(differs.any(axis=1)))


def _digits(rows: pl.DataFrame) -> npt.NDArray[np.int8]:
    return np.array(rows["nhs_number"].to_list(), dtype="U10").view("U1").reshape(-1, 10).astype(np.int8)


def _with_digits(rows: pl.DataFrame, digits: npt.NDArray[np.int8] | npt.NDArray[np.int64]) -> pl.DataFrame:
    return rows.with_columns(pl.Series("nhs_number", np.ascontiguousarray(digits).astype("U1").view("U10").ravel()))

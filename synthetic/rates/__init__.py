"""The rates of the synthetic locality, as data beside this file. Code only interprets them.

Every figure carries its source and a mark: S read in the source, M as remembered and not looked up, D derived from sourced
figures, A assumed here, C found by `python -m synthetic.calibrate` so that the totals reproduce sourced figures.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

FOLDER = files("synthetic") / "rates"
MARKS = ("S", "M", "D", "A", "C")
AGE_BAND = re.compile(r"(\d+)(?:-\d+|\+)")

Floats = NDArray[np.floating]
Integers = NDArray[np.signedinteger]
Booleans = NDArray[np.bool_]


class RateFigure(TypedDict):
    """One single figure: its value, its mark and its source."""

    value: float | date
    mark: str
    source: str


@cache
def figures() -> dict[str, RateFigure]:
    """Return every single figure: `part.name` -> its value, source and mark."""
    parts = tomllib.loads((FOLDER / "figures.toml").read_text(encoding="utf-8"))
    return {f"{part}.{name}": entry for part, entries in parts.items() for name, entry in entries.items()}


def figure(name: str) -> float:
    """Return the value of one figure, such as `people.objecting`. Raises KeyError for an unknown name, TypeError for a day."""
    value = figures()[name]["value"]
    if isinstance(value, date):
        raise TypeError(f"figure {name} is a day")
    return float(value)


def figure_date(name: str) -> date:
    """Return the value of one figure that is a day, such as `care_plans.begin`. Raises KeyError for an unknown name, TypeError for a number."""
    value = figures()[name]["value"]
    if not isinstance(value, date):
        raise TypeError(f"figure {name} is not a day")
    return value


@cache
def rate_table(name: str) -> pl.DataFrame:
    """Return a table of rates: one row per item, with its figures, source and mark."""
    with as_file(FOLDER / f"{name}.csv") as path:
        frame = pl.read_csv(path, infer_schema=False)
    bands = [column for column in frame.columns if AGE_BAND.fullmatch(column)]
    return frame.with_columns(pl.col(bands).cast(pl.Float64))


@dataclass(frozen=True)
class ByAge:
    """Figures by band of age: `starts` has the first age of each band, `values` one row per item and one column per band."""

    starts: Integers
    values: NDArray[np.float64]

    def band_of(self, ages: Integers) -> Integers:
        """Return the band of each age."""
        return (np.searchsorted(self.starts, ages, side="right") - 1).astype(np.int32)

    def value_at(self, ages: Integers, row: int = 0) -> Floats:
        """Return one row's figure for each age."""
        figures: Floats = self.values[row].astype(np.float32)[self.band_of(ages)]
        return figures


def by_age(frame: pl.DataFrame) -> ByAge:
    """Return the age columns of a table of rates."""
    bands = {column: int(match[1]) for column in frame.columns if (match := AGE_BAND.fullmatch(column))}
    return ByAge(np.array(list(bands.values()), np.int32), frame.select(list(bands)).to_numpy())


def column_values(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column of a table of rates as numbers, a blank as 0."""
    return frame[column].cast(pl.Float64).fill_null(0.0).to_numpy()

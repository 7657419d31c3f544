"""The rates at which things happen to people, as data beside this file. Code only interprets them.

Every figure carries its source and a mark: S read in the source, M as remembered and not looked up, D derived from sourced
figures, A assumed here, C found by `python -m synthetic.calibrate` so that the whole comes out at sourced figures.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

FOLDER = files("synthetic") / "rates"
MARKS = ("S", "M", "D", "A", "C")
AGE_BAND = re.compile(r"(\d+)(?:-\d+|\+)")

Floats = NDArray[np.floating]
Integers = NDArray[np.signedinteger]
Truths = NDArray[np.bool_]


@cache
def figures() -> dict[str, dict[str, Any]]:
    """Every single figure as `part.name` to its value, source and mark."""
    parts = tomllib.loads((FOLDER / "figures.toml").read_text(encoding="utf-8"))
    return {f"{part}.{name}": entry for part, entries in parts.items() for name, entry in entries.items()}


def figure(name: str) -> float:
    """The value of one figure, such as `people.objecting`. Raises KeyError."""
    return float(figures()[name]["value"])


def on(name: str) -> date:
    """The value of one figure that is a day, such as `care_plans.begin`. Raises KeyError."""
    day: date = figures()[name]["value"]
    return day


@cache
def table(name: str) -> pl.DataFrame:
    """A table of rates: one row per thing, its figures, its source and mark."""
    with as_file(FOLDER / f"{name}.csv") as path:
        frame = pl.read_csv(path, infer_schema=False)
    bands = [column for column in frame.columns if AGE_BAND.fullmatch(column)]
    return frame.with_columns(pl.col(bands).cast(pl.Float64))


@dataclass(frozen=True)
class ByAge:
    """Figures by band of age: `starts` has the first age of each band, `values` one row per thing and one column per band."""

    starts: Integers
    values: NDArray[np.float64]

    def at(self, ages: Integers) -> Integers:
        """The band of each age."""
        return (np.searchsorted(self.starts, ages, side="right") - 1).astype(np.int32)

    def of(self, ages: Integers, row: int = 0) -> Floats:
        """One row's figure for each age."""
        figures: Floats = self.values[row].astype(np.float32)[self.at(ages)]
        return figures


def by_age(frame: pl.DataFrame) -> ByAge:
    """The age columns of a table of rates."""
    bands = {column: int(match[1]) for column in frame.columns if (match := AGE_BAND.fullmatch(column))}
    return ByAge(np.array(list(bands.values()), np.int32), frame.select(list(bands)).to_numpy())


def numbers(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """A column of a table of rates as numbers, a blank as nought."""
    return frame[column].cast(pl.Float64).fill_null(0.0).to_numpy()

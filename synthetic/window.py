"""The twenty-four months that a locality's records cover, as day numbers (days since 1 January 1970)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from bcf_linkage.definitions.periods import window_to
from synthetic.rates import Floats, Integers

YEAR = 365.25
NEVER = np.int32(10**6)
"""A day beyond all others: the death of the living, the end of what goes on."""


def day_number(day: date) -> int:
    """Days since 1 January 1970."""
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Window:
    """Whole months to the as-at date. `edges` has the first day of each month, and after them the day after the as-at date."""

    edges: Integers

    @property
    def first(self) -> int:
        """The first day of the first month."""
        return int(self.edges[0])

    @property
    def last(self) -> int:
        """The as-at date."""
        return int(self.edges[-1]) - 1

    @property
    def months(self) -> int:
        """How many months there are."""
        return len(self.edges) - 1

    @property
    def years(self) -> float:
        """How many years they make."""
        return self.months / 12

    @property
    def month_of_year(self) -> Integers:
        """Each month's number in the year, 0 for January."""
        return (self.edges[:-1].astype("datetime64[D]").astype("datetime64[M]").astype(np.int32) % 12).astype(np.int32)

    def presence(self, start: Integers, end: Integers) -> Floats:
        """The share of each month (columns) for which each person (rows) is there, from the start to the end, both included."""
        low, high = self.edges[:-1], self.edges[1:]
        days = np.minimum(end[:, None] + 1, high) - np.maximum(start[:, None], low)
        share: Floats = (np.clip(days, 0, None) / (high - low)).astype(np.float32)
        return share


def window_of(as_at: date) -> Window:
    """The window that ends on a month's last day. Raises ValueError for another day."""
    starts = [day_number(month) for month in window_to(as_at).months]
    return Window(np.array([*starts, day_number(as_at) + 1], np.int32))


def iso(days: Integers) -> pl.Series:
    """Day numbers as ISO dates, `NEVER` as a blank."""
    known = days[days < NEVER]
    if not len(known):
        return pl.Series(np.zeros(len(days)), dtype=pl.Null).cast(pl.String)
    first = int(known.min())
    calendar = pl.Series(np.arange(first, int(known.max()) + 1, dtype=np.int32)).cast(pl.Date).dt.to_string("%Y-%m-%d")
    return pl.concat([calendar, pl.Series([None], dtype=pl.String)])[np.minimum(days - first, len(calendar))]

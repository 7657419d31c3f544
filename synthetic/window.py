"""The 24 months that a locality's records cover, as day numbers (days since 1 January 1970)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from bcf_linkage.definitions.periods import window_to
from synthetic.rates import Floats, Integers

DAYS_PER_YEAR = 365.25
NEVER = np.int32(10**6)
"""A day after all others: the day of death of the living, the last day of a service that continues."""


def epoch_day(day: date) -> int:
    """Return the days since 1 January 1970."""
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Window:
    """Whole months to the as-at date. `edges` has the first day of each month, then the day after the as-at date."""

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
        """The number of months."""
        return len(self.edges) - 1

    @property
    def years(self) -> float:
        """The length in years."""
        return self.months / 12

    @property
    def month_of_year(self) -> Integers:
        """The calendar month of each month, 0 for January."""
        return (self.edges[:-1].astype("datetime64[D]").astype("datetime64[M]").astype(np.int32) % 12).astype(np.int32)

    def presence(self, start: Integers, end: Integers) -> Floats:
        """Return the share of each month (columns) in which each person (rows) is present, from start to end, both included."""
        low, high = self.edges[:-1], self.edges[1:]
        days = np.minimum(end[:, None] + 1, high) - np.maximum(start[:, None], low)
        share: Floats = (np.clip(days, 0, None) / (high - low)).astype(np.float32)
        return share


def build_window(as_at: date) -> Window:
    """Return the window that ends on the as-at date. Raises ValueError unless that is the last day of a month."""
    starts = [epoch_day(month) for month in window_to(as_at).months]
    return Window(np.array([*starts, epoch_day(as_at) + 1], np.int32))


def iso_dates(days: Integers) -> pl.Series:
    """Return day numbers as ISO dates, `NEVER` as null."""
    # Formatting each calendar day once is much faster than formatting each record's day.
    known = days[days < NEVER]
    if not len(known):
        return pl.Series(np.zeros(len(days)), dtype=pl.Null).cast(pl.String)
    first = int(known.min())
    calendar = pl.Series(np.arange(first, int(known.max()) + 1, dtype=np.int32)).cast(pl.Date).dt.to_string("%Y-%m-%d")
    return pl.concat([calendar, pl.Series([None], dtype=pl.String)])[np.minimum(days - first, len(calendar))]

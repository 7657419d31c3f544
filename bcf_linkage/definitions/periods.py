"""Periods: whole calendar months that end on an as-at date."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """A first and a last day, both included."""

    start: date
    end: date

    @property
    def months(self) -> tuple[date, ...]:
        """The first day of every month with a day in the period."""
        first = self.start.year * 12 + self.start.month - 1
        last = self.end.year * 12 + self.end.month - 1
        return tuple(date(m // 12, m % 12 + 1, 1) for m in range(first, last + 1))


def is_month_end(day: date) -> bool:
    """Return whether the day is the last of its month."""
    return day.day == monthrange(day.year, day.month)[1]


def months_to(as_at: date, months: int) -> Period:
    """Return so many whole calendar months that end on the as-at date. Raises ValueError unless that is the last day of a month."""
    if not is_month_end(as_at):
        last = date(as_at.year, as_at.month, monthrange(as_at.year, as_at.month)[1])
        raise ValueError(f"the as-at date must be the last day of a month, such as {last:%Y-%m-%d}")
    following = as_at + timedelta(days=1)
    start = following.year * 12 + following.month - 1 - months
    return Period(date(start // 12, start % 12 + 1, 1), as_at)


def year_to(as_at: date) -> Period:
    """Return the twelve months that end on the as-at date."""
    return months_to(as_at, 12)


def window_to(as_at: date) -> Period:
    """Return the twenty-four months that the extracts cover."""
    return months_to(as_at, 24)

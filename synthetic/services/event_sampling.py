"""Convert rates to events: who has one, and on which day."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from synthetic.people import People
from synthetic.rates import Floats, Integers
from synthetic.window import Window


def sample_events(rng: Generator, rates: Floats) -> tuple[Integers, Integers]:
    """Return person and month of each event, from expected events of each person (rows) in each month (columns), in order of month.

    Single events are random, but their total over all people and months is the expected one.
    """
    ends = np.cumsum(rates.T, dtype=np.float64)
    count = int(ends[-1] + rng.random()) if len(ends) else 0
    # Exponential gaps, scaled to the total, are sorted uniform draws: no sort is needed.
    marks = np.cumsum(rng.standard_exponential(count + 1))
    cell = np.searchsorted(ends, marks[:-1] * (ends[-1] / marks[-1]), side="right") if count else np.empty(0, np.int64)
    cell = np.minimum(cell, len(ends) - 1)
    month, person = np.divmod(cell, len(rates))
    return person.astype(np.int32), month.astype(np.int32)


def choose_day(rng: Generator, people: People, window: Window, person: Integers, month: Integers, weekdays_only: bool) -> Integers:
    """Choose a day of the month on which the person is present. For services closed at weekends, choose a weekday of that week or the next."""
    low = np.maximum(window.edges[month], people.start[person])
    high = np.minimum(window.edges[month + 1] - 1, people.end[person])
    day: Integers = (low + (rng.random(len(person), np.float32) * (high - low + 1)).astype(np.int32)).astype(np.int32)
    if not weekdays_only:
        return day
    back = np.where(weekday(day) < 5, 0, weekday(day) - 4 + person % 5)
    moved = day - back
    moved = np.where(moved < low, day - back + 7, moved)
    return np.where(moved <= high, moved, day).astype(np.int32)


def weekday(day: Integers) -> Integers:
    """Return the day of the week of each day number, 0 for Monday."""
    # 1 January 1970 was a Thursday.
    number: Integers = (day + 3) % 7
    return number

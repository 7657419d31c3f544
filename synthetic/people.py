"""The people of a locality: those registered on the as-at date, and those here now or earlier who are not counted as registered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.profiles import Profile
from synthetic.rates import Booleans, ByAge, Floats, Integers, by_age, figure, rate_table
from synthetic.streams import allocate_by_share, evenly_spaced, stream
from synthetic.window import DAYS_PER_YEAR, NEVER, Window


class Standing(IntEnum):
    """A person's relation to the register on the as-at date."""

    REGISTERED = 0
    OBJECTING = 1  # registered, and objects to sharing
    MOVED_AWAY = 2  # registration ended in the window
    DIED = 3  # in the window
    ELSEWHERE = 4  # lives here, registered nowhere in the locality


@dataclass(frozen=True)
class People:
    """One entry per person. Days are day numbers; `age` is in whole years on the as-at date, also for people who died.

    `start` and `end` are the first and last day of a person's time here. A share of registered people left before the window and
    are still on the register, because nobody informed it.
    """

    standing: Integers
    age: Integers
    female: Booleans
    born: Integers
    start: Integers
    end: Integers
    died: Integers
    care_home: Booleans
    general_health: Floats

    def __len__(self) -> int:
        return len(self.age)

    @property
    def on_register(self) -> Booleans:
        """Return whether each person was ever registered with a practice of the locality."""
        flags: Booleans = self.standing != Standing.ELSEWHERE
        return flags

    def with_birth_days(self, born: Integers, window: Window) -> People:
        """Return the same people with other days of birth. Nobody's time here starts before their birth."""
        age = ((window.last - born) / DAYS_PER_YEAR).astype(np.int32)
        return replace(self, born=born, age=age, start=np.maximum(self.start, born))


def draw_people(profile: Profile, count: int, window: Window, seed: int) -> People:
    """Draw `count` registered people who do not object, and in addition those who object, left, died or are registered elsewhere.

    `general_health` is a standard normal score; a high score means that the person falls ill more easily. Raises ValueError unless
    the profile gives its ages in the bands of the rates.
    """
    rng = stream(seed, "people")
    mortality = by_age(rate_table("mortality"))
    shares = _band_shares(profile, mortality)
    counts = _count_by_standing(shares, mortality, count, window)
    standing = np.repeat(np.arange(len(Standing), dtype=np.int32), counts)
    weights = {Standing.MOVED_AWAY: mortality.values[4], Standing.DIED: mortality.values[0]}
    band = np.concatenate([allocate_by_share(rng, shares * weights.get(kind, np.ones_like(shares)), n) for kind, n in zip(Standing, counts, strict=True)])
    years = _draw_exact_ages(rng, mortality, band)
    age = years.astype(np.int32)
    born = (window.last - np.floor(years * DAYS_PER_YEAR)).astype(np.int32)
    longer_lived = mortality.value_at(age, 3)
    female = evenly_spaced(rng, len(age)) < profile.female_share + longer_lived - longer_lived.mean()
    died = np.where(standing == Standing.DIED, rng.integers(window.first, window.last + 1, len(age)), NEVER).astype(np.int32)
    born = np.minimum(born, np.minimum(died, window.last))
    start, end = _draw_residence_days(rng, standing, born, died, window)
    end = _backdate_leavers(rng, standing, age, mortality.value_at(age, 4), start, end, window)
    care_home = rng.random(len(age)) < np.where(standing == Standing.DIED, mortality.value_at(age, 2), mortality.value_at(age, 1))
    care_home &= (standing != Standing.ELSEWHERE) & (end >= window.first)
    return People(standing, age, female, born, start, end, died, care_home, rng.standard_normal(len(age), np.float32))


def _band_shares(profile: Profile, mortality: ByAge) -> NDArray[np.float64]:
    shares = np.array(list(profile.age_shares.values()))
    if len(shares) != len(mortality.starts):
        raise ValueError(f"profile {profile.name} must give its ages in the {len(mortality.starts)} bands of the rates")
    return shares


def _count_by_standing(shares: NDArray[np.float64], mortality: ByAge, count: int, window: Window) -> list[int]:
    """Return the number of people of each standing."""
    objecting = figure("people.objecting") / (1 - figure("people.objecting"))
    deaths = float(shares @ mortality.values[0]) * window.years
    leaving = figure("people.moving_away") * window.years
    return [count, *(round(count * share) for share in (objecting, leaving, deaths, figure("people.elsewhere")))]


def _draw_exact_ages(rng: Generator, mortality: ByAge, band: Integers) -> NDArray[np.float64]:
    """Draw exact ages in years: uniform within a band, exponential beyond 85."""
    widths = np.append(np.diff(mortality.starts), 0)
    beyond = np.minimum(rng.exponential(figure("people.years_beyond_85"), len(band)), 22)
    into: NDArray[np.float64] = np.where(widths[band] > 0, rng.random(len(band)) * widths[band], beyond)
    return into + mortality.starts[band]


def _draw_residence_days(rng: Generator, standing: Integers, born: Integers, died: Integers, window: Window) -> tuple[Integers, Integers]:
    """Draw the first and last day of each person's time here. For people who are still here the last day is the as-at date."""
    size = len(born)
    before = window.first - rng.exponential(figure("people.years_registered") * DAYS_PER_YEAR, size) - 1
    joined = rng.random(size) < figure("people.joining") * window.years
    came = np.where(joined, rng.integers(window.first, window.last + 1, size), before)
    moved = standing == Standing.MOVED_AWAY
    end = np.where(moved, rng.integers(window.first, window.last + 1, size), np.minimum(died, window.last))
    start = np.maximum(np.minimum(came, end), born).astype(np.int32)
    return start, np.maximum(start, end).astype(np.int32)


def _backdate_leavers(rng: Generator, standing: Integers, age: Integers, leaving: Floats, start: Integers, end: Integers, window: Window) -> Integers:
    """Move the last day of a fixed share of registered people to before the window: adults, by the odds of leaving at their age."""
    eligible = (standing == Standing.REGISTERED) & (age >= figure("people.adult_from")) & (start < window.first)
    wanted = round(figure("people.left_unnoticed") * int((standing == Standing.REGISTERED).sum()))
    gone = np.argsort(-np.where(eligible, rng.random(len(age)) ** (1 / np.maximum(leaving, 1e-3)), -1.0), kind="stable")[:wanted]
    gone = gone[eligible[gone]]
    last = end.copy()
    last[gone] = start[gone] + (rng.random(len(gone)) * (window.first - start[gone])).astype(np.int32)
    return last

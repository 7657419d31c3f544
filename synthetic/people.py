"""Who there is: those on the register on the as-at date, and those who were or are here without being counted on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.profiles import Profile
from synthetic.rates import ByAge, Floats, Integers, Truths, by_age, figure, table
from synthetic.streams import shared_out, spread, stream
from synthetic.window import NEVER, YEAR, Window


class Standing(IntEnum):
    """How a person stands to the register on the as-at date."""

    REGISTERED = 0
    OBJECTING = 1  # registered, and objects to sharing
    MOVED_AWAY = 2  # registration ended in the window
    DIED = 3  # in the window
    ELSEWHERE = 4  # lives here, registered nowhere in the locality


@dataclass(frozen=True)
class People:
    """One entry per person. Days are day numbers; `age` is in whole years on the as-at date, also for the dead.

    `start` and `end` are the first and last day of a person's time here. A few of the registered left before the window and
    are still on the register, since nobody told it.
    """

    standing: Integers
    age: Integers
    female: Truths
    born: Integers
    start: Integers
    end: Integers
    died: Integers
    care_home: Truths
    general_health: Floats

    def __len__(self) -> int:
        return len(self.age)

    @property
    def on_register(self) -> Truths:
        """Whether the person was ever registered with a practice of the locality."""
        truths: Truths = self.standing != Standing.ELSEWHERE
        return truths

    def born_on(self, born: Integers, window: Window) -> People:
        """The same people with other days of birth, none of them here before it."""
        age = ((window.last - born) / YEAR).astype(np.int32)
        return replace(self, born=born, age=age, start=np.maximum(self.start, born))


def draw(profile: Profile, count: int, window: Window, seed: int) -> People:
    """`count` people on the register who do not object, and on top of them those who object, left, died or are registered elsewhere.

    `general_health` is a standard normal score, high in those who fall ill more easily.
    """
    rng = stream(seed, "people")
    life = by_age(table("mortality"))
    shares = _band_shares(profile, life)
    counts = _counts(shares, life, count, window)
    standing = np.repeat(np.arange(len(Standing), dtype=np.int32), counts)
    weights = {Standing.MOVED_AWAY: life.values[4], Standing.DIED: life.values[0]}
    band = np.concatenate([shared_out(rng, shares * weights.get(kind, np.ones_like(shares)), n) for kind, n in zip(Standing, counts, strict=True)])
    years = _years(rng, life, band)
    age = years.astype(np.int32)
    born = (window.last - np.floor(years * YEAR)).astype(np.int32)
    longer_lived = life.of(age, 3)
    female = spread(rng, len(age)) < profile.female_share + longer_lived - longer_lived.mean()
    died = np.where(standing == Standing.DIED, rng.integers(window.first, window.last + 1, len(age)), NEVER).astype(np.int32)
    born = np.minimum(born, np.minimum(died, window.last))
    start, end = _stay(rng, standing, born, died, window)
    end = _left_unnoticed(rng, standing, age, life.of(age, 4), start, end, window)
    care_home = rng.random(len(age)) < np.where(standing == Standing.DIED, life.of(age, 2), life.of(age, 1))
    care_home &= (standing != Standing.ELSEWHERE) & (end >= window.first)
    return People(standing, age, female, born, start, end, died, care_home, rng.standard_normal(len(age), np.float32))


def _band_shares(profile: Profile, life: ByAge) -> NDArray[np.float64]:
    shares = np.array(list(profile.age_shares.values()))
    if len(shares) != len(life.starts):
        raise ValueError(f"profile {profile.name} must give its ages in the {len(life.starts)} bands of the rates")
    return shares


def _counts(shares: NDArray[np.float64], life: ByAge, count: int, window: Window) -> list[int]:
    """How many people there are of each standing."""
    objecting = figure("people.objecting") / (1 - figure("people.objecting"))
    deaths = float(shares @ life.values[0]) * window.years
    leaving = figure("people.moving_away") * window.years
    return [count, *(round(count * share) for share in (objecting, leaving, deaths, figure("people.elsewhere")))]


def _years(rng: Generator, life: ByAge, band: Integers) -> NDArray[np.float64]:
    """Exact age in years: even within a band, and fading beyond 85."""
    widths = np.append(np.diff(life.starts), 0)
    beyond = np.minimum(rng.exponential(figure("people.years_beyond_85"), len(band)), 22)
    into: NDArray[np.float64] = np.where(widths[band] > 0, rng.random(len(band)) * widths[band], beyond)
    return into + life.starts[band]


def _stay(rng: Generator, standing: Integers, born: Integers, died: Integers, window: Window) -> tuple[Integers, Integers]:
    """First and last day of each person's time here. Those who are here still end on the as-at date."""
    size = len(born)
    before = window.first - rng.exponential(figure("people.years_registered") * YEAR, size) - 1
    joined = rng.random(size) < figure("people.joining") * window.years
    came = np.where(joined, rng.integers(window.first, window.last + 1, size), before)
    moved = standing == Standing.MOVED_AWAY
    end = np.where(moved, rng.integers(window.first, window.last + 1, size), np.minimum(died, window.last))
    start = np.maximum(np.minimum(came, end), born).astype(np.int32)
    return start, np.maximum(start, end).astype(np.int32)


def _left_unnoticed(rng: Generator, standing: Integers, age: Integers, leaving: Floats, start: Integers, end: Integers, window: Window) -> Integers:
    """Last days, of which those of a fixed share of the registered lie before the window: adults of an age to leave who had been here for some time."""
    could = (standing == Standing.REGISTERED) & (age >= figure("people.adult_from")) & (start < window.first)
    wanted = round(figure("people.left_unnoticed") * int((standing == Standing.REGISTERED).sum()))
    gone = np.argsort(-np.where(could, rng.random(len(age)) ** (1 / np.maximum(leaving, 1e-3)), -1.0), kind="stable")[:wanted]
    gone = gone[could[gone]]
    last = end.copy()
    last[gone] = start[gone] + (rng.random(len(gone)) * (window.first - start[gone])).astype(np.int32)
    return last

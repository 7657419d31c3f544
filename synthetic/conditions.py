"""Long-term conditions: who has which, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from synthetic.people import People
from synthetic.rates import Floats, Integers, Truths, by_age, figure, numbers, table
from synthetic.streams import normal_scores, stream
from synthetic.window import YEAR, Window


@dataclass(frozen=True)
class Conditions:
    """`held` has one row per person and one column per condition of the rates; `since` the day of diagnosis of those held."""

    held: Truths
    since: Integers


@cache
def names() -> tuple[str, ...]:
    """The conditions, the gravest first."""
    return tuple(table("conditions")["condition"])


def fall_ill(people: People, quintile: Integers, window: Window, seed: int) -> Conditions:
    """Conditions by age, sex and deprivation; those in poor general health hold more of them."""
    rng = stream(seed, "conditions")
    rates = table("conditions")
    prevalence = by_age(rates)
    health = people.general_health + figure("conditions.care_home") * people.care_home
    weight = figure("conditions.health")
    held = np.empty((len(people), len(rates)), np.bool_)
    for column, (female_ratio, deprivation_ratio) in enumerate(rates.select("female_ratio", "deprivation_ratio").cast(pl.Float64).iter_rows()):
        share = prevalence.of(people.age, column) * _relative(people.female, quintile, female_ratio, deprivation_ratio)
        score = weight * health + np.sqrt(1 - weight**2) * rng.standard_normal(len(people), np.float32)
        held[:, column] = score > -normal_scores(np.minimum(share, 0.95))
    return Conditions(held, _since(rng, people, held, window))


def _relative(female: Truths, quintile: Integers, female_ratio: float, deprivation_ratio: float) -> Floats:
    """How common a condition is for each person beside the mean of their age."""
    by_sex = np.where(female, female_ratio, 1.0) * 2 / (1 + female_ratio)
    by_area = deprivation_ratio ** ((3 - quintile) / 4)
    relative: Floats = (by_sex * by_area).astype(np.float32)
    return relative


def _since(rng: np.random.Generator, people: People, held: Truths, window: Window) -> Integers:
    """Days of diagnosis: so many years back, never before the age at which the condition begins nor after the person's last day."""
    since = np.zeros(held.shape, np.int32)
    onset = numbers(table("conditions"), "onset_age")
    for column in range(held.shape[1]):
        who = np.flatnonzero(held[:, column])
        earliest = np.minimum(people.born[who] + onset[column] * YEAR, people.end[who] - 1)
        back = rng.exponential(figure("conditions.years_known") * YEAR, len(who))
        since[who, column] = np.maximum(people.end[who] - back, np.maximum(earliest, people.born[who]))
    return since

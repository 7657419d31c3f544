"""Long-term conditions of each person, with the day of diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from synthetic.people import People
from synthetic.rates import Booleans, Floats, Integers, by_age, column_values, figure, rate_table
from synthetic.streams import normal_scores, stream
from synthetic.window import DAYS_PER_YEAR, Window


@dataclass(frozen=True)
class Conditions:
    """`has_condition` has one row per person and one column per condition of the rates. `diagnosis_day` has the day of diagnosis, 0 without the condition."""

    has_condition: Booleans
    diagnosis_day: Integers


@cache
def condition_names() -> tuple[str, ...]:
    """Return the conditions, the gravest first."""
    return tuple(rate_table("conditions")["condition"])


def assign_conditions(people: People, quintile: Integers, window: Window, seed: int) -> Conditions:
    """Draw each person's conditions by age, sex and deprivation. People in poor general health have more of them."""
    rng = stream(seed, "conditions")
    rates = rate_table("conditions")
    prevalence = by_age(rates)
    health = people.general_health + figure("conditions.care_home") * people.care_home
    weight = figure("conditions.health")
    has_condition = np.empty((len(people), len(rates)), np.bool_)
    for column, (female_ratio, deprivation_ratio) in enumerate(rates.select("female_ratio", "deprivation_ratio").cast(pl.Float64).iter_rows()):
        share = prevalence.value_at(people.age, column) * _relative_risk(people.female, quintile, female_ratio, deprivation_ratio)
        # Conditions share general health, so that they occur together; the weights keep the score's variance at 1.
        score = weight * health + np.sqrt(1 - weight**2) * rng.standard_normal(len(people), np.float32)
        has_condition[:, column] = score > -normal_scores(np.minimum(share, 0.95))
    return Conditions(has_condition, _diagnosis_days(rng, people, has_condition, window))


def _relative_risk(female: Booleans, quintile: Integers, female_ratio: float, deprivation_ratio: float) -> Floats:
    """Return how common a condition is for each person, relative to the mean of their age."""
    by_sex = np.where(female, female_ratio, 1.0) * 2 / (1 + female_ratio)
    by_area = deprivation_ratio ** ((3 - quintile) / 4)
    relative: Floats = (by_sex * by_area).astype(np.float32)
    return relative


def _diagnosis_days(rng: np.random.Generator, people: People, has_condition: Booleans, window: Window) -> Integers:
    """Draw days of diagnosis, never before the condition's age of onset and never after the person's last day."""
    diagnosis_day = np.zeros(has_condition.shape, np.int32)
    onset = column_values(rate_table("conditions"), "onset_age")
    for column in range(has_condition.shape[1]):
        affected = np.flatnonzero(has_condition[:, column])
        earliest = np.minimum(people.born[affected] + onset[column] * DAYS_PER_YEAR, people.end[affected] - 1)
        days_before = rng.exponential(figure("conditions.years_known") * DAYS_PER_YEAR, len(affected))
        diagnosis_day[affected, column] = np.maximum(people.end[affected] - days_before, np.maximum(earliest, people.born[affected]))
    return diagnosis_day

"""Length of hospital stays, and the mean cost of an emergency stay."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bcf_linkage.definitions.rulebook import Prices
from synthetic.rates import Floats, Integers, by_age, figure, rate_table
from synthetic.streams import normal_scores


def draw_emergency_nights(rng: Generator, age: Integers, longer: Floats) -> Integers:
    """Draw the nights of each emergency stay: none for a same-day discharge, else one or more. `longer` multiplies the mean stay."""
    same_day = rng.random(len(age)) < by_age(rate_table("stays")).value_at(age, 0)
    drawn = np.exp(_log_location(by_age(rate_table("stays")).value_at(age, 1) * longer) + figure("stays.spread") * rng.standard_normal(len(age)))
    return np.where(same_day, 0, np.clip(drawn, 1, figure("stays.longest"))).astype(np.int32)


def draw_elective_nights(rng: Generator, age: Integers) -> Integers:
    """Draw the nights of each elective stay, one or more."""
    drawn = np.exp(_log_location(by_age(rate_table("stays")).value_at(age, 2)) + 0.6 * rng.standard_normal(len(age)))
    return np.clip(drawn, 1, figure("stays.longest")).astype(np.int32)


def mean_emergency_cost(age: Integers) -> Floats:
    """Return the expected cost of an emergency stay at each age, in pounds, from the declared unit costs."""
    costs: Floats = _mean_costs()[by_age(rate_table("stays")).band_of(age)]
    return costs


def _log_location(mean: NDArray[np.floating]) -> NDArray[np.float64]:
    location: NDArray[np.float64] = np.log(mean) - figure("stays.spread") ** 2 / 2
    return location


@cache
def _mean_costs() -> Floats:
    """Return the mean cost by age band, over evenly spaced quantiles of the length of stay."""
    prices = Prices.build()
    pounds = prices.pounds
    scores = normal_scores((np.arange(10_000) + 0.5) / 10_000)
    costs = []
    for same_day, mean in by_age(rate_table("stays")).values[:2].T:
        drawn = np.clip(np.exp(_log_location(mean) + figure("stays.spread") * scores), 1, figure("stays.longest")).astype(int)
        long = np.where(drawn > 1, pounds["non_elective_long_stay"], pounds["non_elective_short_stay"])
        excess = np.maximum(drawn - prices.after_days("excess_bed_day"), 0) * pounds["excess_bed_day"]
        costs.append(same_day * pounds["non_elective_short_stay"] + (1 - same_day) * float((long + excess).mean()))
    return np.array(costs, np.float32)

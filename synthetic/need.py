"""Latent need: how much care each person needs in each month of the window.

Need is the sum of a persistent part, ranked over the locality by age, conditions, deprivation and an individual part; a part
that drifts from month to month; acute episodes that fade; and a rise before death. Services' records are drawn from need.
Most, but not all, heavy users of one year are therefore heavy users of the next.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from synthetic.conditions import Conditions
from synthetic.people import People
from synthetic.rates import Floats, Integers, by_age, column_values, figure, rate_table
from synthetic.streams import normal_scores, stream
from synthetic.window import NEVER, Window

MONTHS_PER_YEAR = 12
"""The length of the year, the last of the window, on which the plan's table of bands is measured."""


def persistent_need(people: People, conditions: Conditions, quintile: Integers, seed: int) -> Floats:
    """Return the persistent part of need, standard normal over the people by rank."""
    rng = stream(seed, "need")
    ages = by_age(rate_table("need_by_age"))
    score = ages.value_at(people.age) + ages.value_at(people.age, 1) * people.female
    score += conditions.has_condition.astype(np.float32) @ column_values(rate_table("conditions"), "need").astype(np.float32)
    score += figure("need.general_health") * people.general_health + figure("need.care_home") * people.care_home
    score += figure("need.deprivation") * (3 - quintile) + figure("need.own") * rng.standard_normal(len(people), np.float32)
    return _rank_normal_scores(score)


def monthly_need(people: People, persistent: Floats, window: Window, seed: int) -> Floats:
    """Return need of each person (rows) in each month (columns), about standard normal with a longer upper tail.

    Rescale the last year's mean, without episodes, to the same distribution for every seed, so that localities differ little in how
    many people need much.
    """
    rng = stream(seed, "need by month")
    need = figure("need.persistent") * persistent[:, None] + figure("need.slow") * _drift(rng, len(persistent), window.months)
    year = need[:, -MONTHS_PER_YEAR:].mean(axis=1)
    need += (np.float32(_yearly_spread()) * _rank_normal_scores(year) - year)[:, None]
    episode: Floats = np.zeros(len(persistent), np.float32)
    for month in range(window.months):
        need[:, month] += episode
        episode = figure("need.episode_fading") * episode + _episode_rises(rng, persistent)
    return need + _rise_before_death(people, window)


def _drift(rng: Generator, size: int, months: int) -> Floats:
    """Return the part that drifts, standard normal in every month."""
    correlation = figure("need.drift")
    drift: Floats = rng.standard_normal((months, size), np.float32)
    for month in range(1, months):
        drift[month] = correlation * drift[month - 1] + np.sqrt(1 - correlation**2) * drift[month]
    return drift.T


def _yearly_spread() -> float:
    """Return the standard deviation, over people, of the mean of a year's need."""
    apart = np.abs(np.subtract.outer(np.arange(MONTHS_PER_YEAR), np.arange(MONTHS_PER_YEAR)))
    return float(np.hypot(figure("need.persistent"), figure("need.slow") * np.sqrt((figure("need.drift") ** apart).mean())))


def _episode_rises(rng: Generator, persistent: Floats) -> Floats:
    """Return the rise of need of each person for whom an acute episode begins; 0 for everybody else."""
    chance = figure("need.episode") * np.exp(figure("need.episode_slope") * persistent)
    begins = np.flatnonzero(rng.random(len(persistent), np.float32) < chance)
    rise = np.zeros(len(persistent), np.float32)
    rise[begins] = figure("need.episode_size") * rng.standard_exponential(len(begins), np.float32)
    return rise


def _rise_before_death(people: People, window: Window) -> Floats:
    """Return the rise of need in the months before death."""
    rise = np.zeros((len(people), window.months), np.float32)
    dying = np.flatnonzero(people.died < NEVER)
    months = (people.died[dying, None] - window.edges[:-1]) / 30.4
    rise[dying] = figure("need.dying") * np.exp(-np.clip(months, 0, None) / figure("need.dying_months"))
    return rise


def _rank_normal_scores(score: Floats) -> Floats:
    """Return the standard normal score of each entry's rank."""
    rank = np.empty(len(score))
    rank[np.argsort(score, kind="stable")] = (np.arange(len(score)) + 0.5) / len(score)
    return normal_scores(rank).astype(np.float32)

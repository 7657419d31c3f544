"""Latent need: how much care each person would take in each month of the window.

A persistent part, ranked over the locality from age, conditions, deprivation and what is a person's own; a part that drifts
from month to month; acute episodes that fade; a rise before death. What services record is drawn from it. A year's heavy users
are therefore mostly, but not all, those of the next.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from synthetic.conditions import Conditions
from synthetic.people import People
from synthetic.rates import Floats, Integers, by_age, figure, numbers, table
from synthetic.streams import normal_scores, stream
from synthetic.window import NEVER, Window

YEAR = 12
"""The last months of the window, by which the plan's table is measured."""


def persistent(people: People, conditions: Conditions, quintile: Integers, seed: int) -> Floats:
    """The part of need that stays: standard normal over the people, by rank."""
    rng = stream(seed, "need")
    ages = by_age(table("need_by_age"))
    score = ages.of(people.age) + ages.of(people.age, 1) * people.female
    score += conditions.held.astype(np.float32) @ numbers(table("conditions"), "need").astype(np.float32)
    score += figure("need.general_health") * people.general_health + figure("need.care_home") * people.care_home
    score += figure("need.deprivation") * (3 - quintile) + figure("need.own") * rng.standard_normal(len(people), np.float32)
    return _normal_scores(score)


def by_month(people: People, stays: Floats, window: Window, seed: int) -> Floats:
    """Need of each person (rows) in each month (columns), about standard normal, with a longer upper tail.

    Over the last year its mean, but for episodes, is spread over people in the same way whatever the seed, so that localities
    differ little in how many need much.
    """
    rng = stream(seed, "need by month")
    need = figure("need.persistent") * stays[:, None] + figure("need.slow") * _drift(rng, len(stays), window.months)
    year = need[:, -YEAR:].mean(axis=1)
    need += (np.float32(_spread_of_a_year()) * _normal_scores(year) - year)[:, None]
    episode: Floats = np.zeros(len(stays), np.float32)
    for month in range(window.months):
        need[:, month] += episode
        episode = figure("need.episode_fading") * episode + _episodes(rng, stays)
    return need + _dying(people, window)


def _drift(rng: Generator, size: int, months: int) -> Floats:
    """The part that drifts, standard normal in every month."""
    keep = figure("need.drift")
    drift: Floats = rng.standard_normal((months, size), np.float32)
    for month in range(1, months):
        drift[month] = keep * drift[month - 1] + np.sqrt(1 - keep**2) * drift[month]
    return drift.T


def _spread_of_a_year() -> float:
    """The standard deviation, over people, of the mean of a year's need."""
    apart = np.abs(np.subtract.outer(np.arange(YEAR), np.arange(YEAR)))
    return float(np.hypot(figure("need.persistent"), figure("need.slow") * np.sqrt((figure("need.drift") ** apart).mean())))


def _episodes(rng: Generator, stays: Floats) -> Floats:
    """The rise of need of those for whom an acute episode begins."""
    chance = figure("need.episode") * np.exp(figure("need.episode_slope") * stays)
    begins = np.flatnonzero(rng.random(len(stays), np.float32) < chance)
    rise = np.zeros(len(stays), np.float32)
    rise[begins] = figure("need.episode_size") * rng.standard_exponential(len(begins), np.float32)
    return rise


def _dying(people: People, window: Window) -> Floats:
    """The rise of need in the months before death."""
    rise = np.zeros((len(people), window.months), np.float32)
    dying = np.flatnonzero(people.died < NEVER)
    months = (people.died[dying, None] - window.edges[:-1]) / 30.4
    rise[dying] = figure("need.dying") * np.exp(-np.clip(months, 0, None) / figure("need.dying_months"))
    return rise


def _normal_scores(score: Floats) -> Floats:
    """The standard normal score of each entry's rank."""
    rank = np.empty(len(score))
    rank[np.argsort(score, kind="stable")] = (np.arange(len(score)) + 0.5) / len(score)
    return normal_scores(rank).astype(np.float32)

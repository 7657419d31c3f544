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
    """Need of each person (rows) in each month (columns), about standard normal, with a longer upper tail."""
    rng = stream(seed, "need by month")
    size, keep, fading = len(stays), figure("need.drift"), figure("need.episode_fading")
    need = np.empty((size, window.months), np.float32)
    drift: Floats = rng.standard_normal(size, np.float32)
    episode: Floats = np.zeros(size, np.float32)
    for month in range(window.months):
        need[:, month] = figure("need.persistent") * stays + figure("need.slow") * drift + episode
        drift = keep * drift + np.float32(np.sqrt(1 - keep**2)) * rng.standard_normal(size, np.float32)
        episode = fading * episode + _episodes(rng, stays)
    return need + _dying(people, window)


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

"""Prescriptions: the section of the British National Formulary and the number of items issued."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.demand import seasonal_factor, unit_costs
from synthetic.lives import Lives
from synthetic.rates import Floats, Integers, by_age, figure, rate_table
from synthetic.services.event_sampling import choose_day, sample_events
from synthetic.streams import stream


def generate_prescriptions(lives: Lives) -> tuple[Integers, Integers, Integers, Integers]:
    """Return person, day, section (a row of the rates) and items of each prescription."""
    rng = stream(lives.seed, "prescribing")
    regular = _regular_items(lives)
    pounds = lives.demand.pounds("medication") * lives.people.on_register[:, None]
    items = pounds / _expected_item_cost(lives, regular)[:, None]
    items_each = np.clip(figure("medication.least_items") + items, 1, figure("medication.most_items"))
    person, month = sample_events(rng, items / items_each * seasonal_factor("gp", lives.window.month_of_year))
    day = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=True)
    issued = 1 + rng.poisson(items_each[person, month] - 1).astype(np.int32)
    return person, day, _draw_sections(rng, lives, regular, person), issued


def sections() -> list[str]:
    """Return the sections of the formulary."""
    return rate_table("medications")["section"].to_list()


@cache
def _section_prices() -> NDArray[np.float64]:
    return np.array([unit_costs()[f"medication_bnf_{section[:2]}"] for section in sections()])


def _regular_items(lives: Lives) -> tuple[Integers, Integers]:
    """Return the sections of everybody's long-term medication in one array, and the position at which each person's begin.

    The second array has one more entry at the end, the length of the first.
    """
    needed = [[sections().index(s) for s in text.split("|")] if text else [] for text in rate_table("conditions")["sections"]]
    person, condition = np.nonzero(lives.conditions.has_condition)
    many = np.array([len(positions) for positions in needed])[condition]
    flat = np.concatenate([np.array(positions, np.int32) for positions in needed])
    first = np.cumsum([0, *(len(positions) for positions in needed)])[condition]
    nth = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    begins = np.searchsorted(np.repeat(person, many), np.arange(len(lives.people) + 1))
    return flat[np.repeat(first, many) + nth], begins.astype(np.int32)


@cache
def _occasional_odds() -> NDArray[np.float64]:
    """Return the cumulative odds of each section among short-term prescriptions, by sex (female second) and band of age."""
    rates = rate_table("medications")
    odds = np.stack([by_age(rates).values.T] * 2)
    odds[0][:, (rates["sex"] == "F").fill_null(value=False).to_numpy()] = 0
    odds[1][:, (rates["sex"] == "M").fill_null(value=False).to_numpy()] = 0
    return np.cumsum(odds / odds.sum(axis=2, keepdims=True), axis=2)


def _expected_item_cost(lives: Lives, regular: tuple[Integers, Integers]) -> Floats:
    """Return the expected cost of one of each person's items, in pounds."""
    flat, begins = regular
    many = np.diff(begins)
    total = np.concatenate([[0.0], np.cumsum(_section_prices()[flat])])
    regular_cost = (total[begins[1:]] - total[begins[:-1]]) / np.maximum(many, 1)
    odds = np.diff(_occasional_odds(), axis=2, prepend=0)
    other = (odds @ _section_prices())[lives.people.female.astype(int), by_age(rate_table("medications")).band_of(lives.people.age)]
    share = figure("medication.repeat") * (many > 0)
    expected: Floats = (share * regular_cost + (1 - share) * other).astype(np.float32)
    return expected


def _draw_sections(rng: Generator, lives: Lives, regular: tuple[Integers, Integers], person: Integers) -> Integers:
    """Draw a section for each prescription: one of the person's long-term sections, or a short-term one."""
    flat, begins = regular
    many = np.diff(begins)[person]
    drawn = rng.random(len(person), np.float32)
    repeats = (rng.random(len(person), np.float32) < figure("medication.repeat")) & (many > 0)
    section = np.empty(len(person), np.int32)
    section[repeats] = flat[begins[person[repeats]] + (drawn[repeats] * many[repeats]).astype(np.int32)]
    odds, other = _occasional_odds(), person[~repeats]
    cell = lives.people.female[other].astype(np.int32) * odds.shape[1] + by_age(rate_table("medications")).band_of(lives.people.age[other])
    steps = odds.reshape(-1, odds.shape[2]) + np.arange(odds.shape[0] * odds.shape[1])[:, None]
    section[~repeats] = np.searchsorted(steps.ravel(), drawn[~repeats] + cell, side="right") - cell * odds.shape[2]
    return section

"""Prescriptions: a section of the British National Formulary and how many items of it were issued."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.demand import prices, season
from synthetic.lives import Lives
from synthetic.rates import Floats, Integers, by_age, figure, table
from synthetic.services.placing import day_in_month, place
from synthetic.streams import stream


def prescriptions(lives: Lives) -> tuple[Integers, Integers, Integers, Integers]:
    """Person, day, section (a row of the rates) and items of each prescription."""
    rng = stream(lives.seed, "prescribing")
    regular = _regular(lives)
    pounds = lives.demand.pounds("medication") * lives.people.on_register[:, None]
    items = pounds / _pounds_per_item(lives, regular)[:, None]
    each = np.clip(figure("medication.least_items") + items, 1, figure("medication.most_items"))
    person, month = place(rng, items / each * season("gp", lives.window.month_of_year))
    day = day_in_month(rng, lives.people, lives.window, person, month, weekdays=True)
    issued = 1 + rng.poisson(each[person, month] - 1).astype(np.int32)
    return person, day, _sections(rng, lives, regular, person), issued


def sections() -> list[str]:
    """The sections of the formulary."""
    return table("medications")["section"].to_list()


@cache
def _section_prices() -> NDArray[np.float64]:
    return np.array([prices()[f"medication_bnf_{section[:2]}"] for section in sections()])


def _regular(lives: Lives) -> tuple[Integers, Integers]:
    """What each person takes for long-term conditions: the sections of all, and where each person's begin (one place more at the end)."""
    needed = [[sections().index(s) for s in text.split("|")] if text else [] for text in table("conditions")["sections"]]
    person, condition = np.nonzero(lives.conditions.held)
    many = np.array([len(each) for each in needed])[condition]
    flat = np.concatenate([np.array(each, np.int32) for each in needed])
    first = np.cumsum([0, *(len(each) for each in needed)])[condition]
    nth = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    begins = np.searchsorted(np.repeat(person, many), np.arange(len(lives.people) + 1))
    return flat[np.repeat(first, many) + nth], begins.astype(np.int32)


@cache
def _occasional() -> NDArray[np.float64]:
    """The odds of each section among what is prescribed for a short time, by sex (female second) and band of age, cumulative."""
    rates = table("medications")
    odds = np.stack([by_age(rates).values.T] * 2)
    odds[0][:, (rates["sex"] == "F").fill_null(value=False).to_numpy()] = 0
    odds[1][:, (rates["sex"] == "M").fill_null(value=False).to_numpy()] = 0
    return np.cumsum(odds / odds.sum(axis=2, keepdims=True), axis=2)


def _pounds_per_item(lives: Lives, regular: tuple[Integers, Integers]) -> Floats:
    """The expected cost of one of each person's items."""
    flat, begins = regular
    many = np.diff(begins)
    total = np.concatenate([[0.0], np.cumsum(_section_prices()[flat])])
    mine = (total[begins[1:]] - total[begins[:-1]]) / np.maximum(many, 1)
    odds = np.diff(_occasional(), axis=2, prepend=0)
    other = (odds @ _section_prices())[lives.people.female.astype(int), by_age(table("medications")).at(lives.people.age)]
    share = figure("medication.repeat") * (many > 0)
    expected: Floats = (share * mine + (1 - share) * other).astype(np.float32)
    return expected


def _sections(rng: Generator, lives: Lives, regular: tuple[Integers, Integers], person: Integers) -> Integers:
    """A section for each prescription: one of those that the person takes, or one for a short time."""
    flat, begins = regular
    many = np.diff(begins)[person]
    drawn = rng.random(len(person), np.float32)
    repeats = (rng.random(len(person), np.float32) < figure("medication.repeat")) & (many > 0)
    section = np.empty(len(person), np.int32)
    section[repeats] = flat[begins[person[repeats]] + (drawn[repeats] * many[repeats]).astype(np.int32)]
    odds, other = _occasional(), person[~repeats]
    cell = lives.people.female[other].astype(np.int32) * odds.shape[1] + by_age(table("medications")).at(lives.people.age[other])
    steps = odds.reshape(-1, odds.shape[2]) + np.arange(odds.shape[0] * odds.shape[1])[:, None]
    section[~repeats] = np.searchsorted(steps.ravel(), drawn[~repeats] + cell, side="right") - cell * odds.shape[2]
    return section

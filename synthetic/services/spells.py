"""Hospital spells: who was admitted, how, when, for how many nights and for what."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import cache

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic import conditions
from synthetic.demand import prices, season
from synthetic.lives import Lives
from synthetic.rates import Integers, Truths, by_age, figure, numbers, table
from synthetic.services.placing import day_in_month, place
from synthetic.stays import elective_nights, nights
from synthetic.streams import pick, stream
from synthetic.window import NEVER

WINTER = (0, 1, 11)
BEFORE = 3
"""Months before the window in which a stay may have begun that goes on into it."""


class Kind(IntEnum):
    """What brings somebody into hospital. The names are those of the rates."""

    EMERGENCY = 0
    ELECTIVE_INPATIENT = 1
    DAY_CASE = 2
    REGULAR_ATTENDANCE = 3
    BIRTH = 4
    DELIVERY = 5


@dataclass(frozen=True)
class Spells:
    """One entry per spell. `reason` is a row of the rates' diagnoses, `died` whether it ended in death."""

    person: Integers
    start: Integers
    nights: Integers
    kind: Integers
    reason: Integers
    died: Truths

    def __len__(self) -> int:
        return len(self.person)

    def __getitem__(self, which: NDArray[np.bool_] | Integers) -> Spells:
        return Spells(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def end(self) -> Integers:
        """The day of discharge, also of those that lie after the as-at date."""
        return self.start + self.nights


def spells(lives: Lives) -> Spells:
    """All spells that touch the window, by person and day. No two of a person overlap: one that would follows the other."""
    planned = [_planned(lives, kind) for kind in (Kind.ELECTIVE_INPATIENT, Kind.DAY_CASE, Kind.REGULAR_ATTENDANCE)]
    born = _births(lives)
    drawn = _together([born, _deliveries(lives, born), _already_in(lives), _emergencies(lives), *planned])
    queued = _one_after_the_other(stream(lives.seed, "spells"), drawn)
    kept = queued[queued.start <= lives.people.end[queued.person]]
    return _until_death(lives, kept)


def _emergencies(lives: Lives) -> Spells:
    rng = stream(lives.seed, "emergency admissions")
    person, month = place(rng, lives.demand.emergencies)
    start = day_in_month(rng, lives.people, lives.window, person, month, weekdays=False)
    reason = _reasons(rng, lives, Kind.EMERGENCY, person, np.isin(lives.window.month_of_year[month], WINTER))
    longer = numbers(table("diagnoses"), "longer").astype(np.float32)[reason]
    return _of(Kind.EMERGENCY, person, start, nights(rng, lives.people.age[person], longer), reason)


def _already_in(lives: Lives) -> Spells:
    """The emergency stays that had begun in the months before the window and went on into it."""
    rng = stream(lives.seed, "already in hospital")
    person, back = place(rng, np.repeat(lives.demand.emergencies[:, :1], BEFORE, axis=1))
    start = lives.window.first - 1 - back * 30 - rng.integers(0, 30, len(person), np.int32)
    reason = _reasons(rng, lives, Kind.EMERGENCY, person)
    longer = numbers(table("diagnoses"), "longer").astype(np.float32)[reason]
    before = _of(Kind.EMERGENCY, person, start, nights(rng, lives.people.age[person], longer), reason)
    return before[(before.end >= lives.window.first) & (start >= lives.people.start[person])]


def _planned(lives: Lives, kind: Kind) -> Spells:
    service = kind.name.lower()
    rng = stream(lives.seed, service)
    person, month = place(rng, lives.demand.pounds(service) * season("planned", lives.window.month_of_year) / np.float32(prices()[service]))
    start = day_in_month(rng, lives.people, lives.window, person, month, weekdays=True)
    stay = elective_nights(rng, lives.people.age[person]) if kind is Kind.ELECTIVE_INPATIENT else np.zeros_like(person)
    return _of(kind, person, start, stay, _reasons(rng, lives, kind, person))


def _births(lives: Lives) -> Spells:
    rng = stream(lives.seed, "births")
    people = lives.people
    person = np.flatnonzero((people.born >= lives.window.first) & people.on_register).astype(np.int32)
    stay = np.minimum(rng.poisson(figure("hospital.delivery_nights"), len(person)), 6).astype(np.int32)
    return _of(Kind.BIRTH, person, people.born[person], stay, _reasons(rng, lives, Kind.BIRTH, person))


def _deliveries(lives: Lives, born: Spells) -> Spells:
    """The mothers' spells: one for each birth, so one for twins."""
    mother = lives.households.mother[born.person]
    _, first = np.unique(np.stack([mother, born.start]), axis=1, return_index=True)
    first = np.sort(first[mother[first] >= 0])
    person = mother[first]
    there = lives.people.start[person] <= born.start[first]
    person, first = person[there], first[there]
    return _of(Kind.DELIVERY, person, born.start[first], born.nights[first], _reasons(stream(lives.seed, "deliveries"), lives, Kind.DELIVERY, person))


def _of(kind: Kind, person: Integers, start: Integers, stay: Integers, reason: Integers) -> Spells:
    return Spells(person, start, stay, np.full_like(person, kind), reason, np.zeros(len(person), np.bool_))


def _together(parts: list[Spells]) -> Spells:
    return Spells(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Spells)))


def _reasons(rng: Generator, lives: Lives, kind: Kind, person: Integers, winter: Truths | None = None) -> Integers:
    """A diagnosis for each spell, by age and sex, likelier where the person holds the condition behind it."""
    rates, rows = _diagnoses(kind)
    weights = by_age(rates).values.T.astype(np.float32)[by_age(rates).at(lives.people.age[person])]
    held = lives.conditions.held[person]
    for column, (condition, boost, sex, colder) in enumerate(rates.select("condition", "boost", "sex", "winter").iter_rows()):
        if condition:
            weights[:, column] *= np.where(held[:, conditions.names().index(condition)], np.float32(boost), np.float32(1))
        if sex:
            weights[:, column] *= lives.people.female[person] == (sex == "F")
        if winter is not None and colder != "1":
            weights[:, column] *= np.where(winter, np.float32(colder), np.float32(1))
    reasons: Integers = rows[pick(rng, weights)]
    return reasons


@cache
def _diagnoses(kind: Kind) -> tuple[pl.DataFrame, Integers]:
    rates = table("diagnoses").with_row_index("row")
    mine = rates.filter(rates["kind"] == kind.name.lower())
    return mine, mine["row"].to_numpy().astype(np.int32)


def _one_after_the_other(rng: Generator, drawn: Spells) -> Spells:
    """In order of person and day, each spell that would begin before the one before it is over moved to some days after."""
    ordered = drawn[np.lexsort((-drawn.kind, drawn.start, drawn.person))]
    gap = 1 + rng.geometric(1 / figure("hospital.days_between"), len(ordered)).astype(np.int64)
    gap[ordered.kind == Kind.REGULAR_ATTENDANCE] = 1
    first = np.append(True, ordered.person[1:] != ordered.person[:-1])
    block = np.cumsum(first) - 1
    taken = np.cumsum(ordered.nights + np.append(gap[1:], 0)) - (ordered.nights + np.append(gap[1:], 0))
    taken -= taken[first][block]
    apart = block.astype(np.int64) * 10**7
    start = np.maximum.accumulate(ordered.start - taken + apart) - apart + taken
    return replace(ordered, start=start.astype(np.int32))


def _until_death(lives: Lives, drawn: Spells) -> Spells:
    """Spells that death cuts short, and a last one for others of those who died in hospital."""
    died = lives.people.died
    cut = (drawn.end >= died[drawn.person]) & ~np.isin(drawn.kind, (Kind.DAY_CASE, Kind.REGULAR_ATTENDANCE))
    cut_short = replace(drawn, nights=np.where(cut, died[drawn.person] - drawn.start, drawn.nights).astype(np.int32), died=cut)
    rng = stream(lives.seed, "last spells")
    dying = np.flatnonzero(died < NEVER)
    elsewhere = np.setdiff1d(dying, drawn.person[cut])
    wanted = round(figure("hospital.died_in_hospital") * len(dying)) - (len(dying) - len(elsewhere))
    person = np.sort(rng.permutation(elsewhere)[: max(wanted, 0)]).astype(np.int32)
    reason = _reasons(rng, lives, Kind.EMERGENCY, person)
    stay = nights(rng, lives.people.age[person], np.full(len(person), 1.3, np.float32))
    start = np.maximum(died[person] - stay, np.maximum(lives.window.first, lives.people.start[person]))
    last = replace(_of(Kind.EMERGENCY, person, start, died[person] - start, reason), died=np.ones(len(person), np.bool_))
    begins = np.full(len(died), NEVER, np.int32)
    begins[person] = start
    before = cut_short[cut_short.end < begins[cut_short.person]]
    together = _together([before, last])
    return together[np.lexsort((together.start, together.person))]


def is_open(lives: Lives, drawn: Spells) -> Truths:
    """Spells of people who are still in hospital on the as-at date."""
    truths: Truths = drawn.end > lives.window.last
    return truths

"""Hospital spells: person, kind, day of admission, nights and reason."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import cache

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic import conditions
from synthetic.demand import seasonal_factor, unit_costs
from synthetic.lives import Lives
from synthetic.rates import Booleans, Integers, by_age, column_values, figure, rate_table
from synthetic.services.event_sampling import choose_day, sample_events
from synthetic.stays import draw_elective_nights, draw_emergency_nights
from synthetic.streams import pick_columns, stream
from synthetic.window import NEVER

WINTER = (0, 1, 11)
MONTHS_BEFORE = 3
"""The number of months before the window in which a stay that continues into it may begin."""


class SpellKind(IntEnum):
    """The kind of a hospital spell. The names are those of the rates."""

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
    died: Booleans

    def __len__(self) -> int:
        return len(self.person)

    def __getitem__(self, which: NDArray[np.bool_] | Integers) -> Spells:
        return Spells(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def end(self) -> Integers:
        """The day of discharge, also if it is after the as-at date."""
        return self.start + self.nights


def generate_spells(lives: Lives) -> Spells:
    """Return all spells in the window, by person and day. A person's spells do not overlap: one that would is moved after the other."""
    planned = [_planned(lives, kind) for kind in (SpellKind.ELECTIVE_INPATIENT, SpellKind.DAY_CASE, SpellKind.REGULAR_ATTENDANCE)]
    births = _births(lives)
    drawn = _concatenate([births, _deliveries(lives, births), _admitted_before_window(lives), _emergencies(lives), *planned])
    queued = _separate_overlaps(stream(lives.seed, "spells"), drawn)
    kept = queued[queued.start <= lives.people.end[queued.person]]
    return _end_at_death(lives, kept)


def _emergencies(lives: Lives) -> Spells:
    rng = stream(lives.seed, "emergency admissions")
    person, month = sample_events(rng, lives.demand.emergencies)
    start = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=False)
    reason = _draw_reasons(rng, lives, SpellKind.EMERGENCY, person, np.isin(lives.window.month_of_year[month], WINTER))
    longer = column_values(rate_table("diagnoses"), "longer").astype(np.float32)[reason]
    return _build_spells(SpellKind.EMERGENCY, person, start, draw_emergency_nights(rng, lives.people.age[person], longer), reason)


def _admitted_before_window(lives: Lives) -> Spells:
    """Return emergency stays that began in the months before the window and continued into it."""
    rng = stream(lives.seed, "already in hospital")
    person, back = sample_events(rng, np.repeat(lives.demand.emergencies[:, :1], MONTHS_BEFORE, axis=1))
    start = lives.window.first - 1 - back * 30 - rng.integers(0, 30, len(person), np.int32)
    reason = _draw_reasons(rng, lives, SpellKind.EMERGENCY, person)
    longer = column_values(rate_table("diagnoses"), "longer").astype(np.float32)[reason]
    before = _build_spells(SpellKind.EMERGENCY, person, start, draw_emergency_nights(rng, lives.people.age[person], longer), reason)
    return before[(before.end >= lives.window.first) & (start >= lives.people.start[person])]


def _planned(lives: Lives, kind: SpellKind) -> Spells:
    service = kind.name.lower()
    rng = stream(lives.seed, service)
    person, month = sample_events(
        rng, lives.demand.pounds(service) * seasonal_factor("planned", lives.window.month_of_year) / np.float32(unit_costs()[service])
    )
    start = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=True)
    stay = draw_elective_nights(rng, lives.people.age[person]) if kind is SpellKind.ELECTIVE_INPATIENT else np.zeros_like(person)
    return _build_spells(kind, person, start, stay, _draw_reasons(rng, lives, kind, person))


def _births(lives: Lives) -> Spells:
    rng = stream(lives.seed, "births")
    people = lives.people
    person = np.flatnonzero((people.born >= lives.window.first) & people.on_register).astype(np.int32)
    stay = np.minimum(rng.poisson(figure("hospital.delivery_nights"), len(person)), 6).astype(np.int32)
    return _build_spells(SpellKind.BIRTH, person, people.born[person], stay, _draw_reasons(rng, lives, SpellKind.BIRTH, person))


def _deliveries(lives: Lives, births: Spells) -> Spells:
    """Return the mothers' spells, one per birth and one for twins."""
    mother = lives.households.mother[births.person]
    _, first = np.unique(np.stack([mother, births.start]), axis=1, return_index=True)
    first = np.sort(first[mother[first] >= 0])
    person = mother[first]
    is_present = lives.people.start[person] <= births.start[first]
    person, first = person[is_present], first[is_present]
    return _build_spells(
        SpellKind.DELIVERY,
        person,
        births.start[first],
        births.nights[first],
        _draw_reasons(stream(lives.seed, "deliveries"), lives, SpellKind.DELIVERY, person),
    )


def _build_spells(kind: SpellKind, person: Integers, start: Integers, stay: Integers, reason: Integers) -> Spells:
    return Spells(person, start, stay, np.full_like(person, kind), reason, np.zeros(len(person), np.bool_))


def _concatenate(parts: list[Spells]) -> Spells:
    return Spells(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Spells)))


def _draw_reasons(rng: Generator, lives: Lives, kind: SpellKind, person: Integers, winter: Booleans | None = None) -> Integers:
    """Draw a diagnosis for each spell by age and sex, with higher odds if the person has the diagnosis's condition."""
    rates, rows = _diagnoses(kind)
    weights = by_age(rates).values.T.astype(np.float32)[by_age(rates).band_of(lives.people.age[person])]
    has_condition = lives.conditions.has_condition[person]
    for column, (condition, boost, sex, winter_boost) in enumerate(rates.select("condition", "boost", "sex", "winter").iter_rows()):
        if condition:
            weights[:, column] *= np.where(has_condition[:, conditions.condition_names().index(condition)], np.float32(boost), np.float32(1))
        if sex:
            weights[:, column] *= lives.people.female[person] == (sex == "F")
        if winter is not None and winter_boost != "1":
            weights[:, column] *= np.where(winter, np.float32(winter_boost), np.float32(1))
    reasons: Integers = rows[pick_columns(rng, weights)]
    return reasons


@cache
def _diagnoses(kind: SpellKind) -> tuple[pl.DataFrame, Integers]:
    rates = rate_table("diagnoses").with_row_index("row")
    of_kind = rates.filter(rates["kind"] == kind.name.lower())
    return of_kind, of_kind["row"].to_numpy().astype(np.int32)


def _separate_overlaps(rng: Generator, drawn: Spells) -> Spells:
    """Move each spell that would begin before the person's previous one ends to some days after it."""
    ordered = drawn[np.lexsort((-drawn.kind, drawn.start, drawn.person))]
    gap = 1 + rng.geometric(1 / figure("hospital.days_between"), len(ordered)).astype(np.int64)
    gap[ordered.kind == SpellKind.REGULAR_ATTENDANCE] = 1
    first = np.append(True, ordered.person[1:] != ordered.person[:-1])
    block = np.cumsum(first) - 1
    taken = np.cumsum(ordered.nights + np.append(gap[1:], 0)) - (ordered.nights + np.append(gap[1:], 0))
    taken -= taken[first][block]
    # One running maximum for all people: an offset larger than any day keeps each person's spells above the previous person's.
    offset = block.astype(np.int64) * 10**7
    start = np.maximum.accumulate(ordered.start - taken + offset) - offset + taken
    return replace(ordered, start=start.astype(np.int32))


def _end_at_death(lives: Lives, drawn: Spells) -> Spells:
    """Shorten spells at death, and add a last spell for a share of the other people who died."""
    died = lives.people.died
    cut = (drawn.end >= died[drawn.person]) & ~np.isin(drawn.kind, (SpellKind.DAY_CASE, SpellKind.REGULAR_ATTENDANCE))
    cut_short = replace(drawn, nights=np.where(cut, died[drawn.person] - drawn.start, drawn.nights).astype(np.int32), died=cut)
    rng = stream(lives.seed, "last spells")
    dying = np.flatnonzero(died < NEVER)
    elsewhere = np.setdiff1d(dying, drawn.person[cut])
    wanted = round(figure("hospital.died_in_hospital") * len(dying)) - (len(dying) - len(elsewhere))
    person = np.sort(rng.permutation(elsewhere)[: max(wanted, 0)]).astype(np.int32)
    reason = _draw_reasons(rng, lives, SpellKind.EMERGENCY, person)
    stay = draw_emergency_nights(rng, lives.people.age[person], np.full(len(person), 1.3, np.float32))
    start = np.maximum(died[person] - stay, np.maximum(lives.window.first, lives.people.start[person]))
    last = replace(_build_spells(SpellKind.EMERGENCY, person, start, died[person] - start, reason), died=np.ones(len(person), np.bool_))
    begins = np.full(len(died), NEVER, np.int32)
    begins[person] = start
    before = cut_short[cut_short.end < begins[cut_short.person]]
    spells = _concatenate([before, last])
    return spells[np.lexsort((spells.start, spells.person))]


def is_open(lives: Lives, drawn: Spells) -> Booleans:
    """Return which spells continue after the as-at date."""
    flags: Booleans = drawn.end > lives.window.last
    return flags

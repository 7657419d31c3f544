"""What the council provides: places in care homes, support in the community, reablement, equipment and help for carers."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.rates import Floats, Integers, Truths, by_age, figure, numbers, table
from synthetic.services.placing import day_in_month, place
from synthetic.services.recording import coded
from synthetic.services.spells import Kind, Spells
from synthetic.streams import draw
from synthetic.window import NEVER, YEAR

COMMUNITY, REQUESTS, CARERS, EQUIPMENT = range(4)
"""Rows of the rates of social care."""
ENDED, DECEASED, MOVED = "NFA: Support ended as planned", "NFA: Deceased", "NFA: Responsibility moved to another local authority"
AFTER_REABLEMENT = {ENDED: 0.66, "Progress to support planning or services": 0.22, "Admitted to hospital": 0.07, "NFA: Support ended for other reason": 0.05}


def care_homes(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Long-term places of the care home residents whom the council pays for, from the day they moved in."""
    chosen = rng.random(len(lives.people)) < figure("social_care.supported")
    person = np.flatnonzero(lives.people.care_home & chosen & is_adult(lives)).astype(np.int32)
    end = lives.people.end[person]
    start = end - 1 - rng.exponential(figure("social_care.years_in_care_home") * YEAR, len(person)).astype(np.int32)
    start = np.maximum(start, _of_age(lives, person))
    nursing = rng.random(len(person)) < figure("social_care.nursing")
    status = coded(["Registered care home", "Registered nursing home"], nursing.astype(np.int32))
    places = [
        service(rng, lives, group, person[which], start[which], _until(lives, person[which])).with_columns(accommodation_status=status.filter(pl.Series(which)))
        for group, which in (("residential", ~nursing), ("nursing", nursing))
    ]
    return pl.concat(places)


def community(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Long-term support of people at home: by age, and within an age by need."""
    at_home = is_adult(lives) & ~lives.people.care_home
    hazard = np.exp(figure("social_care.need_slope") * lives.persistent) * at_home
    band = by_age(table("social_care")).at(lives.people.age)
    mean = np.bincount(np.maximum(band, 0), hazard) / np.maximum(np.bincount(np.maximum(band, 0), at_home), 1)
    chance = rates(lives, COMMUNITY) * hazard / np.maximum(mean[np.maximum(band, 0)], 1e-9)
    person = np.flatnonzero(rng.random(len(hazard)) < chance).astype(np.int32)
    low, high = np.maximum(lives.people.start[person], lives.window.first), lives.people.end[person]
    before = (rng.random(len(person)) < figure("social_care.began_before")) & (lives.people.start[person] < lives.window.first)
    start = np.where(before, lives.window.first - rng.exponential(2 * YEAR, len(person)), low + rng.random(len(person)) * (high - low)).astype(np.int32)
    start = np.maximum(start, _of_age(lives, person))
    over = rng.random(len(person)) < figure("social_care.ended")
    stop = np.maximum(start, lives.window.first) + 30 + (rng.random(len(person)) * YEAR).astype(np.int32)
    end = np.where(over & (stop < high), stop, _until(lives, person)).astype(np.int32)
    older = lives.people.age[person] >= figure("social_care.older_age")
    return pl.concat([service(rng, lives, group, person[which], start[which], end[which]) for group, which in (("older", older), ("younger", ~older))])


def reablement(rng: Generator, lives: Lives, spells: Spells) -> pl.DataFrame:
    """Short-term support to regain independence, after a share of the discharges of older people."""
    stays = spells[np.isin(spells.kind, (Kind.EMERGENCY, Kind.ELECTIVE_INPATIENT)) & ~spells.died & lives.people.on_register[spells.person]]
    older = (lives.people.age[stays.person] >= figure("social_care.older_age")) & ~lives.people.care_home[stays.person] & (stays.end <= lives.window.last)
    fit = older & (stays.nights >= figure("social_care.reablement_from_nights"))
    wanted = round(figure("social_care.reablement") * older.sum())
    likelier = figure("social_care.reablement_slope") * lives.persistent[stays.person] + rng.gumbel(size=len(stays))
    chosen = np.sort(np.argsort(np.where(fit, -likelier, np.inf), kind="stable")[: min(wanted, fit.sum())])
    person = stays.person[chosen]
    start = stays.end[chosen] + rng.integers(0, 3, len(chosen), np.int32)
    end = start + np.minimum(10 + rng.exponential(figure("social_care.reablement_days") - 10, len(chosen)), 42).astype(np.int32)
    there = start <= np.minimum(lives.people.end[person], lives.window.last)
    made = service(rng, lives, "reablement", person[there], start[there], np.minimum(end, _until(lives, person))[there])
    outcome = pl.Series(coded(list(AFTER_REABLEMENT), draw(rng, AFTER_REABLEMENT.values(), len(made))))
    return made.with_columns(pl.when(pl.col("event_outcome") == ENDED).then(outcome).otherwise("event_outcome").alias("event_outcome"))


def equipment(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Aids and small adaptations, paid for once."""
    person, start = at_random(rng, lives, EQUIPMENT)
    return service(rng, lives, "equipment", person, start, np.minimum(start + 1, lives.window.last))


def carers(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Respite for those who care for somebody."""
    person, start = at_random(rng, lives, CARERS)
    breaks = service(rng, lives, "carer", person, start, np.minimum(start + 14, lives.window.last))
    return breaks.with_columns(client_type=pl.lit("Unpaid carer"))


def service(rng: Generator, lives: Lives, group: str, person: Integers, start: Integers, end: Integers) -> pl.DataFrame:
    """A service event for each person, of a kind that the group is given. `end` is `NEVER` for what goes on; blank units if paid once."""
    kinds = table("packages").filter(pl.col("group") == group)
    kind = draw(rng, numbers(kinds, "share"), len(person))
    cost = np.maximum(numbers(kinds, "unit_cost")[kind] + numbers(kinds, "spread")[kind] * rng.standard_normal(len(person)), 5)
    units = numbers(kinds, "units")[kind] * np.exp(numbers(kinds, "units_spread")[kind] * rng.standard_normal(len(person)))
    over = end <= lives.window.last
    end = np.where(over, end, NEVER).astype(np.int32)
    outcome = np.select([~over, lives.people.died[person] <= end, lives.people.end[person] <= end], [3, 1, 2], 0)
    named = kinds.select("service_type", "service_component", "delivery_mechanism", "cost_frequency_unit_type")[kind]
    return named.with_columns(
        true_person=pl.Series(person),
        event_type=pl.lit("Service"),
        start=pl.Series(start),
        end=pl.Series(end),
        event_outcome=coded([ENDED, DECEASED, MOVED, None], outcome.astype(np.int32)),
        unit_cost=_decimal(cost, 2),
        planned_units_per_week=_decimal(np.clip(units, 0.5, 60), 1),
    )


def at_random(rng: Generator, lives: Lives, rate: int) -> tuple[Integers, Integers]:
    """Person and day of events that come at one of the rates of social care."""
    there = lives.window.presence(lives.people.start, lives.people.end) * is_adult(lives)[:, None]
    person, month = place(rng, there * np.float32(1 / 12) * rates(lives, rate)[:, None])
    return person, day_in_month(rng, lives.people, lives.window, person, month, weekdays=True)


def rates(lives: Lives, rate: int) -> Floats:
    """One of the rates of social care for each person, a year; those under age have the youngest adults'."""
    adult = np.maximum(lives.people.age, round(figure("social_care.adult_age")))
    return by_age(table("social_care")).of(adult, rate)


def is_adult(lives: Lives) -> Truths:
    """Adults of the locality, whose council this is."""
    truths: Truths = lives.people.on_register & (lives.people.age >= figure("social_care.adult_age") + lives.window.years)
    return truths


def _of_age(lives: Lives, person: Integers) -> Integers:
    """The day by which each person is an adult."""
    return lives.people.born[person] + np.int32(np.ceil(figure("social_care.adult_age") * YEAR))


def _until(lives: Lives, person: Integers) -> Integers:
    """The last day of what goes on for as long as the person is here, `NEVER` if that is still so."""
    end = lives.people.end[person]
    return np.where((end < lives.window.last) | (lives.people.died[person] < NEVER), end, NEVER).astype(np.int32)


def _decimal(values: np.ndarray, places: int) -> pl.Series:
    return pl.Series(np.round(values, places)).cast(pl.Decimal(12, places)).cast(pl.String)

"""Services that the council provides: care home placements, community support, reablement, equipment and support for carers."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.lives import Lives
from synthetic.rates import Booleans, Floats, Integers, by_age, column_values, figure, rate_table
from synthetic.services.event_sampling import choose_day, sample_events
from synthetic.services.extract_format import select_codes
from synthetic.services.spells import SpellKind, Spells
from synthetic.streams import draw_positions
from synthetic.window import DAYS_PER_YEAR, NEVER

COMMUNITY, REQUESTS, CARERS, EQUIPMENT = range(4)
"""Rows of the rates of social care."""
SUPPORT_ENDED, DECEASED, MOVED = "NFA: Support ended as planned", "NFA: Deceased", "NFA: Responsibility moved to another local authority"
AFTER_REABLEMENT = {
    SUPPORT_ENDED: 0.66,
    "Progress to support planning or services": 0.22,
    "Admitted to hospital": 0.07,
    "NFA: Support ended for other reason": 0.05,
}


def care_homes(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Return long-term placements of care home residents whom the council supports, from the day they moved in."""
    chosen = rng.random(len(lives.people)) < figure("social_care.supported")
    person = np.flatnonzero(lives.people.care_home & chosen & is_adult(lives)).astype(np.int32)
    end = lives.people.end[person]
    start = end - 1 - rng.exponential(figure("social_care.years_in_care_home") * DAYS_PER_YEAR, len(person)).astype(np.int32)
    start = np.maximum(start, _adult_from(lives, person))
    nursing = rng.random(len(person)) < figure("social_care.nursing")
    status = select_codes(["Registered care home", "Registered nursing home"], nursing.astype(np.int32))
    placements = [
        build_services(rng, lives, group, person[which], start[which], _last_days(lives, person[which])).with_columns(
            accommodation_status=status.filter(pl.Series(which))
        )
        for group, which in (("residential", ~nursing), ("nursing", nursing))
    ]
    return pl.concat(placements)


def community(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Return long-term support of people at home, by age and, within an age, by need."""
    at_home = is_adult(lives) & ~lives.people.care_home
    hazard = np.exp(figure("social_care.need_slope") * lives.persistent_need) * at_home
    band = by_age(rate_table("social_care")).band_of(lives.people.age)
    mean = np.bincount(np.maximum(band, 0), hazard) / np.maximum(np.bincount(np.maximum(band, 0), at_home), 1)
    chance = yearly_rates(lives, COMMUNITY) * hazard / np.maximum(mean[np.maximum(band, 0)], 1e-9)
    person = np.flatnonzero(rng.random(len(hazard)) < chance).astype(np.int32)
    low, high = np.maximum(lives.people.start[person], lives.window.first), lives.people.end[person]
    before = (rng.random(len(person)) < figure("social_care.began_before")) & (lives.people.start[person] < lives.window.first)
    start = np.where(before, lives.window.first - rng.exponential(2 * DAYS_PER_YEAR, len(person)), low + rng.random(len(person)) * (high - low)).astype(
        np.int32
    )
    start = np.maximum(start, _adult_from(lives, person))
    has_ended = rng.random(len(person)) < figure("social_care.support_ended")
    stop = np.maximum(start, lives.window.first) + 30 + (rng.random(len(person)) * DAYS_PER_YEAR).astype(np.int32)
    end = np.where(has_ended & (stop < high), stop, _last_days(lives, person)).astype(np.int32)
    older = lives.people.age[person] >= figure("social_care.older_age")
    return pl.concat([build_services(rng, lives, group, person[which], start[which], end[which]) for group, which in (("older", older), ("younger", ~older))])


def reablement(rng: Generator, lives: Lives, spells: Spells) -> pl.DataFrame:
    """Return reablement services after a share of older people's hospital discharges."""
    stays = spells[np.isin(spells.kind, (SpellKind.EMERGENCY, SpellKind.ELECTIVE_INPATIENT)) & ~spells.died & lives.people.on_register[spells.person]]
    older = (lives.people.age[stays.person] >= figure("social_care.older_age")) & ~lives.people.care_home[stays.person] & (stays.end <= lives.window.last)
    eligible = older & (stays.nights >= figure("social_care.reablement_from_nights"))
    wanted = round(figure("social_care.reablement") * older.sum())
    # Gumbel noise on a score and a cut at the top: a weighted draw without replacement.
    score = figure("social_care.reablement_slope") * lives.persistent_need[stays.person] + rng.gumbel(size=len(stays))
    chosen = np.sort(np.argsort(np.where(eligible, -score, np.inf), kind="stable")[: min(wanted, eligible.sum())])
    person = stays.person[chosen]
    start = stays.end[chosen] + rng.integers(0, 3, len(chosen), np.int32)
    end = start + np.minimum(10 + rng.exponential(figure("social_care.reablement_days") - 10, len(chosen)), 42).astype(np.int32)
    is_present = start <= np.minimum(lives.people.end[person], lives.window.last)
    services = build_services(rng, lives, "reablement", person[is_present], start[is_present], np.minimum(end, _last_days(lives, person))[is_present])
    outcome = pl.Series(select_codes(list(AFTER_REABLEMENT), draw_positions(rng, AFTER_REABLEMENT.values(), len(services))))
    return services.with_columns(pl.when(pl.col("event_outcome") == SUPPORT_ENDED).then(outcome).otherwise("event_outcome").alias("event_outcome"))


def equipment(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Return aids and small adaptations, each a one-off payment."""
    person, start = sample_rate(rng, lives, EQUIPMENT)
    return build_services(rng, lives, "equipment", person, start, np.minimum(start + 1, lives.window.last))


def carers(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Return respite for unpaid carers."""
    person, start = sample_rate(rng, lives, CARERS)
    breaks = build_services(rng, lives, "carer", person, start, np.minimum(start + 14, lives.window.last))
    return breaks.with_columns(client_type=pl.lit("Unpaid carer"))


def build_services(rng: Generator, lives: Lives, group: str, person: Integers, start: Integers, end: Integers) -> pl.DataFrame:
    """Return one service event per person, of a kind in the group. `end` is `NEVER` for a service that continues."""
    kinds = rate_table("packages").filter(pl.col("group") == group)
    kind = draw_positions(rng, column_values(kinds, "share"), len(person))
    cost = np.maximum(column_values(kinds, "unit_cost")[kind] + column_values(kinds, "spread")[kind] * rng.standard_normal(len(person)), 5)
    units = column_values(kinds, "units")[kind] * np.exp(column_values(kinds, "units_spread")[kind] * rng.standard_normal(len(person)))
    is_over = end <= lives.window.last
    end = np.where(is_over, end, NEVER).astype(np.int32)
    outcome = np.select([~is_over, lives.people.died[person] <= end, lives.people.end[person] <= end], [3, 1, 2], 0)
    named = kinds.select("service_type", "service_component", "delivery_mechanism", "cost_frequency_unit_type")[kind]
    return named.with_columns(
        true_person=pl.Series(person),
        event_type=pl.lit("Service"),
        start=pl.Series(start),
        end=pl.Series(end),
        event_outcome=select_codes([SUPPORT_ENDED, DECEASED, MOVED, None], outcome.astype(np.int32)),
        unit_cost=_decimal(cost, 2),
        planned_units_per_week=_decimal(np.clip(units, 0.5, 60), 1),
    )


def sample_rate(rng: Generator, lives: Lives, rate: int) -> tuple[Integers, Integers]:
    """Return person and day of events at one of the rates of social care."""
    presence = lives.window.presence(lives.people.start, lives.people.end) * is_adult(lives)[:, None]
    person, month = sample_events(rng, presence * np.float32(1 / 12) * yearly_rates(lives, rate)[:, None])
    return person, choose_day(rng, lives.people, lives.window, person, month, weekdays_only=True)


def yearly_rates(lives: Lives, rate: int) -> Floats:
    """Return one of the rates of social care for each person, per year. People under age get the rate of the youngest adults."""
    adult = np.maximum(lives.people.age, round(figure("social_care.adult_age")))
    return by_age(rate_table("social_care")).value_at(adult, rate)


def is_adult(lives: Lives) -> Booleans:
    """Return who is an adult throughout the window and was registered in the locality."""
    flags: Booleans = lives.people.on_register & (lives.people.age >= figure("social_care.adult_age") + lives.window.years)
    return flags


def _adult_from(lives: Lives, person: Integers) -> Integers:
    """Return the day on which each person becomes an adult."""
    return lives.people.born[person] + np.int32(np.ceil(figure("social_care.adult_age") * DAYS_PER_YEAR))


def _last_days(lives: Lives, person: Integers) -> Integers:
    """Return the last day of a service that lasts as long as the person is here, `NEVER` if the person still is."""
    end = lives.people.end[person]
    return np.where((end < lives.window.last) | (lives.people.died[person] < NEVER), end, NEVER).astype(np.int32)


def _decimal(values: NDArray[np.float64], digits: int) -> pl.Series:
    return pl.Series(np.round(values, digits)).cast(pl.Decimal(12, digits)).cast(pl.String)

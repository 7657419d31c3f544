"""Adult social care: who asks for support, is assessed, gets it, and how it is reviewed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic import conditions
from synthetic.lives import Lives
from synthetic.rates import Integers, Truths, numbers, table
from synthetic.services.recording import numbered, recorded
from synthetic.services.spells import Kind, Spells
from synthetic.streams import stream
from synthetic.window import NEVER, YEAR, iso

ADULT = 18
NURSING, RESIDENTIAL, COMMUNITY = "Long term support: Nursing care", "Long term support: Residential care", "Long term support: Community"
REABLEMENT = "Short term support: ST-Max"
HOMES = (NURSING, RESIDENTIAL)


@dataclass(frozen=True)
class Support:
    """One entry per service: whose, from which day to which (`NEVER` while it goes on), and of which type."""

    person: Integers
    start: Integers
    end: Integers
    service_type: pl.Series


def rate(name: str) -> float:
    """One figure of social care. Raises KeyError."""
    rates = table("social_care")
    return dict(zip(rates["name"], numbers(rates, "value"), strict=True))[name]


def record(lives: Lives, spells: Spells) -> pl.DataFrame:
    """One row per event that touches the window, in order of first day."""
    rng = stream(lives.seed, "adult social care")
    services = [_care_homes(rng, lives), _community(rng, lives), _reablement(rng, lives, spells)]
    events = [event for support in services for event in _around(rng, lives, support)]
    events.append(_requests_alone(rng, lives))
    every = pl.concat(events, how="diagonal").filter(pl.col("end") >= lives.window.first, pl.col("start") <= lives.window.last)
    every = every.sort("start", "true_person", "event_type", maintain_order=True)
    end = every["end"].to_numpy()
    facts = every.drop("start", "end").with_columns(
        event_reference=numbered("C", len(every)),
        la_code=pl.lit(lives.profile.la_code),
        client_type=pl.lit("Service user"),
        event_start_date=iso(every["start"].to_numpy()),
        # What ends after the as-at date is not known to have ended.
        event_end_date=iso(np.where(end > lives.window.last, NEVER, end).astype(np.int32)),
    )
    return recorded("adult_social_care", lives.words, facts)


def _last_day(lives: Lives) -> Integers:
    """The last day on which each person can be a client, `NEVER` for those who are here on the as-at date."""
    people = lives.people
    last: Integers = np.minimum(np.where(people.end >= lives.window.last, NEVER, people.end), people.died).astype(np.int32)
    return last


def _care_homes(rng: Generator, lives: Lives) -> Support:
    """Places in care homes that the council pays for, each from some day before or in the window until death."""
    people = lives.people
    person = np.flatnonzero(people.care_home & (people.age >= ADULT) & (rng.random(len(people)) < rate("home_funded_by_council"))).astype(np.int32)
    last = _last_day(lives)[person]
    start = _begun(rng, lives, person, last, rate("years_in_home"))
    kind = pl.Series(np.where(rng.random(len(person)) < rate("nursing"), *HOMES))
    return Support(person, start, last, kind)


def _community(rng: Generator, lives: Lives) -> Support:
    """Long-term support at home, likelier for the old and the frail."""
    people = lives.people
    band = np.searchsorted((ADULT, 65, 75, 85), people.age, side="right")
    share = np.array([0, *(rate(f"community_{ages}") for ages in ("18_64", "65_74", "75_84", "85"))])[band]
    tilt = np.exp(rate("need_slope") * people.general_health)
    mean_tilt = np.exp(rate("need_slope") ** 2 / 2)
    # Support ends for some and begins for others: so many more have it at some time than on any one day.
    chance = share * tilt / mean_tilt * (1 + lives.window.years / rate("years_of_support") / 2)
    person = np.flatnonzero(~people.care_home & people.on_register & (rng.random(len(people)) < chance)).astype(np.int32)
    last = _last_day(lives)[person]
    start = _begun(rng, lives, person, last, rate("years_of_support"))
    stop = start + rng.exponential(rate("years_of_support") * YEAR, len(person)).astype(np.int32)
    return Support(person, start, np.minimum(stop, last).astype(np.int32), pl.repeat(COMMUNITY, len(person), eager=True))


def _begun(rng: Generator, lives: Lives, person: Integers, last: Integers, years: float) -> Integers:
    """When each support began: some mean years before a day of the window, not before the person came here or came of age."""
    on = np.minimum(rng.integers(lives.window.first, lives.window.last + 1, len(person)), last)
    begun = on - rng.exponential(years * YEAR, len(person)).astype(np.int32)
    of_age = lives.people.born[person] + np.int32(np.ceil(ADULT * YEAR))
    earliest = np.maximum(lives.people.start[person], of_age)
    return np.minimum(np.maximum(begun, earliest), last).astype(np.int32)


def _reablement(rng: Generator, lives: Lives, spells: Spells) -> Support:
    """Weeks of reablement after some older people's emergency stays, unless they die, leave or live in a care home."""
    old = lives.people.age[spells.person] >= 65
    home = (spells.kind == Kind.EMERGENCY) & ~spells.died & ~lives.people.care_home[spells.person] & (spells.nights >= 1)
    chosen = spells[old & home & (rng.random(len(spells)) < rate("reablement"))]
    start = chosen.end + rng.integers(0, 4, len(chosen))
    days = np.clip(rng.gamma(6, rate("reablement_days") / 6, len(chosen)), 5, 60).astype(np.int32)
    last = _last_day(lives)[chosen.person]
    kept = (start <= last) & (start <= lives.window.last)
    end = np.minimum(start + days, last)
    return Support(chosen.person[kept], start[kept].astype(np.int32), end[kept].astype(np.int32), pl.repeat(REABLEMENT, int(kept.sum()), eager=True))


def _around(rng: Generator, lives: Lives, support: Support) -> list[pl.DataFrame]:
    """A service with the request and the assessment that led to it and the reviews that followed."""
    service = pl.DataFrame({"true_person": support.person, "start": support.start, "end": support.end, "service_type": support.service_type})
    assessed = support.start - 1 - rng.exponential(rate("days_to_serve"), len(support.person)).astype(np.int32)
    asked = assessed - 1 - rng.exponential(rate("days_to_assess"), len(support.person)).astype(np.int32)
    there = np.asarray(asked >= lives.people.start[support.person], np.bool_)
    kind = support.service_type
    return [
        _described(rng, lives, service),
        _event(support.person[there], asked[there], assessed[there], kind.filter(pl.Series(there)), "Request"),
        _event(support.person[there], assessed[there], support.start[there], kind.filter(pl.Series(there)), "Assessment"),
        _reviews(rng, lives, support),
    ]


def _event(person: Integers, start: Integers, end: Integers, kind: pl.Series, event_type: str) -> pl.DataFrame:
    """Requests or assessments that led to a service of the kind."""
    short = pl.col("kind") == REABLEMENT
    frame = pl.DataFrame({"true_person": person, "start": start.astype(np.int32), "end": end.astype(np.int32), "kind": kind})
    if event_type == "Request":
        route = pl.when(short).then(pl.lit("Discharge from Hospital")).otherwise(pl.lit("Community/Other route"))
        more = {"request_route_of_access": route, "event_outcome": pl.lit("Progress to assessment, review or reassessment")}
    else:
        depth = pl.when(short).then(pl.lit("Short term assessment")).otherwise(pl.lit("Long term assessment"))
        outcome = pl.when(short).then(pl.lit("Progress to reablement/ST-Max")).otherwise(pl.lit("Progress to support planning or services"))
        more = {"assessment_type": depth, "event_outcome": outcome}
    return frame.with_columns(event_type=pl.lit(event_type), **more).drop("kind")


def _reviews(rng: Generator, lives: Lives, support: Support) -> pl.DataFrame:
    """A planned review about once a year while long-term support lasts."""
    every, window = round(rate("days_between_reviews")), lives.window
    long_term = np.asarray((support.service_type != REABLEMENT).to_numpy(), np.bool_)
    person, start, end = support.person[long_term], support.start[long_term], np.minimum(support.end, window.last)[long_term]
    first = start + every + rng.integers(-40, 41, len(person))
    first += np.maximum(0, -(-(window.first - first) // every)) * every
    held = [(person[on], day[on]) for n in range(3) if (on := (day := first + n * every) <= end) is not None]
    who, days = (np.concatenate([part[n] for part in held]).astype(np.int32) for n in (0, 1))
    unplanned = rng.random(len(who)) < 0.2
    return pl.DataFrame({"true_person": who, "start": days, "end": days}).with_columns(
        event_type=pl.lit("Review"),
        review_reason=pl.Series(np.where(unplanned, "Unplanned", "Planned")),
        event_outcome=pl.lit("Continuation of support or services"),
    )


def _requests_alone(rng: Generator, lives: Lives) -> pl.DataFrame:
    """Requests that lead to no service."""
    people = lives.people
    adults, old = people.age >= ADULT, people.age >= 65
    total = rate("requests_without_support") * lives.window.years * adults.sum()
    share = rate("request_65_share")
    chance = np.where(old, total * share / max(old.sum(), 1), np.where(adults, total * (1 - share) / max((adults & ~old).sum(), 1), 0))
    person = np.flatnonzero(people.on_register & (rng.random(len(people)) < chance)).astype(np.int32)
    low, high = np.maximum(lives.window.first, people.start[person]), np.minimum(lives.window.last, _last_day(lives)[person])
    of_age = (people.born[person] + ADULT * YEAR).astype(np.int32) + 1
    low = np.maximum(low, of_age)
    there: Truths = low <= high
    person, low, high = person[there], low[there], high[there]
    start = (low + (rng.random(len(person)) * (high - low + 1)).astype(np.int32)).astype(np.int32)
    end = np.minimum(start + 1 + rng.exponential(rate("days_to_assess"), len(person)).astype(np.int32), high).astype(np.int32)
    outcomes = np.array(["NFA: Information and advice or signposting", "NFA: Referral to other service within the local authority", "NFA: Support declined"])
    return pl.DataFrame({"true_person": person, "start": start, "end": end}).with_columns(
        event_type=pl.lit("Request"),
        request_route_of_access=pl.lit("Community/Other route"),
        event_outcome=pl.Series(outcomes[rng.integers(0, 3, len(person))]),
    )


def _described(rng: Generator, lives: Lives, service: pl.DataFrame) -> pl.DataFrame:
    """Services with what they consist of, how they are arranged, where the client lives and what they cost."""
    count, kind = len(service), pl.col("service_type")
    direct = pl.Series(rng.random(count) < rate("direct_payment"))
    hours = pl.Series(np.clip(np.round(rng.gamma(2, rate("home_care_hours") / 2, count) * 2) / 2, 1, 60))
    in_home, short = kind.is_in(HOMES), kind == REABLEMENT
    dementia = pl.Series((_holds(lives, "dementia_alzheimer") | _holds(lives, "dementia_other"))[service["true_person"].to_numpy()])
    component = {NURSING: "Long term nursing care", RESIDENTIAL: "Long term residential care", REABLEMENT: "Reablement"}
    place = {NURSING: "Registered nursing home", RESIDENTIAL: "Registered care home"}
    cost = pl.when(kind == NURSING).then(rate("nursing_week")).when(kind == RESIDENTIAL).then(rate("residential_week")).otherwise(rate("home_care_hour"))
    over = pl.col("end") <= lives.window.last
    return service.with_columns(
        event_type=pl.lit("Service"),
        service_component=kind.replace_strict(component, default="Home support or domiciliary care", return_dtype=pl.String),
        delivery_mechanism=pl.when(~in_home & ~short & direct).then(pl.lit("Direct payment")).otherwise(pl.lit("CASSR commissioned support")),
        accommodation_status=kind.replace_strict(place, default="Owner occupier or shared ownership", return_dtype=pl.String),
        primary_support_reason=pl.when(dementia).then(pl.lit("Support with Memory & Cognition")).otherwise(pl.lit("Physical Support: Personal care support")),
        event_outcome=pl.when(over).then(pl.lit("NFA: Support ended as planned")),
        unit_cost=cost.cast(pl.Float64).round(2).cast(pl.String),
        cost_frequency_unit_type=pl.when(in_home).then(pl.lit("Weekly")).otherwise(pl.lit("Hourly")),
        planned_units_per_week=pl.when(in_home).then(pl.lit("1")).otherwise(hours.cast(pl.String)),
    )


def _holds(lives: Lives, condition: str) -> Truths:
    held: Truths = lives.conditions.held[:, conditions.names().index(condition)]
    return held

"""Adult social care: requests, assessments, services and reviews of the council's clients, in the shape of Client Level Data."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic import conditions
from synthetic.lives import Lives
from synthetic.rates import Integers, figure
from synthetic.services import packages
from synthetic.services.recording import coded, numbered, recorded
from synthetic.services.spells import Spells
from synthetic.streams import draw, stream
from synthetic.window import YEAR, iso

TO_ASSESSMENT, TO_SERVICES, CONTINUED = (
    "Progress to assessment, review or reassessment",
    "Progress to support planning or services",
    "Continuation of support or services",
)
ROUTES = {"Community/Other route": 0.62, "Discharge from Hospital": 0.3, "Diversion from Hospital Services": 0.05, "Self-funder with depleted funds": 0.03}
REQUESTS_END = {
    "NFA: Information and advice or signposting": 0.56,
    "NFA: Referral to other service within the local authority": 0.17,
    "NFA: Self-funded client or under 12wk disregard": 0.08,
    "NFA: Support declined": 0.07,
    "NFA: Other": 0.12,
}
ASSESSMENTS_END = {"NFA: No services offered for other reason": 0.5, "NFA: Information and advice or signposting": 0.5}
REVIEWS_WHY = {"Planned": 0.85, "Unplanned": 0.15}
SUPPORT_REASONS = {
    "dementia_alzheimer": "Support with Memory & Cognition",
    "dementia_other": "Support with Memory & Cognition",
    "learning_disability": "Learning Disability Support",
    "severe_mental_illness": "Mental Health Support",
    "alcohol": "Social Support: Substance misuse support",
}
OTHER_REASONS = {
    "Physical Support: Personal care support": 0.66,
    "Physical Support: Access & mobility only": 0.2,
    "Sensory Support: Support for visual impairment": 0.05,
    "Sensory Support: Support for hearing impairment": 0.03,
    "Social Support: Support for Social Isolation/Other": 0.06,
}
ACCOMMODATION = {
    "Owner occupier or shared ownership": 0.48,
    "Tenant: local authority or social": 0.32,
    "Tenant: Private": 0.1,
    "Settled mainstream with family/friends": 0.06,
    "Sheltered or extra care": 0.04,
}


def record(lives: Lives, spells: Spells) -> pl.DataFrame:
    """One row per event, in order of its first day. Services may have begun before the window and may go on after the as-at date."""
    rng = stream(lives.seed, "adult social care")
    long_term = pl.concat([packages.care_homes(rng, lives), packages.community(rng, lives)], how="diagonal")
    others = [packages.reablement(rng, lives, spells), packages.equipment(rng, lives), packages.carers(rng, lives)]
    events = pl.concat([long_term, *others, *_ways_in(rng, lives, long_term), *_requests(rng, lives), _reviews(rng, lives, long_term)], how="diagonal")
    known = (pl.col("start") <= lives.window.last) & (pl.col("end") >= lives.window.first) & (pl.col("start") <= pl.col("end"))
    events = events.filter(known).sort("start", "true_person", maintain_order=True)
    person = events["true_person"]
    facts = events.with_columns(
        la_code=pl.lit(lives.profile.la_code),
        event_reference=numbered("R", len(events)),
        primary_support_reason=_reasons(rng, lives)[person],
        accommodation_status=pl.coalesce("accommodation_status", _homes(rng, lives)[person]),
        client_type=pl.col("client_type").fill_null("Service user"),
        event_start_date=iso(events["start"].to_numpy()),
        event_end_date=iso(events["end"].to_numpy()),
    )
    return recorded("adult_social_care", lives.words, facts.drop("start", "end"))


def _event(kind: str, person: Integers, start: Integers, end: Integers, last: int, **words: pl.Series) -> pl.DataFrame:
    """Events other than services, which are sent once they are complete: none of those that would end after the last day."""
    frame = pl.DataFrame({"true_person": person, "start": start.astype(np.int32), "end": end.astype(np.int32), **words})
    return frame.filter(pl.col("end") <= last).with_columns(event_type=pl.lit(kind))


def _ways_in(rng: Generator, lives: Lives, long_term: pl.DataFrame) -> list[pl.DataFrame]:
    """The request and the assessment that led to each service begun in the window."""
    begun = long_term.filter(pl.col("start").is_between(lives.window.first, lives.window.last))
    person, start = begun["true_person"].to_numpy(), begun["start"].to_numpy()
    assessed = start - _some_days(rng, len(start))
    asked = assessed - _some_days(rng, len(start))
    to_assessment, to_services = ([words] * len(start) for words in (TO_ASSESSMENT, TO_SERVICES))
    routes = coded(list(ROUTES), draw(rng, ROUTES.values(), len(start)))
    return [
        _event("Request", person, asked, assessed, lives.window.last, event_outcome=pl.Series(to_assessment, dtype=pl.String), request_route_of_access=routes),
        _event(
            "Assessment",
            person,
            assessed,
            start,
            lives.window.last,
            event_outcome=pl.Series(to_services, dtype=pl.String),
            assessment_type=_long_term(len(start)),
        ),
    ]


def _requests(rng: Generator, lives: Lives) -> list[pl.DataFrame]:
    """Requests that lead to no long-term service, some of them after an assessment."""
    person, asked = packages.at_random(rng, lives, packages.REQUESTS)
    goes_on = rng.random(len(person)) < figure("social_care.assessed")
    answered = asked + rng.integers(0, 10, len(asked))
    outcome = np.where(goes_on, 0, 1 + draw(rng, REQUESTS_END.values(), len(person)))
    requests = _event(
        "Request",
        person,
        asked,
        answered,
        lives.window.last,
        event_outcome=coded([TO_ASSESSMENT, *REQUESTS_END], outcome.astype(np.int32)),
        request_route_of_access=coded(list(ROUTES), draw(rng, ROUTES.values(), len(person))),
    )
    who, begun = person[goes_on], answered[goes_on]
    ended = coded(list(ASSESSMENTS_END), draw(rng, ASSESSMENTS_END.values(), len(who)))
    done = begun + _some_days(rng, len(who))
    alive = done <= lives.people.end[who]
    assessments = _event("Assessment", who, begun, done, lives.window.last, event_outcome=ended, assessment_type=_long_term(len(who)))
    return [requests, assessments.filter(pl.Series(alive[done <= lives.window.last]))]


def _reviews(rng: Generator, lives: Lives, long_term: pl.DataFrame) -> pl.DataFrame:
    """Yearly reviews of most long-term clients, while the service lasts."""
    clients = pl.concat([long_term.select("true_person", "start", "end").with_columns(year=pl.lit(year)) for year in range(round(lives.window.years))])
    day = lives.window.first + clients["year"].to_numpy() * round(YEAR) + rng.integers(0, 365, len(clients))
    start, end = clients["start"].to_numpy(), np.minimum(clients["end"].to_numpy(), lives.window.last)
    held = (rng.random(len(clients)) < figure("social_care.reviewed")) & (day > start + 42) & (day <= end)
    count = int(held.sum())
    why = coded(list(REVIEWS_WHY), draw(rng, REVIEWS_WHY.values(), count))
    outcome = coded([CONTINUED], np.zeros(count, np.int32))
    return _event("Review", clients["true_person"].to_numpy()[held], day[held], day[held], lives.window.last, event_outcome=outcome, review_reason=why)


def _some_days(rng: Generator, count: int) -> Integers:
    return (1 + rng.exponential(figure("social_care.days_to_assessment"), count)).astype(np.int32)


def _long_term(count: int) -> pl.Series:
    return coded(["Long term assessment"], np.zeros(count, np.int32))


def _reasons(rng: Generator, lives: Lives) -> pl.Series:
    """Each person's main reason for support: the first condition that is one, else a frequent one."""
    columns = [conditions.names().index(name) for name in SUPPORT_REASONS]
    held = lives.conditions.held[:, columns]
    other = len(columns) + draw(rng, OTHER_REASONS.values(), len(held))
    return coded([*SUPPORT_REASONS.values(), *OTHER_REASONS], np.where(held.any(axis=1), held.argmax(axis=1), other).astype(np.int32))


def _homes(rng: Generator, lives: Lives) -> pl.Series:
    """Where each person lives, by tenure."""
    return coded(list(ACCOMMODATION), draw(rng, ACCOMMODATION.values(), len(lives.people)))

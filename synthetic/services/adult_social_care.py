"""Adult social care: requests, assessments, services and reviews of the council's clients, in the layout of Client Level Data."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic import conditions
from synthetic.lives import Lives
from synthetic.rates import Integers, figure
from synthetic.services import packages
from synthetic.services.extract_format import format_extract, record_numbers, select_codes
from synthetic.services.spells import Spells
from synthetic.streams import draw_positions, stream
from synthetic.window import DAYS_PER_YEAR, iso_dates

TO_ASSESSMENT, TO_SERVICES, CONTINUED = (
    "Progress to assessment, review or reassessment",
    "Progress to support planning or services",
    "Continuation of support or services",
)
ROUTES = {"Community/Other route": 0.62, "Discharge from Hospital": 0.3, "Diversion from Hospital Services": 0.05, "Self-funder with depleted funds": 0.03}
REQUEST_OUTCOMES = {
    "NFA: Information and advice or signposting": 0.56,
    "NFA: Referral to other service within the local authority": 0.17,
    "NFA: Self-funded client or under 12wk disregard": 0.08,
    "NFA: Support declined": 0.07,
    "NFA: Other": 0.12,
}
ASSESSMENT_OUTCOMES = {"NFA: No services offered for other reason": 0.5, "NFA: Information and advice or signposting": 0.5}
REVIEW_REASONS = {"Planned": 0.85, "Unplanned": 0.15}
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
    """Return one row per event, in order of its first day. Services may begin before the window and continue after the as-at date."""
    rng = stream(lives.seed, "adult social care")
    long_term = pl.concat([packages.care_homes(rng, lives), packages.community(rng, lives)], how="diagonal")
    others = [packages.reablement(rng, lives, spells), packages.equipment(rng, lives), packages.carers(rng, lives)]
    events = pl.concat(
        [long_term, *others, *_requests_and_assessments(rng, lives, long_term), *_other_requests(rng, lives), _reviews(rng, lives, long_term)], how="diagonal"
    )
    in_window = (pl.col("start") <= lives.window.last) & (pl.col("end") >= lives.window.first) & (pl.col("start") <= pl.col("end"))
    events = events.filter(in_window).sort("start", "true_person", maintain_order=True)
    person = events["true_person"]
    facts = events.with_columns(
        la_code=pl.lit(lives.profile.la_code),
        event_reference=record_numbers("R", len(events)),
        primary_support_reason=_draw_support_reasons(rng, lives)[person],
        accommodation_status=pl.coalesce("accommodation_status", _draw_accommodation(rng, lives)[person]),
        client_type=pl.col("client_type").fill_null("Service user"),
        event_start_date=iso_dates(events["start"].to_numpy()),
        event_end_date=iso_dates(events["end"].to_numpy()),
    )
    return format_extract("adult_social_care", lives.identifiers, facts.drop("start", "end"))


def _build_events(kind: str, person: Integers, start: Integers, end: Integers, last: int, **words: pl.Series) -> pl.DataFrame:
    """Return events other than services. These are sent only when complete, so those that end after the last day are left out."""
    frame = pl.DataFrame({"true_person": person, "start": start.astype(np.int32), "end": end.astype(np.int32), **words})
    return frame.filter(pl.col("end") <= last).with_columns(event_type=pl.lit(kind))


def _requests_and_assessments(rng: Generator, lives: Lives, long_term: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the request and the assessment that precede each long-term service begun in the window."""
    begun = long_term.filter(pl.col("start").is_between(lives.window.first, lives.window.last))
    person, start = begun["true_person"].to_numpy(), begun["start"].to_numpy()
    assessed = start - _draw_waiting_days(rng, len(start))
    requested = assessed - _draw_waiting_days(rng, len(start))
    to_assessment, to_services = ([words] * len(start) for words in (TO_ASSESSMENT, TO_SERVICES))
    routes = select_codes(list(ROUTES), draw_positions(rng, ROUTES.values(), len(start)))
    return [
        _build_events(
            "Request", person, requested, assessed, lives.window.last, event_outcome=pl.Series(to_assessment, dtype=pl.String), request_route_of_access=routes
        ),
        _build_events(
            "Assessment",
            person,
            assessed,
            start,
            lives.window.last,
            event_outcome=pl.Series(to_services, dtype=pl.String),
            assessment_type=_long_term_assessments(len(start)),
        ),
    ]


def _other_requests(rng: Generator, lives: Lives) -> list[pl.DataFrame]:
    """Return requests that lead to no long-term service, some with an assessment."""
    person, requested = packages.sample_rate(rng, lives, packages.REQUESTS)
    is_assessed = rng.random(len(person)) < figure("social_care.assessed")
    request_end = requested + rng.integers(0, 10, len(requested))
    outcome = np.where(is_assessed, 0, 1 + draw_positions(rng, REQUEST_OUTCOMES.values(), len(person)))
    requests = _build_events(
        "Request",
        person,
        requested,
        request_end,
        lives.window.last,
        event_outcome=select_codes([TO_ASSESSMENT, *REQUEST_OUTCOMES], outcome.astype(np.int32)),
        request_route_of_access=select_codes(list(ROUTES), draw_positions(rng, ROUTES.values(), len(person))),
    )
    assessed, begun = person[is_assessed], request_end[is_assessed]
    outcomes = select_codes(list(ASSESSMENT_OUTCOMES), draw_positions(rng, ASSESSMENT_OUTCOMES.values(), len(assessed)))
    assessment_end = begun + _draw_waiting_days(rng, len(assessed))
    alive = assessment_end <= lives.people.end[assessed]
    assessments = _build_events(
        "Assessment", assessed, begun, assessment_end, lives.window.last, event_outcome=outcomes, assessment_type=_long_term_assessments(len(assessed))
    )
    return [requests, assessments.filter(pl.Series(alive[assessment_end <= lives.window.last]))]


def _reviews(rng: Generator, lives: Lives, long_term: pl.DataFrame) -> pl.DataFrame:
    """Return yearly reviews of most long-term clients while their service lasts."""
    clients = pl.concat([long_term.select("true_person", "start", "end").with_columns(year=pl.lit(year)) for year in range(round(lives.window.years))])
    day = lives.window.first + clients["year"].to_numpy() * round(DAYS_PER_YEAR) + rng.integers(0, 365, len(clients))
    start, end = clients["start"].to_numpy(), np.minimum(clients["end"].to_numpy(), lives.window.last)
    took_place = (rng.random(len(clients)) < figure("social_care.reviewed")) & (day > start + 42) & (day <= end)
    count = int(took_place.sum())
    reasons = select_codes(list(REVIEW_REASONS), draw_positions(rng, REVIEW_REASONS.values(), count))
    outcome = select_codes([CONTINUED], np.zeros(count, np.int32))
    return _build_events(
        "Review",
        clients["true_person"].to_numpy()[took_place],
        day[took_place],
        day[took_place],
        lives.window.last,
        event_outcome=outcome,
        review_reason=reasons,
    )


def _draw_waiting_days(rng: Generator, count: int) -> Integers:
    return (1 + rng.exponential(figure("social_care.days_to_assessment"), count)).astype(np.int32)


def _long_term_assessments(count: int) -> pl.Series:
    return select_codes(["Long term assessment"], np.zeros(count, np.int32))


def _draw_support_reasons(rng: Generator, lives: Lives) -> pl.Series:
    """Return each person's primary support reason: the first of their conditions that is one, else a frequent reason."""
    columns = [conditions.condition_names().index(name) for name in SUPPORT_REASONS]
    has_condition = lives.conditions.has_condition[:, columns]
    other = len(columns) + draw_positions(rng, OTHER_REASONS.values(), len(has_condition))
    return select_codes([*SUPPORT_REASONS.values(), *OTHER_REASONS], np.where(has_condition.any(axis=1), has_condition.argmax(axis=1), other).astype(np.int32))


def _draw_accommodation(rng: Generator, lives: Lives) -> pl.Series:
    """Return each person's accommodation by tenure."""
    return select_codes(list(ACCOMMODATION), draw_positions(rng, ACCOMMODATION.values(), len(lives.people)))

"""Case management codes in general practice: start, information, agreement or refusal of a plan, review and end."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.people import Standing
from synthetic.rates import Floats, Integers, figure, figure_date
from synthetic.services.gp_registrations import has_named_gp
from synthetic.streams import stream
from synthetic.window import epoch_day

CODES = ("8CV4.", "8CSB.", "8IAe1", "8CT2.", "8CMG3", "67DJ.")
STARTED, AGREED, DECLINED, SERVICE_ENDED, REVIEWED, INFORMED = range(len(CODES))


def generate_care_plan_codes(lives: Lives) -> tuple[Integers, Integers, Integers]:
    """Return person, day and code (a position in `CODES`) of each entry. There are none before the service began."""
    rng = stream(lives.seed, "care plans")
    begin = max(epoch_day(figure_date("care_plans.begin")), lives.window.first)
    entries = _build_entries(rng, lives, begin) if begin < lives.window.last - 30 else []
    person, day = (np.concatenate([entry[n] for entry in entries] or [np.empty(0, np.int32)]).astype(np.int32) for n in (0, 1))
    code = np.repeat(np.array([entry[2] for entry in entries], np.int32), [len(entry[0]) for entry in entries])
    # Adding days may move an entry past the person's last day here.
    kept = (day >= lives.people.start[person]) & (day <= lives.people.end[person])
    return person[kept], day[kept], code[kept]


def _build_entries(rng: Generator, lives: Lives, begin: int) -> list[tuple[Integers, Integers, int]]:
    chosen = _choose_people(rng, lives, begin)
    start = begin + (rng.random(len(chosen)) ** 1.5 * (lives.window.last - 14 - begin)).astype(np.int32)
    draw = rng.random(len(chosen))
    agreed = draw < figure("care_plans.agreed")
    declined = draw > 1 - figure("care_plans.declined")
    has_ended = rng.random(len(chosen)) < figure("care_plans.service_ended")
    agreement = start + 1 + rng.exponential(figure("care_plans.days_to_agree"), len(chosen)).astype(np.int32)
    reviewed = agreed & (rng.random(len(chosen)) < figure("care_plans.reviewed"))
    end_day = start + 30 + rng.integers(0, 90, len(chosen))
    review = agreement + 30 + rng.integers(0, 60, len(chosen))
    informed = np.flatnonzero(has_named_gp(lives) & (rng.random(len(lives.people)) < figure("care_plans.informed")))
    return [
        (chosen, start, STARTED),
        (chosen, start + rng.integers(0, 14, len(chosen)), INFORMED),
        (chosen[agreed], agreement[agreed], AGREED),
        (chosen[declined], agreement[declined], DECLINED),
        (chosen[has_ended], end_day[has_ended], SERVICE_ENDED),
        (chosen[reviewed], review[reviewed], REVIEWED),
        (informed, np.maximum(begin, lives.people.start[informed]) + rng.integers(0, 90, len(informed)), INFORMED),
    ]


def _choose_people(rng: Generator, lives: Lives, begin: int) -> Integers:
    """Choose the adults of each practice's list whose recent need seems highest to the practice."""
    people, practice = lives.people, lives.homes.practice
    adult = people.on_register & (people.age >= figure("care_plans.adult_age"))
    quota = np.bincount(practice, adult & np.isin(people.standing, (Standing.REGISTERED, Standing.OBJECTING)))
    is_present = adult & (people.start <= begin) & (people.end >= begin)
    score = _recent_need(lives, begin) + figure("care_plans.choice_noise") * rng.standard_normal(len(people), np.float32)
    candidates = np.flatnonzero(is_present)
    order = candidates[np.lexsort((-score[candidates], practice[candidates]))]
    # The order is by practice, so the rank within a practice is the position less that of the practice's first person.
    rank = np.arange(len(order)) - np.searchsorted(practice[order], practice[order])
    wanted = np.ceil(quota * figure("care_plans.adults"))
    chosen: Integers = np.sort(order[rank < wanted[practice[order]]]).astype(np.int32)
    return chosen


def _recent_need(lives: Lives, begin: int) -> Floats:
    """Return the mean need of the half year before the service began."""
    month = max(int(np.searchsorted(lives.window.edges, begin)), 1)
    recent: Floats = lives.monthly_need[:, max(month - 6, 0) : month].mean(axis=1)
    return recent

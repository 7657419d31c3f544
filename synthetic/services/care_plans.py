"""Case management as general practice codes it: who was put on the register, informed, offered a plan, and how that went."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.people import Standing
from synthetic.rates import Floats, Integers, figure, on
from synthetic.services.gp_registrations import has_named_gp
from synthetic.streams import stream
from synthetic.window import day_number

CODES = ("8CV4.", "8CSB.", "8IAe1", "8CT2.", "8CMG3", "67DJ.")
STARTED, AGREED, DECLINED, ENDED, REVIEWED, TOLD = range(len(CODES))


def processes(lives: Lives) -> tuple[Integers, Integers, Integers]:
    """Person, day and code (a position in `CODES`) of each entry. None before the service began."""
    rng = stream(lives.seed, "care plans")
    begin = max(day_number(on("care_plans.begin")), lives.window.first)
    entries = _entries(rng, lives, begin) if begin < lives.window.last - 30 else []
    person, day = (np.concatenate([entry[n] for entry in entries] or [np.empty(0, np.int32)]).astype(np.int32) for n in (0, 1))
    code = np.repeat(np.array([entry[2] for entry in entries], np.int32), [len(entry[0]) for entry in entries])
    kept = (day >= lives.people.start[person]) & (day <= lives.people.end[person])
    return person[kept], day[kept], code[kept]


def _entries(rng: Generator, lives: Lives, begin: int) -> list[tuple[Integers, Integers, int]]:
    chosen = _chosen(rng, lives, begin)
    start = begin + (rng.random(len(chosen)) ** 1.5 * (lives.window.last - 14 - begin)).astype(np.int32)
    fate = rng.random(len(chosen))
    agreed = fate < figure("care_plans.agreed")
    declined = fate > 1 - figure("care_plans.declined")
    ended = rng.random(len(chosen)) < figure("care_plans.ended")
    agreement = start + 1 + rng.exponential(figure("care_plans.days_to_agree"), len(chosen)).astype(np.int32)
    reviewed = agreed & (rng.random(len(chosen)) < figure("care_plans.reviewed"))
    over = start + 30 + rng.integers(0, 90, len(chosen))
    review = agreement + 30 + rng.integers(0, 60, len(chosen))
    told = np.flatnonzero(has_named_gp(lives) & (rng.random(len(lives.people)) < figure("care_plans.told")))
    return [
        (chosen, start, STARTED),
        (chosen, start + rng.integers(0, 14, len(chosen)), TOLD),
        (chosen[agreed], agreement[agreed], AGREED),
        (chosen[declined], agreement[declined], DECLINED),
        (chosen[ended], over[ended], ENDED),
        (chosen[reviewed], review[reviewed], REVIEWED),
        (told, np.maximum(begin, lives.people.start[told]) + rng.integers(0, 90, len(told)), TOLD),
    ]


def _chosen(rng: Generator, lives: Lives, begin: int) -> Integers:
    """The adults whom each practice chooses: those of its list who then seem to need most, as far as it can tell."""
    people, practice = lives.people, lives.homes.practice
    adult = people.on_register & (people.age >= figure("care_plans.adult_age"))
    quota = np.bincount(practice, adult & np.isin(people.standing, (Standing.REGISTERED, Standing.OBJECTING)))
    there = adult & (people.start <= begin) & (people.end >= begin)
    score = _seen_need(lives, begin) + figure("care_plans.choice_noise") * rng.standard_normal(len(people), np.float32)
    candidates = np.flatnonzero(there)
    order = candidates[np.lexsort((-score[candidates], practice[candidates]))]
    rank = np.arange(len(order)) - np.searchsorted(practice[order], practice[order])
    wanted = np.ceil(quota * figure("care_plans.adults"))
    chosen: Integers = np.sort(order[rank < wanted[practice[order]]]).astype(np.int32)
    return chosen


def _seen_need(lives: Lives, begin: int) -> Floats:
    """Mean need of the half year before the service began."""
    month = max(int(np.searchsorted(lives.window.edges, begin)), 1)
    seen: Floats = lives.need[:, max(month - 6, 0) : month].mean(axis=1)
    return seen

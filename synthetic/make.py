"""A fictional locality, from its people to the files that its services would send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from synthetic import faults, files, profiles
from synthetic.files import Format, Written
from synthetic.lives import Lives, live
from synthetic.locality import Locality
from synthetic.services import adult_social_care, emergency_care, gp_events, gp_registrations, hospital_admissions, outpatients
from synthetic.services.spells import spells

STEPS = ("people and their lives", "what each service recorded", "faults", "files")


def make(
    name: str,
    people: int,
    seed: int,
    out: Path,
    file_format: Format = "csv",
    as_at: date = date(2014, 9, 30),
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[Written, ...]:
    """Write a locality with faults: its extracts, its postcode lookup and, apart from them, the truth. The same seed writes the same bytes.

    `people` are those on the register on the as-at date who do not object. Raises RequestRefused for an unknown locality.
    """
    profile = profiles.load(name)
    progress(STEPS[0])
    lives = live(profile, people, as_at, seed)
    progress(STEPS[1])
    locality = Locality(truth(lives), observed(lives), lives.homes.lookup)
    progress(STEPS[2])
    faulted = faults.apply(locality, profile, seed, as_at=as_at)
    progress(STEPS[3])
    return files.write(faulted, locality.lookup, out, file_format)


def truth(lives: Lives) -> pl.DataFrame:
    """One row per person: what services know the person by, and what only the truth knows."""
    people = lives.people
    return lives.words.with_columns(
        pl.Series("true_person", range(len(people)), dtype=pl.Int32),
        pl.Series("standing", people.standing),
        pl.Series("on_register", people.on_register),
        pl.Series("age", people.age),
        pl.Series("deprivation_quintile", lives.homes.quintile),
        pl.Series("care_home", people.care_home),
    )


def observed(lives: Lives) -> dict[str, pl.DataFrame]:
    """What each service recorded of the people, without faults."""
    stays = spells(lives)
    method = hospital_admissions.methods(lives, stays)
    return {
        "gp_registrations": gp_registrations.record(lives),
        "gp_events": gp_events.record(lives),
        "hospital_admissions": hospital_admissions.record(lives, stays, method),
        "emergency_care": emergency_care.record(lives, stays, method),
        "outpatients": outpatients.record(lives, stays),
        "adult_social_care": adult_social_care.record(lives, stays),
    }

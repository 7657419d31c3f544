"""Make a fictional locality, from its people to the files that its services send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from synthetic import faults, files, profiles
from synthetic.files import Format, WrittenFile
from synthetic.lives import Lives, generate_lives
from synthetic.locality import Locality
from synthetic.services import adult_social_care, emergency_care, gp_events, gp_registrations, hospital_admissions, outpatients
from synthetic.services.spells import generate_spells

STEPS = ("people", "service records", "faults", "files")


def make_locality(
    name: str,
    people: int,
    seed: int,
    out: Path,
    file_format: Format = "csv",
    as_at: date = date(2014, 9, 30),
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[WrittenFile, ...]:
    """Write a locality with faults: its extracts, its postcode lookup and, apart, the ground truth. The same seed writes the same bytes.

    `people` is the number registered and not objecting on the as-at date. Raises UsageError for an unknown locality.
    """
    profile = profiles.load_profile(name)
    progress(STEPS[0])
    lives = generate_lives(profile, people, as_at, seed)
    progress(STEPS[1])
    locality = Locality(build_truth(lives), build_extracts(lives), lives.homes.lookup)
    progress(STEPS[2])
    faulted = faults.inject_faults(locality, profile, seed, as_at=as_at)
    progress(STEPS[3])
    return files.write_files(faulted, locality.lookup, out, file_format)


def build_truth(lives: Lives) -> pl.DataFrame:
    """Return one row per person: the identifiers that services know, and the true attributes."""
    people = lives.people
    return lives.identifiers.with_columns(
        pl.Series("true_person", range(len(people)), dtype=pl.Int32),
        pl.Series("standing", people.standing),
        pl.Series("on_register", people.on_register),
        pl.Series("age", people.age),
        pl.Series("deprivation_quintile", lives.homes.quintile),
        pl.Series("care_home", people.care_home),
    )


def build_extracts(lives: Lives) -> dict[str, pl.DataFrame]:
    """Return each service's records of the people, without faults: extract name -> one row per record."""
    stays = generate_spells(lives)
    method = hospital_admissions.admission_methods(lives, stays)
    return {
        "gp_registrations": gp_registrations.record(lives),
        "gp_events": gp_events.record(lives),
        "hospital_admissions": hospital_admissions.record(lives, stays, method),
        "emergency_care": emergency_care.record(lives, stays, method),
        "outpatients": outpatients.record(lives, stays),
        "adult_social_care": adult_social_care.record(lives, stays),
    }

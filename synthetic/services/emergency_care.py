"""Emergency department attendances: those that led to admission, which is on the same day, and the others."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.rates import Floats, Integers, Truths, by_age, numbers, table
from synthetic.services.hospital_admissions import EMERGENCY_DEPARTMENT
from synthetic.services.placing import day_in_month, place
from synthetic.services.recording import coded, numbered, recorded
from synthetic.services.spells import Spells
from synthetic.streams import draw, stream
from synthetic.window import iso

ADMITTED = "01"


def record(lives: Lives, spells: Spells, method: pl.Series) -> pl.DataFrame:
    """One row per attendance, in order of arrival."""
    rng = stream(lives.seed, "emergency care")
    admitted = spells[(method == EMERGENCY_DEPARTMENT).to_numpy() & (spells.start >= lives.window.first)]
    person, month = place(rng, lives.demand.attendances)
    day = day_in_month(rng, lives.people, lives.window, person, month, weekdays=False)
    person, day = np.concatenate([admitted.person, person]), np.concatenate([admitted.start, day])
    is_admitted = np.arange(len(person)) < len(admitted)
    department = np.where(is_admitted, 0, _drawn(rng, "department", len(person)))
    disposal = _drawn(rng, "disposal", len(person))
    minute = _drawn(rng, "hour", len(person)) * 60 + rng.integers(0, 60, len(person), np.int32)
    order = np.lexsort((minute, day))
    departments, disposals = _codes("department"), [*_codes("disposal"), ADMITTED]
    ambulance = rng.random(len(person)) < _by_ambulance(lives, person, is_admitted) * (department == 0)
    facts = pl.DataFrame(
        {
            "true_person": person,
            "organisation_code_code_of_provider": pl.repeat(lives.profile.hospital_code, len(person), eager=True),
            "nhs_number_trace_status": pl.repeat("01", len(person), eager=True),
            "ae_department_type": coded(departments, department),
            "arrival_date": iso(day),
            "arrival_time": coded([f"{m // 60:02d}:{m % 60:02d}" for m in range(24 * 60)], minute),
            "ae_arrival_mode": coded(["2", "1"], ambulance.astype(np.int32)),
            "ae_attendance_category": coded(["1", "2", "3"], np.where(is_admitted, 0, draw(rng, (0.94, 0.03, 0.03), len(person)))),
            "ae_attendance_disposal": coded(disposals, np.where(is_admitted, len(disposals) - 1, disposal)),
        }
    )[order]
    return recorded("emergency_care", lives.words, facts.with_columns(ae_attendance_number=numbered("E", len(facts))))


def _codes(what: str) -> list[str]:
    return table("attendances").filter(pl.col("what") == what)["code"].to_list()


def _drawn(rng: Generator, what: str, count: int) -> Integers:
    """One of the rates' codes for each attendance, by position."""
    return draw(rng, numbers(table("attendances").filter(pl.col("what") == what), "share"), count)


def _by_ambulance(lives: Lives, person: Integers, is_admitted: Truths) -> Floats:
    """How likely each person is to come by ambulance."""
    shares = by_age(table("use_by_age"))
    return np.where(is_admitted, shares.of(lives.people.age[person], 3), shares.of(lives.people.age[person], 2))

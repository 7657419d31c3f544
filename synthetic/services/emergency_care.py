"""Emergency department attendances: those that lead to admission on the same day, and all others."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.rates import Booleans, Floats, Integers, by_age, column_values, rate_table
from synthetic.services.event_sampling import choose_day, sample_events
from synthetic.services.extract_format import format_extract, record_numbers, select_codes
from synthetic.services.hospital_admissions import EMERGENCY_DEPARTMENT
from synthetic.services.spells import Spells
from synthetic.streams import draw_positions, stream
from synthetic.window import iso_dates

ADMITTED_DISPOSAL = "01"


def record(lives: Lives, spells: Spells, method: pl.Series) -> pl.DataFrame:
    """Return one row per attendance, in order of arrival."""
    rng = stream(lives.seed, "emergency care")
    admitted = spells[(method == EMERGENCY_DEPARTMENT).to_numpy() & (spells.start >= lives.window.first)]
    person, month = sample_events(rng, lives.demand.attendances)
    day = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=False)
    person, day = np.concatenate([admitted.person, person]), np.concatenate([admitted.start, day])
    is_admitted = np.arange(len(person)) < len(admitted)
    department = np.where(is_admitted, 0, _draw_codes(rng, "department", len(person)))
    disposal = _draw_codes(rng, "disposal", len(person))
    minute = _draw_codes(rng, "hour", len(person)) * 60 + rng.integers(0, 60, len(person), np.int32)
    order = np.lexsort((minute, day))
    departments, disposals = _attendance_codes("department"), [*_attendance_codes("disposal"), ADMITTED_DISPOSAL]
    ambulance = rng.random(len(person)) < _ambulance_probability(lives, person, is_admitted) * (department == 0)
    facts = pl.DataFrame(
        {
            "true_person": person,
            "organisation_code_code_of_provider": pl.repeat(lives.profile.hospital_code, len(person), eager=True),
            "nhs_number_trace_status": pl.repeat("01", len(person), eager=True),
            "ae_department_type": select_codes(departments, department),
            "arrival_date": iso_dates(day),
            "arrival_time": select_codes([f"{m // 60:02d}:{m % 60:02d}" for m in range(24 * 60)], minute),
            "ae_arrival_mode": select_codes(["2", "1"], ambulance.astype(np.int32)),
            "ae_attendance_category": select_codes(["1", "2", "3"], np.where(is_admitted, 0, draw_positions(rng, (0.94, 0.03, 0.03), len(person)))),
            "ae_attendance_disposal": select_codes(disposals, np.where(is_admitted, len(disposals) - 1, disposal)),
        }
    )[order]
    return format_extract("emergency_care", lives.identifiers, facts.with_columns(ae_attendance_number=record_numbers("E", len(facts))))


def _attendance_codes(kind: str) -> list[str]:
    return rate_table("attendances").filter(pl.col("what") == kind)["code"].to_list()


def _draw_codes(rng: Generator, kind: str, count: int) -> Integers:
    """Draw one of the rates' codes for each attendance, by position."""
    return draw_positions(rng, column_values(rate_table("attendances").filter(pl.col("what") == kind), "share"), count)


def _ambulance_probability(lives: Lives, person: Integers, is_admitted: Booleans) -> Floats:
    """Return the probability that each person arrives by ambulance."""
    shares = by_age(rate_table("use_by_age"))
    return np.where(is_admitted, shares.value_at(lives.people.age[person], 3), shares.value_at(lives.people.age[person], 2))

"""Outpatient appointments: attended ones, which follow planned demand, and missed and cancelled ones in addition."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic import conditions
from synthetic.demand import seasonal_factor, unit_costs
from synthetic.lives import Lives
from synthetic.rates import Booleans, Floats, Integers, by_age, figure, rate_table
from synthetic.services.event_sampling import choose_day, sample_events
from synthetic.services.extract_format import format_extract, record_numbers, select_codes
from synthetic.services.spells import SpellKind, Spells
from synthetic.streams import draw_positions, pick_columns, stream
from synthetic.window import iso_dates

ATTENDANCE_CODES = ("5", "6", "3", "2", "4", "7")
SEEN_CODES = 2
"""The number of those codes, from the first, that mean that the patient was seen."""
OBSTETRICS = "501"
REFERRAL_SOURCES = {"03": 0.56, "05": 0.15, "01": 0.07, "10": 0.05, "11": 0.05, "04": 0.04, "15": 0.03, "92": 0.02, "14": 0.02, "06": 0.01}


def record(lives: Lives, spells: Spells) -> pl.DataFrame:
    """Return one row per appointment, in order of day."""
    rng = stream(lives.seed, "outpatients")
    shares = _attendance_odds(lives)
    rates = lives.demand.pounds("outpatients") * seasonal_factor("planned", lives.window.month_of_year)
    person, month = sample_events(rng, rates / (np.float32(unit_costs()["outpatient_attendance"]) * shares[:, :SEEN_CODES].sum(axis=1))[:, None])
    day = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=True)
    mothers, days = _antenatal_appointments(rng, lives, spells)
    antenatal = np.arange(len(person) + len(mothers)) >= len(person)
    person, day = np.concatenate([person, mothers]), np.concatenate([day, days])
    order = np.argsort(day, kind="stable")
    person, day, antenatal = person[order], day[order], antenatal[order]
    clinic = np.where(antenatal, rate_table("clinics")["function"].to_list().index(OBSTETRICS), _draw_clinics(rng, lives, person))
    facts = pl.DataFrame(
        {
            "true_person": person,
            "attendance_identifier": record_numbers("T", len(person)),
            "organisation_code_code_of_provider": pl.repeat(lives.profile.hospital_code, len(person), eager=True),
            "nhs_number_trace_status": pl.repeat("01", len(person), eager=True),
            "appointment_date": iso_dates(day),
            "attended_or_did_not_attend": select_codes(ATTENDANCE_CODES, pick_columns(rng, shares[person])),
            "main_specialty_code": rate_table("clinics")["specialty"][clinic],
            "treatment_function_code": rate_table("clinics")["function"][clinic],
            **_referral_columns(rng, len(person)),
        }
    )
    return format_extract("outpatients", lives.identifiers, facts)


def _attendance_odds(lives: Lives) -> Floats:
    """Return the odds of each attendance code (columns) for each person (rows)."""
    missed = figure("outpatients.did_not_attend") * figure("outpatients.did_not_attend_deprived") ** (3 - lives.homes.quintile)
    missed = missed * np.where((lives.people.age >= 16) & (lives.people.age < 40), figure("outpatients.did_not_attend_young"), 1)
    rest = [figure(f"outpatients.{name}") for name in ("cancelled_by_patient", "cancelled_by_hospital", "late_not_seen")]
    late = figure("outpatients.late")
    columns = [1 - late - missed - sum(rest), np.full_like(missed, late), missed, *(np.full_like(missed, share) for share in rest)]
    return np.stack(columns, axis=1).astype(np.float32)


def _antenatal_appointments(rng: Generator, lives: Lives, spells: Spells) -> tuple[Integers, Integers]:
    """Return person and day of the antenatal appointments of women who gave birth."""
    births = spells[spells.kind == SpellKind.DELIVERY]
    appointments = round(figure("outpatients.antenatal"))
    mother = np.repeat(births.person, appointments)
    day = np.repeat(births.start, appointments) - rng.integers(1, round(figure("outpatients.antenatal_days")), len(mother), np.int32)
    kept: Booleans = day >= np.maximum(lives.window.first, lives.people.start[mother])
    return mother[kept], day[kept]


def _draw_clinics(rng: Generator, lives: Lives, person: Integers) -> Integers:
    """Draw a clinic for each appointment by age and sex, with higher odds if the person has the clinic's condition."""
    rates = rate_table("clinics")
    odds = by_age(rates)
    weights = odds.values.T.astype(np.float32)[odds.band_of(lives.people.age)]
    for column, (condition, boost, sex) in enumerate(rates.select("condition", "boost", "sex").iter_rows()):
        if condition:
            weights[:, column] *= np.where(lives.conditions.has_condition[:, conditions.condition_names().index(condition)], np.float32(boost), np.float32(1))
        if sex:
            weights[:, column] *= lives.people.female == (sex == "F")
    return pick_columns(rng, weights[person])


def _referral_columns(rng: Generator, count: int) -> dict[str, pl.Series]:
    """Return first or follow-up attendance, outcome, priority and source of referral."""
    later = rng.random(count) >= figure("outpatients.first")
    telephone = rng.random(count) < figure("outpatients.telephone")
    drawn = rng.random(count)
    priority = np.where(drawn < figure("outpatients.urgent"), 1, np.where(~later & (drawn > 1 - figure("outpatients.two_weeks")), 2, 0))
    return {
        "first_attendance": select_codes(["1", "2", "3", "4"], later + 2 * telephone),
        "outcome_of_attendance": select_codes(["1", "2", "3"], draw_positions(rng, (0.3, 0.55, 0.15), count)),
        "priority_type": select_codes(["1", "2", "3"], priority.astype(np.int32)),
        "source_of_referral_for_outpatients": select_codes(list(REFERRAL_SOURCES), draw_positions(rng, REFERRAL_SOURCES.values(), count)),
    }

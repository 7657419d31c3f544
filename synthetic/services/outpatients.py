"""Outpatient appointments: those kept, which the planned demand counts, and those missed and cancelled beside them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic import conditions
from synthetic.demand import prices, season
from synthetic.lives import Lives
from synthetic.rates import Floats, Integers, Truths, by_age, figure, table
from synthetic.services.placing import day_in_month, place
from synthetic.services.recording import coded, numbered, recorded
from synthetic.services.spells import Kind, Spells
from synthetic.streams import draw, pick, stream
from synthetic.window import iso

ATTENDED = ("5", "6", "3", "2", "4", "7")
SEEN = 2
"""How many of those codes, from the first, mean that the patient was seen."""
OBSTETRICS = "501"
SOURCES = {"03": 0.56, "05": 0.15, "01": 0.07, "10": 0.05, "11": 0.05, "04": 0.04, "15": 0.03, "92": 0.02, "14": 0.02, "06": 0.01}


def record(lives: Lives, spells: Spells) -> pl.DataFrame:
    """One row per appointment, in order of day."""
    rng = stream(lives.seed, "outpatients")
    shares = _attendance(lives)
    rates = lives.demand.pounds("outpatients") * season("planned", lives.window.month_of_year)
    person, month = place(rng, rates / (np.float32(prices()["outpatient_attendance"]) * shares[:, :SEEN].sum(axis=1))[:, None])
    day = day_in_month(rng, lives.people, lives.window, person, month, weekdays=True)
    mothers, days = _antenatal(rng, lives, spells)
    antenatal = np.arange(len(person) + len(mothers)) >= len(person)
    person, day = np.concatenate([person, mothers]), np.concatenate([day, days])
    order = np.argsort(day, kind="stable")
    person, day, antenatal = person[order], day[order], antenatal[order]
    clinic = np.where(antenatal, table("clinics")["function"].to_list().index(OBSTETRICS), _clinics(rng, lives, person))
    facts = pl.DataFrame(
        {
            "true_person": person,
            "attendance_identifier": numbered("T", len(person)),
            "organisation_code_code_of_provider": pl.repeat(lives.profile.hospital_code, len(person), eager=True),
            "nhs_number_trace_status": pl.repeat("01", len(person), eager=True),
            "appointment_date": iso(day),
            "attended_or_did_not_attend": coded(ATTENDED, pick(rng, shares[person])),
            "main_specialty_code": table("clinics")["specialty"][clinic],
            "treatment_function_code": table("clinics")["function"][clinic],
            **_referral(rng, len(person)),
        }
    )
    return recorded("outpatients", lives.words, facts)


def _attendance(lives: Lives) -> Floats:
    """For each person, the odds of each way in which an appointment ends."""
    missed = figure("outpatients.did_not_attend") * figure("outpatients.did_not_attend_deprived") ** (3 - lives.homes.quintile)
    missed = missed * np.where((lives.people.age >= 16) & (lives.people.age < 40), figure("outpatients.did_not_attend_young"), 1)
    rest = [figure(f"outpatients.{name}") for name in ("cancelled_by_patient", "cancelled_by_hospital", "late_not_seen")]
    late = figure("outpatients.late")
    columns = [1 - late - missed - sum(rest), np.full_like(missed, late), missed, *(np.full_like(missed, share) for share in rest)]
    return np.stack(columns, axis=1).astype(np.float32)


def _antenatal(rng: Generator, lives: Lives, spells: Spells) -> tuple[Integers, Integers]:
    """The appointments of the mothers who gave birth, in the months before."""
    births = spells[spells.kind == Kind.DELIVERY]
    each = round(figure("outpatients.antenatal"))
    mother = np.repeat(births.person, each)
    day = np.repeat(births.start, each) - rng.integers(1, round(figure("outpatients.antenatal_days")), len(mother), np.int32)
    kept: Truths = day >= np.maximum(lives.window.first, lives.people.start[mother])
    return mother[kept], day[kept]


def _clinics(rng: Generator, lives: Lives, person: Integers) -> Integers:
    """A clinic for each appointment, by age and sex, likelier where the person holds the condition it is for."""
    rates = table("clinics")
    odds = by_age(rates)
    weights = odds.values.T.astype(np.float32)[odds.at(lives.people.age)]
    for column, (condition, boost, sex) in enumerate(rates.select("condition", "boost", "sex").iter_rows()):
        if condition:
            weights[:, column] *= np.where(lives.conditions.held[:, conditions.names().index(condition)], np.float32(boost), np.float32(1))
        if sex:
            weights[:, column] *= lives.people.female == (sex == "F")
    return pick(rng, weights[person])


def _referral(rng: Generator, count: int) -> dict[str, pl.Series]:
    """First or later, by whom referred, how urgently and what follows."""
    later = rng.random(count) >= figure("outpatients.first")
    telephone = rng.random(count) < figure("outpatients.telephone")
    drawn = rng.random(count)
    priority = np.where(drawn < figure("outpatients.urgent"), 1, np.where(~later & (drawn > 1 - figure("outpatients.two_weeks")), 2, 0))
    return {
        "first_attendance": coded(["1", "2", "3", "4"], later + 2 * telephone),
        "outcome_of_attendance": coded(["1", "2", "3"], draw(rng, (0.3, 0.55, 0.15), count)),
        "priority_type": coded(["1", "2", "3"], priority.astype(np.int32)),
        "source_of_referral_for_outpatients": coded(list(SOURCES), draw(rng, SOURCES.values(), count)),
    }

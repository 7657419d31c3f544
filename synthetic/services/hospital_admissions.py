"""Admitted patient care: each spell as its consultant episodes, with method, destination, diagnoses and the day the patient was ready to leave."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.rates import Integers, Truths, figure, numbers, table
from synthetic.services.recording import coded, numbered, recorded
from synthetic.services.spells import Kind, Spells, is_open
from synthetic.streams import draw, pick, stream
from synthetic.window import NEVER, day_number, iso

EMERGENCY_DEPARTMENT = "21"
CODES_CHANGE = date(2013, 4, 1)
HOME, TEMPORARY, OTHER_HOSPITAL, DIED, NOT_FINISHED, BORN_HERE = "19", "29", "51", "79", "98", "79"
CARE_HOMES = {"85": 0.8, "65": 0.15, "54": 0.05}
ELECTIVE = {"11": 0.55, "12": 0.3, "13": 0.15}
SECONDARY = 3


def methods(lives: Lives, spells: Spells) -> pl.Series:
    """The admission method of each spell."""
    rng = stream(lives.seed, "admission methods")
    rates = table("admission_methods")
    weights = np.stack([numbers(rates, "before_april_2013"), numbers(rates, "from_april_2013")]).astype(np.float32)
    emergency = pick(rng, weights[(spells.start >= day_number(CODES_CHANGE)).astype(int)])
    planned = draw(rng, ELECTIVE.values(), len(spells))
    codes = [*rates["method"], *ELECTIVE, "82", "31"]
    first = len(rates)
    which = np.select(
        [spells.kind == Kind.EMERGENCY, spells.kind == Kind.REGULAR_ATTENDANCE, spells.kind == Kind.BIRTH, spells.kind == Kind.DELIVERY],
        [emergency, first + 2, first + 3, first + 4],
        first + planned,
    )
    return coded(codes, which.astype(np.int32))


def record(lives: Lives, spells: Spells, method: pl.Series) -> pl.DataFrame:
    """One row per episode, in order of admission."""
    rng = stream(lives.seed, "episodes")
    order = np.argsort(spells.start, kind="stable")
    spells, method = spells[order], method[order]
    still_in = is_open(lives, spells)
    facts = pl.DataFrame(
        {
            "true_person": spells.person,
            "hospital_provider_spell_number": numbered("S", len(spells)),
            "organisation_code_code_of_provider": pl.repeat(lives.profile.hospital_code, len(spells), eager=True),
            "patient_classification": coded(["1", "1", "2", "3", "1", "1"], spells.kind),
            "admission_method_hospital_provider_spell": method,
            "source_of_admission_hospital_provider_spell": _sources(rng, lives, spells, method),
            "start_date_hospital_provider_spell": iso(spells.start),
            "discharge_date_from_hospital_provider_spell": iso(np.where(still_in, NEVER, spells.end).astype(np.int32)),
            **_discharge(rng, lives, spells, still_in),
            "hospital_provider_spell_discharge_ready_date": iso(_ready(rng, lives, spells, still_in)),
            "nhs_number_trace_status": pl.repeat("01", len(spells), eager=True),
            **_clinical(lives, spells),
        }
    )
    episodes = _episodes(rng, lives, spells, still_in)
    which = episodes.pop("spell").to_numpy()
    rows = facts[which].with_columns(generated_record_identifier=numbered("A", len(which)), **episodes)
    return recorded("hospital_admissions", lives.words, rows)


def _sources(rng: Generator, lives: Lives, spells: Spells, method: pl.Series) -> pl.Series:
    """Where each patient came from: home, the care home, another hospital, birth."""
    which = np.where(lives.people.care_home[spells.person], 3 + draw(rng, CARE_HOMES.values(), len(spells)), 0)
    which = np.where((method == "2B").to_numpy(), 1, np.where(spells.kind == Kind.BIRTH, 2, which))
    return coded([HOME, OTHER_HOSPITAL, BORN_HERE, *CARE_HOMES], which.astype(np.int32))


def _discharge(rng: Generator, lives: Lives, spells: Spells, still_in: Truths) -> dict[str, pl.Series]:
    """How each spell ended, and where the patient went."""
    stay, emergency = spells.nights, spells.kind == Kind.EMERGENCY
    drawn = rng.random(len(spells))
    new_home = emergency & (stay >= 7) & (lives.people.age[spells.person] >= 75) & (drawn < figure("hospital.new_care_home"))
    to_home = (lives.people.care_home[spells.person] & (stay > 0)) | new_home
    transferred = (stay > 0) & (rng.random(len(spells)) < figure("hospital.transferred"))
    itself = emergency & (lives.people.age[spells.person] >= 16) & (rng.random(len(spells)) < figure("hospital.self_discharge"))
    destination = np.select([still_in, spells.died, transferred, to_home, drawn > 0.992], [4, 3, 2, 5 + draw(rng, CARE_HOMES.values(), len(spells)), 1], 0)
    method = np.select([still_in, spells.died, itself & ~transferred], [3, 2, 1], 0)
    return {
        "discharge_destination_hospital_provider_spell": coded(
            [HOME, TEMPORARY, OTHER_HOSPITAL, DIED, NOT_FINISHED, *CARE_HOMES], destination.astype(np.int32)
        ),
        "discharge_method_hospital_provider_spell": coded(["1", "2", "4", "8"], method.astype(np.int32)),
    }


def _ready(rng: Generator, lives: Lives, spells: Spells, still_in: Truths) -> Integers:
    """The day from which each inpatient was ready to leave: the day of discharge, or days before it for those who were delayed."""
    may = (spells.kind == Kind.EMERGENCY) & (spells.nights >= figure("hospital.delay_from_nights")) & ~spells.died
    may &= lives.people.age[spells.person] >= figure("hospital.delay_from_age")
    delayed = may & (rng.random(len(spells)) < figure("hospital.delayed"))
    days = np.minimum(rng.geometric(1 / figure("hospital.delayed_days"), len(spells)), spells.nights - 2)
    ready = np.where(delayed, spells.end - days, spells.end)
    stayed = np.isin(spells.kind, (Kind.EMERGENCY, Kind.ELECTIVE_INPATIENT)) & ~spells.died
    known = stayed & (ready <= lives.window.last) & (delayed | ~still_in)
    return np.where(known, ready, NEVER).astype(np.int32)


def _clinical(lives: Lives, spells: Spells) -> dict[str, pl.Series]:
    """Specialty, procedure and diagnoses: the reason first, then its external cause and the person's long-term conditions."""
    rates = table("diagnoses")
    child = (lives.people.age[spells.person] < 16) & (spells.kind != Kind.BIRTH)
    frail = (lives.people.age[spells.person] >= 80) & (rates["specialty"] == "300").to_numpy()[spells.reason]
    primary = rates["icd10"][spells.reason]
    return {
        "main_specialty_code": _overridden(rates["specialty"][spells.reason], child, "420", frail, "430"),
        "treatment_function_code": _overridden(rates["function"][spells.reason], child, "420", frail, "430"),
        "primary_diagnosis_icd": primary,
        "primary_procedure_opcs": rates["procedure"][spells.reason],
        **_secondary(lives, spells, rates["cause"][spells.reason], primary),
    }


def _overridden(codes: pl.Series, child: Truths, paediatric: str, frail: Truths, geriatric: str) -> pl.Series:
    chosen = pl.when(pl.Series(child)).then(pl.lit(paediatric)).when(pl.Series(frail)).then(pl.lit(geriatric)).otherwise(codes)
    return pl.select(chosen).to_series()


def _secondary(lives: Lives, spells: Spells, cause: pl.Series, primary: pl.Series) -> dict[str, pl.Series]:
    """Up to three secondary diagnoses."""
    codes = table("conditions")["icd10"]
    held = lives.conditions.held[spells.person] & (lives.conditions.since[spells.person] <= spells.start[:, None])
    same = pl.Series(codes.to_list()).to_numpy()[None, :] == primary.fill_null("").to_numpy()[:, None]
    held &= ~same & (spells.kind != Kind.BIRTH)[:, None]
    position = np.cumsum(held, axis=1, dtype=np.int8) + cause.is_not_null().to_numpy()[:, None]
    columns = {}
    for n in range(1, SECONDARY + 1):
        here = held & (position == n)
        condition = coded([*codes, None], np.where(here.any(axis=1), here.argmax(axis=1), len(codes)).astype(np.int32))
        columns[f"secondary_diagnosis_icd_{n}"] = cause.fill_null(condition) if n == 1 else condition
    return columns


def _episodes(rng: Generator, lives: Lives, spells: Spells, still_in: Truths) -> dict[str, pl.Series]:
    """The consultant episodes: which spell each belongs to, its order, its days and its data set type."""
    drawn, third = rng.random(len(spells)), figure("hospital.third_episode")
    several = np.where(drawn < third, 3, np.where(drawn < third + figure("hospital.second_episode"), 2, 1))
    count = np.where(spells.nights >= 2, several, 1)
    spell = np.repeat(np.arange(len(spells)), count)
    number = np.arange(len(spell)) - np.repeat(np.cumsum(count) - count, count) + 1
    stay, parts = spells.nights[spell], count[spell]
    start = spells.start[spell] + (stay * (number - 1)) // parts
    last = number == parts
    end = np.where(last, spells.end[spell], spells.start[spell] + (stay * number) // parts)
    begun = start <= lives.window.last
    spell, number, start, end = spell[begun], number[begun], start[begun], end[begun]
    unfinished = end > lives.window.last
    kind = np.select([spells.kind[spell] == Kind.DELIVERY, spells.kind[spell] == Kind.BIRTH], [1, 2], 0) + 3 * unfinished
    return {
        "spell": pl.Series(spell),
        "episode_number": pl.Series(number).cast(pl.String),
        "start_date_consultant_episode": iso(start.astype(np.int32)),
        "end_date_consultant_episode": iso(np.where(unfinished, NEVER, end).astype(np.int32)),
        "cds_type": coded(["130", "140", "120", "190", "200", "180"], kind.astype(np.int32)),
    }

"""Admitted patient care: the consultant episodes of each spell, with method, destination, diagnoses and the discharge ready date."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.random import Generator

from synthetic.lives import Lives
from synthetic.rates import Booleans, Integers, column_values, figure, rate_table
from synthetic.services.extract_format import format_extract, record_numbers, select_codes
from synthetic.services.spells import SpellKind, Spells, is_open
from synthetic.streams import draw_positions, pick_columns, stream
from synthetic.window import NEVER, epoch_day, iso_dates

EMERGENCY_DEPARTMENT = "21"
CODES_CHANGE = date(2013, 4, 1)
HOME, TEMPORARY, OTHER_HOSPITAL, DIED, NOT_FINISHED, BORN_HERE = "19", "29", "51", "79", "98", "79"
CARE_HOMES = {"85": 0.8, "65": 0.15, "54": 0.05}
ELECTIVE = {"11": 0.55, "12": 0.3, "13": 0.15}
SECONDARY_DIAGNOSES = 3


def admission_methods(lives: Lives, spells: Spells) -> pl.Series:
    """Return the admission method of each spell."""
    rng = stream(lives.seed, "admission methods")
    rates = rate_table("admission_methods")
    weights = np.stack([column_values(rates, "before_april_2013"), column_values(rates, "from_april_2013")]).astype(np.float32)
    emergency = pick_columns(rng, weights[(spells.start >= epoch_day(CODES_CHANGE)).astype(int)])
    planned = draw_positions(rng, ELECTIVE.values(), len(spells))
    codes = [*rates["method"], *ELECTIVE, "82", "31"]
    first = len(rates)
    code_index = np.select(
        [spells.kind == SpellKind.EMERGENCY, spells.kind == SpellKind.REGULAR_ATTENDANCE, spells.kind == SpellKind.BIRTH, spells.kind == SpellKind.DELIVERY],
        [emergency, first + 2, first + 3, first + 4],
        first + planned,
    )
    return select_codes(codes, code_index.astype(np.int32))


def record(lives: Lives, spells: Spells, method: pl.Series) -> pl.DataFrame:
    """Return one row per episode, in order of admission."""
    rng = stream(lives.seed, "episodes")
    order = np.argsort(spells.start, kind="stable")
    spells, method = spells[order], method[order]
    still_in = is_open(lives, spells)
    facts = pl.DataFrame(
        {
            "true_person": spells.person,
            "hospital_provider_spell_number": record_numbers("S", len(spells)),
            "organisation_code_code_of_provider": pl.repeat(lives.profile.hospital_code, len(spells), eager=True),
            "patient_classification": select_codes(["1", "1", "2", "3", "1", "1"], spells.kind),
            "admission_method_hospital_provider_spell": method,
            "source_of_admission_hospital_provider_spell": _draw_admission_sources(rng, lives, spells, method),
            "start_date_hospital_provider_spell": iso_dates(spells.start),
            "discharge_date_from_hospital_provider_spell": iso_dates(np.where(still_in, NEVER, spells.end).astype(np.int32)),
            **_discharge_columns(rng, lives, spells, still_in),
            "hospital_provider_spell_discharge_ready_date": iso_dates(_draw_ready_days(rng, lives, spells, still_in)),
            "nhs_number_trace_status": pl.repeat("01", len(spells), eager=True),
            **_clinical_columns(lives, spells),
        }
    )
    episodes = _draw_episodes(rng, lives, spells, still_in)
    spell = episodes.pop("spell").to_numpy()
    rows = facts[spell].with_columns(generated_record_identifier=record_numbers("A", len(spell)), **episodes)
    return format_extract("hospital_admissions", lives.identifiers, rows)


def _draw_admission_sources(rng: Generator, lives: Lives, spells: Spells, method: pl.Series) -> pl.Series:
    """Return each patient's source of admission: home, care home, another hospital or birth."""
    code_index = np.where(lives.people.care_home[spells.person], 3 + draw_positions(rng, CARE_HOMES.values(), len(spells)), 0)
    code_index = np.where((method == "2B").to_numpy(), 1, np.where(spells.kind == SpellKind.BIRTH, 2, code_index))
    return select_codes([HOME, OTHER_HOSPITAL, BORN_HERE, *CARE_HOMES], code_index.astype(np.int32))


def _discharge_columns(rng: Generator, lives: Lives, spells: Spells, still_in: Booleans) -> dict[str, pl.Series]:
    """Return the discharge method and destination of each spell."""
    stay, emergency = spells.nights, spells.kind == SpellKind.EMERGENCY
    drawn = rng.random(len(spells))
    new_home = emergency & (stay >= 7) & (lives.people.age[spells.person] >= 75) & (drawn < figure("hospital.new_care_home"))
    to_home = (lives.people.care_home[spells.person] & (stay > 0)) | new_home
    transferred = (stay > 0) & (rng.random(len(spells)) < figure("hospital.transferred"))
    self_discharged = emergency & (lives.people.age[spells.person] >= 16) & (rng.random(len(spells)) < figure("hospital.self_discharge"))
    destination = np.select(
        [still_in, spells.died, transferred, to_home, drawn > 0.992], [4, 3, 2, 5 + draw_positions(rng, CARE_HOMES.values(), len(spells)), 1], 0
    )
    method = np.select([still_in, spells.died, self_discharged & ~transferred], [3, 2, 1], 0)
    return {
        "discharge_destination_hospital_provider_spell": select_codes(
            [HOME, TEMPORARY, OTHER_HOSPITAL, DIED, NOT_FINISHED, *CARE_HOMES], destination.astype(np.int32)
        ),
        "discharge_method_hospital_provider_spell": select_codes(["1", "2", "4", "8"], method.astype(np.int32)),
    }


def _draw_ready_days(rng: Generator, lives: Lives, spells: Spells, still_in: Booleans) -> Integers:
    """Return the day on which each inpatient was ready for discharge: the day of discharge, or earlier for delayed patients."""
    can_be_delayed = (spells.kind == SpellKind.EMERGENCY) & (spells.nights >= figure("hospital.delay_from_nights")) & ~spells.died
    can_be_delayed &= lives.people.age[spells.person] >= figure("hospital.delay_from_age")
    delayed = can_be_delayed & (rng.random(len(spells)) < figure("hospital.delayed"))
    days = np.minimum(rng.geometric(1 / figure("hospital.delayed_days"), len(spells)), spells.nights - 2)
    ready = np.where(delayed, spells.end - days, spells.end)
    stayed = np.isin(spells.kind, (SpellKind.EMERGENCY, SpellKind.ELECTIVE_INPATIENT)) & ~spells.died
    known = stayed & (ready <= lives.window.last) & (delayed | ~still_in)
    return np.where(known, ready, NEVER).astype(np.int32)


def _clinical_columns(lives: Lives, spells: Spells) -> dict[str, pl.Series]:
    """Return specialty, procedure and diagnoses: the reason first, then its external cause and the person's long-term conditions."""
    rates = rate_table("diagnoses")
    child = (lives.people.age[spells.person] < 16) & (spells.kind != SpellKind.BIRTH)
    frail = (lives.people.age[spells.person] >= 80) & (rates["specialty"] == "300").to_numpy()[spells.reason]
    primary = rates["icd10"][spells.reason]
    return {
        "main_specialty_code": _override_specialty(rates["specialty"][spells.reason], child, "420", frail, "430"),
        "treatment_function_code": _override_specialty(rates["function"][spells.reason], child, "420", frail, "430"),
        "primary_diagnosis_icd": primary,
        "primary_procedure_opcs": rates["procedure"][spells.reason],
        **_secondary_diagnoses(lives, spells, rates["cause"][spells.reason], primary),
    }


def _override_specialty(codes: pl.Series, child: Booleans, paediatric: str, frail: Booleans, geriatric: str) -> pl.Series:
    chosen = pl.when(pl.Series(child)).then(pl.lit(paediatric)).when(pl.Series(frail)).then(pl.lit(geriatric)).otherwise(codes)
    return pl.select(chosen).to_series()


def _secondary_diagnoses(lives: Lives, spells: Spells, cause: pl.Series, primary: pl.Series) -> dict[str, pl.Series]:
    """Return up to three secondary diagnoses."""
    codes = rate_table("conditions")["icd10"]
    has_condition = lives.conditions.has_condition[spells.person] & (lives.conditions.diagnosis_day[spells.person] <= spells.start[:, None])
    same = pl.Series(codes.to_list()).to_numpy()[None, :] == primary.fill_null("").to_numpy()[:, None]
    has_condition &= ~same & (spells.kind != SpellKind.BIRTH)[:, None]
    position = np.cumsum(has_condition, axis=1, dtype=np.int8) + cause.is_not_null().to_numpy()[:, None]
    columns = {}
    for n in range(1, SECONDARY_DIAGNOSES + 1):
        at_position = has_condition & (position == n)
        condition = select_codes([*codes, None], np.where(at_position.any(axis=1), at_position.argmax(axis=1), len(codes)).astype(np.int32))
        columns[f"secondary_diagnosis_icd_{n}"] = cause.fill_null(condition) if n == 1 else condition
    return columns


def _draw_episodes(rng: Generator, lives: Lives, spells: Spells, still_in: Booleans) -> dict[str, pl.Series]:
    """Return the consultant episodes: position of the spell, episode number, first and last day, data set type."""
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
    kind = np.select([spells.kind[spell] == SpellKind.DELIVERY, spells.kind[spell] == SpellKind.BIRTH], [1, 2], 0) + 3 * unfinished
    return {
        "spell": pl.Series(spell),
        "episode_number": pl.Series(number).cast(pl.String),
        "start_date_consultant_episode": iso_dates(start.astype(np.int32)),
        "end_date_consultant_episode": iso_dates(np.where(unfinished, NEVER, end).astype(np.int32)),
        "cds_type": select_codes(["130", "140", "120", "190", "200", "180"], kind.astype(np.int32)),
    }

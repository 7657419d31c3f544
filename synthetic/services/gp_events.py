"""GP records: consultations, prescriptions, diagnoses of a whole life, measurements and care plan codes."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.code_lists import code_list
from synthetic import conditions
from synthetic.demand import seasonal_factor, unit_costs
from synthetic.lives import Lives
from synthetic.rates import Booleans, Integers, column_values, rate_table
from synthetic.services import care_plans
from synthetic.services.event_sampling import choose_day, sample_events
from synthetic.services.extract_format import format_extract, record_numbers, select_codes
from synthetic.services.prescribing import generate_prescriptions, sections
from synthetic.streams import stream
from synthetic.window import NEVER, iso_dates

MODES = code_list("consultation_mode").codes
NO_VALUE, HIGHEST_VALUE = -1, 400
Events = tuple[Integers, Integers, Integers, Integers]
"""Person, day, event type (a row of `_catalogue`) and value of each event."""


def generate_events(lives: Lives) -> Events:
    """Return all events, in order of day."""
    parts = [*(_consultations(lives, mode) for mode in MODES), _medication(lives), _diagnoses(lives), *_measurements(lives), _care_plan_codes(lives)]
    person, day, catalogue_row, value = (np.concatenate([part[n] for part in parts]) for n in range(4))
    first = day.min(initial=0)
    # On 16-bit integers NumPy's stable sort is a radix sort, several times as fast; 65,536 days are more than a lifetime.
    order = np.argsort((day - first).astype(np.uint16), kind="stable")
    return person[order], day[order], catalogue_row[order], value[order]


def record(lives: Lives) -> pl.DataFrame:
    """Return one row per event, in order of day."""
    person, day, catalogue_row, value = generate_events(lives)
    earlier = person + len(lives.people) * (day < lives.homes.practice_change_day[person]) * (lives.homes.practice_change_day[person] < NEVER)
    words = lives.identifiers
    facts = pl.DataFrame(
        {
            "true_person": person,
            "event_id": record_numbers("V", len(person)),
            "gp_patient_id": pl.concat([words["gp_patient_id"], words["gp_patient_id_before"]])[earlier],
            "practice_code": pl.concat([words["practice_code"], words["practice_code_before"]])[earlier],
            "event_date": iso_dates(day),
            "value": select_codes([*map(str, range(HIGHEST_VALUE + 1)), None], np.where(value == NO_VALUE, HIGHEST_VALUE + 1, value)),
        }
    )
    return format_extract("gp_events", words, pl.concat([facts, _catalogue()[catalogue_row]], how="horizontal"))


def _catalogue() -> pl.DataFrame:
    """Return the event types: consultation modes, formulary sections, conditions, measurements, care plan codes, in that order."""
    rows: list[tuple[str, str | None, str | None, str | None]] = [("consultation", None, None, mode) for mode in MODES]
    rows += [("medication", "bnf", section, None) for section in sections()]
    rows += [("diagnosis", "readv2", code, None) for code in rate_table("conditions")["read_code"]]
    rows += [("process", "readv2", code, None) for code in (*rate_table("measurements")["code"], *care_plans.CODES)]
    return pl.DataFrame(rows, schema=dict.fromkeys(("event_type", "code_system", "code", "consultation_mode"), pl.String), orient="row")


def _first_row(kind: str) -> int:
    """Return the first row of a kind in the catalogue."""
    sizes = {
        "consultation": len(MODES),
        "medication": len(sections()),
        "diagnosis": len(conditions.condition_names()),
        "measurement": len(rate_table("measurements")),
    }
    kinds = [*sizes, "process"]
    return sum(list(sizes.values())[: kinds.index(kind)])


def _consultations(lives: Lives, mode: str) -> Events:
    rng = stream(lives.seed, f"consultations: {mode}")
    rates = lives.demand.pounds(f"gp_{mode}") * lives.people.on_register[:, None] / np.float32(unit_costs()[f"gp_{mode}"])
    person, month = sample_events(rng, rates * seasonal_factor("gp", lives.window.month_of_year))
    day = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=mode != "community")
    return _events_of_one_kind(person, day, MODES.index(mode))


def _medication(lives: Lives) -> Events:
    person, day, section, items = generate_prescriptions(lives)
    return person, day, (_first_row("medication") + section).astype(np.int32), items


def _diagnoses(lives: Lives) -> Events:
    """Return one diagnosis per condition of a person, on the day of diagnosis.

    A diagnosis that another practice made in the window has the day of registration.
    """
    person, condition = np.nonzero(lives.conditions.has_condition & lives.people.on_register[:, None])
    day, came = lives.conditions.diagnosis_day[person, condition], lives.people.start[person]
    day = np.where((day >= lives.window.first) & (day < came), came, day)
    return person.astype(np.int32), day, (_first_row("diagnosis") + condition).astype(np.int32), np.full(len(person), NO_VALUE, np.int32)


def _measurements(lives: Lives) -> list[Events]:
    """Return measurements such as blood pressure, at a yearly rate for people with a condition that needs them."""
    rates = rate_table("measurements")
    has_condition, presence = lives.conditions.has_condition, lives.window.presence(lives.people.start, lives.people.end) * lives.people.on_register[:, None]
    parts = []
    for row, (code, condition_names) in enumerate(rates.select("code", "conditions").iter_rows()):
        rng = stream(lives.seed, f"measurements: {code}")
        needed: Booleans = np.any(has_condition[:, [conditions.condition_names().index(name) for name in condition_names.split("|")]], axis=1)
        person, month = sample_events(rng, presence * needed[:, None] * np.float32(column_values(rates, "a_year")[row] / 12))
        day = choose_day(rng, lives.people, lives.window, person, month, weekdays_only=True)
        drawn = rng.normal(column_values(rates, "mean")[row], column_values(rates, "spread")[row], len(person))
        parts.append((person, day, np.full_like(person, _first_row("measurement") + row), np.clip(drawn, 1, HIGHEST_VALUE).astype(np.int32)))
    return parts


def _care_plan_codes(lives: Lives) -> Events:
    person, day, code = care_plans.generate_care_plan_codes(lives)
    return person, day, _first_row("process") + code, np.full(len(person), NO_VALUE, np.int32)


def _events_of_one_kind(person: Integers, day: Integers, catalogue_row: int) -> Events:
    return person, day, np.full_like(person, catalogue_row), np.full_like(person, NO_VALUE)

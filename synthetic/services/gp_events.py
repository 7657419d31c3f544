"""What general practice recorded: consultations, prescriptions, diagnoses of a whole life, measurements and care-plan codes."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.code_lists import code_list
from synthetic import conditions
from synthetic.demand import prices, season
from synthetic.lives import Lives
from synthetic.rates import Integers, Truths, numbers, table
from synthetic.services import care_plans
from synthetic.services.placing import day_in_month, place
from synthetic.services.prescribing import prescriptions, sections
from synthetic.services.recording import coded, numbered, recorded
from synthetic.streams import stream
from synthetic.window import NEVER, iso

MODES = code_list("consultation_mode").codes
NO_VALUE, HIGHEST_VALUE = -1, 400
Events = tuple[Integers, Integers, Integers, Integers]
"""Person, day, what (a row of `_catalogue`) and value of each event."""


def events(lives: Lives) -> Events:
    """All events, in order of day."""
    parts = [*(_consultations(lives, mode) for mode in MODES), _medication(lives), _diagnoses(lives), *_measurements(lives), _processes(lives)]
    person, day, what, value = (np.concatenate([part[n] for part in parts]) for n in range(4))
    first = day.min(initial=0)
    order = np.argsort((day - first).astype(np.uint16), kind="stable")
    return person[order], day[order], what[order], value[order]


def record(lives: Lives) -> pl.DataFrame:
    """One row per event, in order of day."""
    person, day, what, value = events(lives)
    earlier = person + len(lives.people) * (day < lives.homes.changed[person]) * (lives.homes.changed[person] < NEVER)
    words = lives.words
    facts = pl.DataFrame(
        {
            "true_person": person,
            "event_id": numbered("V", len(person)),
            "gp_patient_id": pl.concat([words["gp_patient_id"], words["gp_patient_id_before"]])[earlier],
            "practice_code": pl.concat([words["practice_code"], words["practice_code_before"]])[earlier],
            "event_date": iso(day),
            "value": coded([*map(str, range(HIGHEST_VALUE + 1)), None], np.where(value == NO_VALUE, HIGHEST_VALUE + 1, value)),
        }
    )
    return recorded("gp_events", words, pl.concat([facts, _catalogue()[what]], how="horizontal"))


def _catalogue() -> pl.DataFrame:
    """What an event can be: consultation modes, sections of the formulary, conditions, measurements, care-plan codes, in that order."""
    rows: list[tuple[str, str | None, str | None, str | None]] = [("consultation", None, None, mode) for mode in MODES]
    rows += [("medication", "bnf", section, None) for section in sections()]
    rows += [("diagnosis", "readv2", code, None) for code in table("conditions")["read_code"]]
    rows += [("process", "readv2", code, None) for code in (*table("measurements")["code"], *care_plans.CODES)]
    return pl.DataFrame(rows, schema=dict.fromkeys(("event_type", "code_system", "code", "consultation_mode"), pl.String), orient="row")


def _first(kind: str) -> int:
    """The first row of a kind in the catalogue."""
    sizes = {"consultation": len(MODES), "medication": len(sections()), "diagnosis": len(conditions.names()), "measurement": len(table("measurements"))}
    kinds = [*sizes, "process"]
    return sum(list(sizes.values())[: kinds.index(kind)])


def _consultations(lives: Lives, mode: str) -> Events:
    rng = stream(lives.seed, f"consultations: {mode}")
    rates = lives.demand.pounds(f"gp_{mode}") * lives.people.on_register[:, None] / np.float32(prices()[f"gp_{mode}"])
    person, month = place(rng, rates * season("gp", lives.window.month_of_year))
    day = day_in_month(rng, lives.people, lives.window, person, month, weekdays=mode != "community")
    return _same(person, day, MODES.index(mode))


def _medication(lives: Lives) -> Events:
    person, day, section, items = prescriptions(lives)
    return person, day, (_first("medication") + section).astype(np.int32), items


def _diagnoses(lives: Lives) -> Events:
    """One for each condition that a person holds, on the day of diagnosis; on the day of registration if another practice made it in the window."""
    person, condition = np.nonzero(lives.conditions.held & lives.people.on_register[:, None])
    day, came = lives.conditions.since[person, condition], lives.people.start[person]
    day = np.where((day >= lives.window.first) & (day < came), came, day)
    return person.astype(np.int32), day, (_first("diagnosis") + condition).astype(np.int32), np.full(len(person), NO_VALUE, np.int32)


def _measurements(lives: Lives) -> list[Events]:
    """Blood pressure and the like, so many a year for those with a condition that asks for it."""
    rates = table("measurements")
    held, there = lives.conditions.held, lives.window.presence(lives.people.start, lives.people.end) * lives.people.on_register[:, None]
    parts = []
    for row, (code, asking) in enumerate(rates.select("code", "conditions").iter_rows()):
        rng = stream(lives.seed, f"measurements: {code}")
        needed: Truths = np.any(held[:, [conditions.names().index(name) for name in asking.split("|")]], axis=1)
        person, month = place(rng, there * needed[:, None] * np.float32(numbers(rates, "a_year")[row] / 12))
        day = day_in_month(rng, lives.people, lives.window, person, month, weekdays=True)
        drawn = rng.normal(numbers(rates, "mean")[row], numbers(rates, "spread")[row], len(person))
        parts.append((person, day, np.full_like(person, _first("measurement") + row), np.clip(drawn, 1, HIGHEST_VALUE).astype(np.int32)))
    return parts


def _processes(lives: Lives) -> Events:
    person, day, code = care_plans.processes(lives)
    return person, day, _first("process") + code, np.full(len(person), NO_VALUE, np.int32)


def _same(person: Integers, day: Integers, what: int) -> Events:
    return person, day, np.full_like(person, what), np.full_like(person, NO_VALUE)

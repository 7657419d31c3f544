"""Random received rows within the declarations: every column is filled, and sometimes blank."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import received_table
from bcf_linkage.definitions.schema import Column, Type
from tests.frame_builder import build_table

FIRST_DAY, DAYS = date(2012, 6, 1), 850
REASONS = {"linked": "cross_check", "seen, not registered": "not_on_register", "unlinked": "number_missing"}
TEXT_VALUES = {
    "code": ("8CV4.", "8CT2.", "8CSB.", "8IAe1", "67DJ.", "G20..", "C10F.", "H33..", "02.05", "04.07", "21.01"),
    "practice_code": ("J82001", "J82002", "J82003", "J82004"),
    "primary_diagnosis_icd": ("J459", "I50", "I10", "J209", "K359"),
    "secondary_diagnosis_icd_1": ("J449", "D571"),
    "primary_procedure_opcs": ("K401", "X331"),
    "lsoa": ("E01017000", "E01017001"),
    "birth_month": ("1931-02", "1944-09", "1964-05", "2001-12"),
    "named_accountable_gp": ("G1234567",),
    "type_1_opt_out": ("N",),
}
NEVER_BLANK = ("event_date", "event_start_date", "registration_start_date", "start_date_hospital_provider_spell", "practice_code", "episode_number")


def random_rows(rows: dict[str, int], people: int = 60) -> dict[str, pl.DataFrame]:
    """Return that many rows of each extract for `people` people: some linked, some not registered, some unlinked."""
    random = Random(7)
    return {name: build_table(received_table(EXTRACTS[name]), (_row(name, n, people, random) for n in range(1, count + 1))) for name, count in rows.items()}


def _row(extract: str, position: int, people: int, random: Random) -> dict[str, Any]:
    # Most people are on the register once and a few twice; some people have many records at services.
    number = position % people if extract == "gp_registrations" else int(people * random.random() ** 2)
    outcome = "unlinked" if number % 13 == 5 else "seen, not registered" if number % 17 == 3 and extract != "gp_registrations" else "linked"
    person = f"{number:032d}".translate(str.maketrans("0123456789", "abcdefghij"))
    columns = received_table(EXTRACTS[extract]).columns
    row = {column.name: _value(column, random) for column in columns}
    return {
        **row,
        **({"file": "made-up.csv"} if "file" in row else {}),
        "row": position,
        "person": person,
        "outcome": outcome,
        "trace_reason": REASONS[outcome],
        "age": random.choice([5, 40, 67, 78, 90, None]),
    }


def _value(column: Column, random: Random) -> Any:
    if column.name not in NEVER_BLANK and random.random() < (0.6 if column.name in ("date_of_death", "registration_end_date") else 0.1):
        return None
    if column.name == "hospital_provider_spell_number":
        return f"spell{random.randrange(90)}"
    if column.type is Type.DATE:
        return FIRST_DAY + timedelta(days=random.randrange(DAYS))
    if column.type is Type.INTEGER:
        return random.randint(1, 5)
    if column.type is Type.DECIMAL:
        return random.choice([1.0, 2.5, 33.33, 70.0])
    if column.type is Type.BOOLEAN:
        return random.random() < 0.5
    return random.choice(column.codes.codes if column.codes else TEXT_VALUES.get(column.name, ("X1", "X2")))

"""Small deliveries for tests: valid rows of any extract, with the changes that a test states, in a supplier's layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity, Table, Type
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.identifiable.opt_outs import objections_in_force
from bcf_linkage.identifiable.trace.tracing import Register
from pipelines.receive.receive import ReceiveContext, ReceivedExtract, receive_deliveries
from pipelines.receive.register import load_register
from pipelines.receive.tokens import TokenCache

AS_AT = date(2014, 9, 30)
KEY = bytes(range(32))
BIRTH_DATE = "1950-02-01"
FIXED_VALUES = {
    "practice_code": "J82901",
    "gp_practice_code": "J82901",
    "practice_code_of_registered_gp": "J82901",
    "organisation_code_code_of_provider": "RHM",
    "la_code": "E06000045",
    "code": "H33..",
    "episode_number": "1",
    "postcode": "SO14 0AA",
    "type_1_opt_out": "N",
}
BLANK_COLUMNS = {"date_of_death", "replaced_nhs_number", "replaced_nhs_number_date", "registration_end_date", "primary_diagnosis_icd", "arrival_time"}

GIVEN_NAMES = ("Quintilla", "Bertrand", "Oswin", "Hedda", "Marguerite", "Jolyon", "Ximena", "Fenwick", "Petronella", "Ludo")
FAMILY_NAMES = ("Quexzibarth", "Throckle", "Ambrosine", "Vantongeren", "Holloghby", "Pimmersett", "Dragovich")
NAMELESS = {"given_name": "", "family_name": "", "address_line_1": "", "postcode": ""}
"""Values that leave a person's row with only the number and the date of birth to identify it."""

Row = dict[str, str]


NAME_AND_ADDRESS = {
    Identity.GIVEN_NAME: lambda n: GIVEN_NAMES[n % len(GIVEN_NAMES)],
    Identity.FAMILY_NAME: lambda n: FAMILY_NAMES[n % len(FAMILY_NAMES)] + " " + FAMILY_NAMES[n // 10 % len(FAMILY_NAMES)],
    Identity.ADDRESS: lambda n: f"{n + 1} {FAMILY_NAMES[n % len(FAMILY_NAMES)]} Street",
}
"""Name and address of the person at a position."""


def number(stem: int) -> str:
    """Return a valid number from the range that is never issued: the first from the nine-digit stem on that has a check digit."""
    digits = f"{stem:09d}"
    check = (11 - sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
    return f"{digits}{check}" if check < 10 else number(stem + 1)


def sound_row(table: Table, position: int, **changes: str) -> Row:
    """Return a row that breaks no rule, of the person at that position, dated in the months before the as-at date."""
    row = {}
    for column in table.columns:
        if column.identity is Identity.NHS_NUMBER:
            value = number(930_000_000 + 20 * position)
        elif column.identity is Identity.BIRTH_DATE:
            value = BIRTH_DATE
        elif column.name in BLANK_COLUMNS:
            value = ""
        elif column.identity in NAME_AND_ADDRESS:
            value = NAME_AND_ADDRESS[column.identity](position)
        elif column.name in FIXED_VALUES:
            value = FIXED_VALUES[column.name]
        elif column.codes:
            value = column.codes.codes[0]
        elif column.identity:
            value = f"{column.name}-{position}"
        else:
            value = {Type.DATE: "2014-08-15", Type.INTEGER: "1", Type.DECIMAL: "1.5"}.get(column.type, "")
        row[column.name] = value
    return row | changes


def sound_rows(table: Table, count: int, **changes: str) -> list[Row]:
    """Return `count` valid rows, each of another person."""
    return [sound_row(table, position, **changes) for position in range(count)]


def as_csv(table: Table, rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return rows as the bytes of a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write_delivery(folder: Path, table: Table, rows: Iterable[Mapping[str, str]], name: str = "delivery.csv") -> Path:
    """Write rows as a CSV file into a folder, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(as_csv(table, rows))
    return file


def postcode_areas() -> nw.LazyFrame:
    """Return a postcode lookup with one postcode."""
    return nw.from_native(pl.LazyFrame({"postcode": ["SO14 0AA"], "lsoa": ["E01000001"], "deprivation_quintile": [2]}))


def build_context(
    folder: Path,
    register_rows: Iterable[Mapping[str, str]],
    kind: str = "synthetic",
    key: bytes = KEY,
    listed_objections: Mapping[str, Objection] | None = None,
) -> ReceiveContext:
    """Return the context of a reception whose register has these rows of gp_registrations.

    `listed_objections` maps the numbers of people on other opt-out lists to their objection.
    """
    file = write_delivery(folder / "register", EXTRACTS["gp_registrations"], register_rows)
    register = load_register([file], kind, AS_AT)  # type: ignore[arg-type]
    return ReceiveContext(kind, AS_AT, TokenCache(key), postcode_areas(), register, build_objections(register, listed_objections or {}))  # type: ignore[arg-type]


def build_objections(register: Register, listed_objections: Mapping[str, Objection]) -> nw.LazyFrame:
    """Return all objections, of every kind: those of the register and those listed by number."""
    rows = pl.LazyFrame(
        {"number": list(listed_objections), "objection": [str(objection) for objection in listed_objections.values()]},
        schema={"number": pl.String, "objection": pl.String},
    )
    return objections_in_force.build_objections(nw.from_native(register.numbers.lazy()), nw.from_native(rows), tuple(Objection))


def count_outcomes(received: ReceivedExtract) -> dict[tuple[str, str], int]:
    """Return (outcome, reason) -> rows, over all files."""
    counts: dict[tuple[str, str], int] = {}
    for entry in received.ledger:
        counts[entry.outcome, entry.reason] = counts.get((entry.outcome, entry.reason), 0) + entry.rows
    return counts


def receive_rows(folder: Path, extract: str, rows: Iterable[Mapping[str, str]], context: ReceiveContext) -> ReceivedExtract:
    """Receive one CSV file with these rows."""
    table = EXTRACTS[extract]
    return receive_deliveries(table, [write_delivery(folder / extract, table, rows)], context, folder / f"{extract}.parquet")

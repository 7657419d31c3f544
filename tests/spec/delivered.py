"""Small deliveries for tests: sound rows of any extract, changed where a test says so, written as a supplier would."""

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
from bcf_linkage.identifiable.opt_outs import holding
from pipelines.receive import ReceiveContext, Received, receive, register_of
from pipelines.tokens import Tokens
from pipelines.tracing import Register

AS_AT = date(2014, 9, 30)
KEY = bytes(range(32))
BIRTH_DATE = "1950-02-01"
VALUES = {
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
BLANK = {"date_of_death", "replaced_nhs_number", "replaced_nhs_number_date", "registration_end_date", "primary_diagnosis_icd", "arrival_time"}

GIVEN = ("Quintilla", "Bertrand", "Oswin", "Hedda", "Marguerite", "Jolyon", "Ximena", "Fenwick", "Petronella", "Ludo")
FAMILY = ("Quexzibarth", "Throckle", "Ambrosine", "Vantongeren", "Holloghby", "Pimmersett", "Dragovich")
NAMELESS = {"given_name": "", "family_name": "", "address_line_1": "", "postcode": ""}
"""What leaves a row of a person to be told by number and date of birth alone."""

Row = dict[str, str]


WORDS = {
    Identity.GIVEN_NAME: lambda n: GIVEN[n % len(GIVEN)],
    Identity.FAMILY_NAME: lambda n: FAMILY[n % len(FAMILY)] + " " + FAMILY[n // 10 % len(FAMILY)],
    Identity.ADDRESS: lambda n: f"{n + 1} {FAMILY[n % len(FAMILY)]} Street",
}
"""What the person of a position is called, and where they live."""


def number(stem: int) -> str:
    """A sound number from the range that is never issued: the next from the nine-digit stem on that has a check digit."""
    digits = f"{stem:09d}"
    check = (11 - sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
    return f"{digits}{check}" if check < 10 else number(stem + 1)


def sound_row(table: Table, position: int, **changes: str) -> Row:
    """A row that keeps every rule, about the person of its position, in the months before the as-at date."""
    row = {}
    for column in table.columns:
        if column.identity is Identity.NHS_NUMBER:
            value = number(930_000_000 + 20 * position)
        elif column.identity is Identity.BIRTH_DATE:
            value = BIRTH_DATE
        elif column.name in BLANK:
            value = ""
        elif column.identity in WORDS:
            value = WORDS[column.identity](position)
        elif column.name in VALUES:
            value = VALUES[column.name]
        elif column.codes:
            value = column.codes.codes[0]
        elif column.identity:
            value = f"{column.name}-{position}"
        else:
            value = {Type.DATE: "2014-08-15", Type.INTEGER: "1", Type.DECIMAL: "1.5"}.get(column.type, "")
        row[column.name] = value
    return row | changes


def sound_rows(table: Table, count: int, **changes: str) -> list[Row]:
    """That many sound rows, each about another person."""
    return [sound_row(table, position, **changes) for position in range(count)]


def as_csv(table: Table, rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write(folder: Path, table: Table, rows: Iterable[Mapping[str, str]], name: str = "delivery.csv") -> Path:
    """Rows as a CSV file in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(as_csv(table, rows))
    return file


def areas() -> nw.LazyFrame:
    """A postcode lookup of one postcode."""
    return nw.from_native(pl.LazyFrame({"postcode": ["SO14 0AA"], "lsoa": ["E01000001"], "deprivation_quintile": [2]}))


def context(
    folder: Path, register: Iterable[Mapping[str, str]], kind: str = "synthetic", key: bytes = KEY, listed: Mapping[str, Objection] | None = None
) -> ReceiveContext:
    """What to receive with, the register made from these rows of gp_registrations; `listed` are numbers of people who object elsewhere."""
    file = write(folder / "register", EXTRACTS["gp_registrations"], register)
    known = register_of([file], kind, AS_AT)  # type: ignore[arg-type]
    return ReceiveContext(kind, AS_AT, Tokens(key), areas(), known, objections(known, listed or {}))  # type: ignore[arg-type]


def objections(known: Register, listed: Mapping[str, Objection]) -> nw.LazyFrame:
    """Who objects: those of the register, and whoever is listed by number; every kind holds."""
    rows = pl.LazyFrame({"number": list(listed), "objection": [str(one) for one in listed.values()]}, schema={"number": pl.String, "objection": pl.String})
    return holding.objections(nw.from_native(known.numbers.lazy()), nw.from_native(rows), tuple(Objection))


def places(received: Received) -> dict[tuple[str, str], int]:
    """Place and reason to rows, over all files."""
    found: dict[tuple[str, str], int] = {}
    for entry in received.ledger:
        found[entry.place, entry.reason] = found.get((entry.place, entry.reason), 0) + entry.rows
    return found


def receive_rows(folder: Path, extract: str, rows: Iterable[Mapping[str, str]], using: ReceiveContext) -> Received:
    """Receive one CSV file of these rows."""
    table = EXTRACTS[extract]
    return receive(table, [write(folder / extract, table, rows)], using, folder / f"{extract}.parquet")

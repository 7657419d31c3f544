"""Trace a few fictional records to a few fictional people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.trace.tracing import Register, TracedRecords, trace_records
from bcf_linkage.storage.engine import POLARS
from bcf_linkage.storage.scoring import score_on_duckdb
from tests.delivery_builder import number

AS_AT = date(2014, 9, 30)
RULES = TraceRules.build(AS_AT)
FIELDS = ("nhs_number", "given_name", "family_name", "birth_date", "sex", "postcode", "address_line_1")
REGISTER_DEFAULTS = {"replaced_nhs_number": None, "replaced_nhs_number_date": None, "type_1_opt_out": "N", "refused": False}

GIVEN_NAMES = ("Maud", "Edgar", "Philippa", "Norman", "Joan", "Cedric", "Winifred", "Hubert", "Olive", "Basil")
FAMILY_NAMES = ("Oakenfold", "Trimble", "Hathersage", "Quill", "Brackenbury", "Lovelace", "Penhaligon", "Stott", "Winterbourne", "Yeo")

Person = Mapping[str, Any]


def person(position: int, **changes: Any) -> dict[str, Any]:
    """Return the person at a position of a crowd in which all people differ and live alone."""
    return {
        "nhs_number": number(930_000_000 + 20 * position),
        "given_name": GIVEN_NAMES[position % 10],
        "family_name": FAMILY_NAMES[position // 10 % 10] + ("" if position < 100 else f"-{FAMILY_NAMES[position // 100 % 10]}"),
        "birth_date": date.fromordinal(date(1930, 2, 3).toordinal() + 37 * position).isoformat(),
        "sex": "12"[position % 2],
        "postcode": f"SO{14 + position % 9} {position % 7 + 1}{'ABDEFGHJLN'[position // 7 % 10]}{'PQRSTUWXYZ'[position // 3 % 10]}",
        "address_line_1": f"{position + 1} {FAMILY_NAMES[(position + 3) % 10]} Road",
        **changes,
    }


def crowd(size: int = 400, **changes: Any) -> list[dict[str, Any]]:
    """Return `size` people who cannot be mistaken for each other. Every twentieth shares family name and address with the next."""
    people = [person(n, **changes) for n in range(size)]
    for kin in range(0, size, 20):
        people[kin + 1] |= {name: people[kin][name] for name in ("family_name", "postcode", "address_line_1")}
    return people


def _frame(rows: Iterable[Person]) -> pl.DataFrame:
    schema = {**dict.fromkeys((*FIELDS, "replaced_nhs_number", "replaced_nhs_number_date", "type_1_opt_out"), pl.String), "refused": pl.Boolean}
    frame = pl.DataFrame([{**REGISTER_DEFAULTS, **row} for row in rows], schema=schema)
    real = pl.col("birth_date").str.to_date("%Y-%m-%d", strict=False).cast(pl.String)
    return frame.with_columns(written_date=pl.col("birth_date"), birth_date=real)


def build_register(people: Iterable[Person]) -> Register:
    """Return the register of these people."""
    return Register.build(POLARS.frame(_frame(people)), AS_AT, "synthetic", RULES, POLARS, score_on_duckdb)


def trace_people(records: Iterable[Person], register: Register) -> TracedRecords:
    """Return the trace of these records."""
    import narwhals as nw

    rows = POLARS.frame(_frame(records).with_row_index("id").cast({"id": pl.Int64}))
    column = nw.col("nhs_number")
    return trace_records(POLARS.collect(rows.with_columns(number=nhs_number.canonical(column), number_state=nhs_number.state(column, "synthetic"))), register)


def reasons_and_numbers(records: Iterable[Person], register: Register) -> list[tuple[str, str | None]]:
    """Return reason and person of each record, in order."""
    return trace_people(records, register).records.sort("id").select("trace_reason", "person_number").rows()

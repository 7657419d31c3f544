"""Tracing a handful of made-up records against a handful of made-up people, as tests draw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.trace_rules import TraceRules
from pipelines.tracing import ENGINE, Register, Traced, traced
from tests.spec.delivered import number

AS_AT = date(2014, 9, 30)
RULES = TraceRules.build(AS_AT)
TOLD = ("nhs_number", "given_name", "family_name", "birth_date", "sex", "postcode", "address_line_1")
REST = {"replaced_nhs_number": None, "replaced_nhs_number_date": None, "type_1_opt_out": "N", "refused": False}

GIVEN = ("Maud", "Edgar", "Philippa", "Norman", "Joan", "Cedric", "Winifred", "Hubert", "Olive", "Basil")
FAMILY = ("Oakenfold", "Trimble", "Hathersage", "Quill", "Brackenbury", "Lovelace", "Penhaligon", "Stott", "Winterbourne", "Yeo")

Person = Mapping[str, Any]


def person(position: int, **changes: Any) -> dict[str, Any]:
    """Somebody of a crowd in which nobody is like another, who lives alone."""
    return {
        "nhs_number": number(930_000_000 + 20 * position),
        "given_name": GIVEN[position % 10],
        "family_name": FAMILY[position // 10 % 10] + ("" if position < 100 else f"-{FAMILY[position // 100 % 10]}"),
        "birth_date": date.fromordinal(date(1930, 2, 3).toordinal() + 37 * position).isoformat(),
        "sex": "12"[position % 2],
        "postcode": f"SO{14 + position % 9} {position % 7 + 1}{'ABDEFGHJLN'[position // 7 % 10]}{'PQRSTUWXYZ'[position // 3 % 10]}",
        "address_line_1": f"{position + 1} {FAMILY[(position + 3) % 10]} Road",
        **changes,
    }


def crowd(size: int = 400, **changes: Any) -> list[dict[str, Any]]:
    """That many people, none of whom a record of another could be taken for. Among them two who live together."""
    people = [person(n, **changes) for n in range(size)]
    for kin in range(0, size, 20):
        people[kin + 1] |= {name: people[kin][name] for name in ("family_name", "postcode", "address_line_1")}
    return people


def _frame(rows: Iterable[Person]) -> pl.DataFrame:
    schema = {**dict.fromkeys((*TOLD, "replaced_nhs_number", "replaced_nhs_number_date", "type_1_opt_out"), pl.String), "refused": pl.Boolean}
    frame = pl.DataFrame([{**REST, **row} for row in rows], schema=schema)
    real = pl.col("birth_date").str.to_date("%Y-%m-%d", strict=False).cast(pl.String)
    return frame.with_columns(written_date=pl.col("birth_date"), birth_date=real)


def register_of(people: Iterable[Person]) -> Register:
    """The register of these people."""
    return Register.build(ENGINE.frame(_frame(people)), AS_AT, "synthetic", RULES)


def asked(records: Iterable[Person], register: Register) -> Traced:
    """What a trace says of these records."""
    import narwhals as nw

    rows = ENGINE.frame(_frame(records).with_row_index("id").cast({"id": pl.Int64}))
    column = nw.col("nhs_number")
    return traced(ENGINE.collect(rows.with_columns(number=nhs_number.canonical(column), number_state=nhs_number.state(column, "synthetic"))), register)


def answers(records: Iterable[Person], register: Register) -> list[tuple[str, str | None]]:
    """Reason and person of each record, in order."""
    return asked(records, register).records.sort("id").select("trace_reason", "person_number").rows()

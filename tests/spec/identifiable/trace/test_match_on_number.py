"""The register by number, and match pass 1, as tables against every kind of register entry."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for, trace_reasons
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.trace import match_on_number, register_numbers
from tests.delivery_builder import AS_AT, number

ANN, BEA, CAT, DEE, EVE, FAY, GIA, HAL, IDA, JOY, KIM, LEN, OLD_BEA, OLDER_BEA, OLD_CAT, OLD_HAL, OTHER_IDA, OTHER_JOY, TWIN_KIM, OTHER_LEN, NOBODY = (
    number(930_000_000 + 20 * n) for n in range(21)
)
BORN = "1950-02-01"
GUARDS = TraceRules.build(AS_AT).guards


def entry(number: str, **changes: Any) -> dict[str, Any]:
    blank = {"replaced_nhs_number": None, "replaced_nhs_number_date": None, "type_1_opt_out": "N", "refused": False}
    no_demographics = dict.fromkeys(("family_name", "given_name", "sex", "postcode", "address_line_1"))
    return {"nhs_number": number, "birth_date": BORN, **blank, **no_demographics, **changes}


def at_home(given: str, **changes: Any) -> dict[str, Any]:
    """Return the demographics of somebody, all filled."""
    return {"family_name": "O'Dell", "given_name": given, "sex": "2", "postcode": "SO14 3AB", "address_line_1": "9 Elm Road", **changes}


REGISTER = [
    entry(ANN),
    entry(ANN, replaced_nhs_number=ANN),
    entry(BEA, replaced_nhs_number=OLD_BEA, replaced_nhs_number_date="2014-09-30"),
    entry(OLD_BEA, replaced_nhs_number=OLDER_BEA),
    entry(CAT, replaced_nhs_number=OLD_CAT, replaced_nhs_number_date="2014-10-01"),
    entry(DEE),
    entry(DEE, birth_date="1960-01-01"),
    entry(EVE, birth_date=None),
    entry(FAY, type_1_opt_out="Y"),
    entry(GIA, type_1_opt_out="Y", refused=True),
    entry(HAL, replaced_nhs_number=OLD_HAL, type_1_opt_out="N"),
    entry(OLD_HAL, type_1_opt_out="y"),
    entry("9434765918", type_1_opt_out="Y"),
    entry(IDA, **at_home("Ida")),
    entry(OTHER_IDA, **at_home("IDA", family_name="ODELL", postcode="so143ab"), type_1_opt_out="Y"),
    entry(JOY, **at_home("Joy", replaced_nhs_number=OTHER_JOY, replaced_nhs_number_date="2014-10-01")),
    entry(OTHER_JOY, **at_home("Joy")),
    entry(KIM, **at_home("Baby")),
    entry(TWIN_KIM, **at_home("Baby")),
    entry(LEN, **at_home("Len")),
    entry(OTHER_LEN, **at_home("Len", address_line_1="11 Elm Road")),
]


def register(kind: nhs_number.WorkspaceKind = "synthetic") -> nw.LazyFrame:
    schema = {name: pl.Boolean if name == "refused" else pl.String for name in REGISTER[0]}
    return register_numbers.build_number_register(register_numbers.build_numbers(nw.from_native(pl.LazyFrame(REGISTER, schema=schema)), AS_AT, kind, GUARDS))


def trace_number(number: str | None, birth_date: str | None, is_register_row: bool = False) -> tuple[str, str | None]:
    text = nw.from_native(pl.LazyFrame({"written": [number], "birth_date": [birth_date]}, schema={"written": pl.String, "birth_date": pl.String}))
    records = text.with_columns(number=nhs_number.canonical(nw.col("written")), number_state=nhs_number.state(nw.col("written"), "synthetic"))
    matched = match_on_number.match_register_rows(records, register()) if is_register_row else match_on_number.cross_check(records, register(), ["1900-01-01"])
    result = matched.to_native().collect()
    assert set(result.columns) == {"written", "birth_date", "number", "number_state", "trace_reason", "person_number", "claimed"}
    return result.select("trace_reason", "person_number").row(0)


@pytest.mark.parametrize(
    ("written", "birth_date", "reason", "person"),
    [
        (ANN, BORN, "cross_check", ANN),
        (f"{ANN[:3]} {ANN[3:6]} {ANN[6:]}", BORN, "cross_check", ANN),
        (f"{ANN[:3]}-{ANN[3:6]}-{ANN[6:]}", BORN, "cross_check", ANN),
        (ANN, "1950-01-02", "birth_date_conflict", None),
        (ANN, "1900-01-01", "default_birth_date", None),
        (ANN, None, "birth_date_missing", None),
        (BEA, BORN, "cross_check", BEA),
        (OLD_BEA, BORN, "superseded_number", BEA),
        (OLDER_BEA, BORN, "superseded_number", BEA),
        (OLD_BEA, "1950-01-02", "birth_date_conflict", None),
        (OLD_CAT, BORN, "not_on_register", OLD_CAT),
        (DEE, BORN, "number_shared", None),
        (DEE, "1960-01-01", "number_shared", None),
        (EVE, BORN, "birth_date_missing", None),
        (IDA, BORN, "cross_check", IDA),
        (OTHER_IDA, BORN, "cross_check", IDA),
        (JOY, BORN, "cross_check", JOY),
        (OTHER_JOY, BORN, "cross_check", OTHER_JOY),
        (KIM, BORN, "cross_check", KIM),
        (TWIN_KIM, BORN, "cross_check", TWIN_KIM),
        (OTHER_LEN, BORN, "cross_check", OTHER_LEN),
        (NOBODY, BORN, "not_on_register", NOBODY),
        (NOBODY, None, "not_on_register", NOBODY),
        (None, BORN, "number_missing", None),
        ("943476591", BORN, "number_format", None),
        ("9434765918", BORN, "number_check_digit", None),
        ("9999999999", BORN, "number_repeated_digit", None),
    ],
)
def test_a_record_has_the_reason_of_its_number_and_date_of_birth(written: str | None, birth_date: str | None, reason: str, person: str | None) -> None:
    assert trace_number(written, birth_date) == (reason, person)


@pytest.mark.parametrize(
    ("written", "reason"),
    [(ANN, "cross_check"), (EVE, "cross_check"), (OLD_BEA, "superseded_number"), (DEE, "number_shared")],
)
def test_a_row_of_the_register_needs_no_second_fact(written: str, reason: str) -> None:
    assert trace_number(written, None, is_register_row=True)[0] == reason


def test_an_objection_under_one_of_two_numbers_applies_to_both() -> None:
    opted_out = {row["number"]: row["opted_out"] for row in register().to_native().collect().iter_rows(named=True)}
    assert (opted_out[IDA], opted_out[OTHER_IDA], opted_out[LEN]) == (True, True, False)


def test_two_replacements_of_one_number_are_two_people() -> None:
    entries = [entry(ANN, replaced_nhs_number=NOBODY), entry(BEA, replaced_nhs_number=NOBODY)]
    frame = nw.from_native(pl.LazyFrame(entries, schema={name: pl.Boolean if name == "refused" else pl.String for name in entries[0]}))
    shared = (
        register_numbers.build_number_register(register_numbers.build_numbers(frame, AS_AT, "synthetic", GUARDS))
        .to_native()
        .collect()
        .filter(pl.col("shared"))["number"]
        .to_list()
    )
    assert shared == [NOBODY]


def test_numbers_of_the_other_kind_of_workspace_are_not_on_the_register() -> None:
    assert register("live").to_native().collect().is_empty()


def test_every_reason_has_an_outcome_a_status_and_a_mark() -> None:
    reasons = {row.reason for row in trace_reasons().values()}
    assert {outcome for outcome in Outcome if reasons_for(outcome)} == {Outcome.LINKED, Outcome.NOT_REGISTERED, Outcome.UNLINKED}
    assert {row.status for row in trace_reasons().values()} <= {f"0{n}" for n in range(1, 9)}
    assert {row.mark for row in trace_reasons().values()} <= {"S", "M", "D"}
    assert {r.meaning(kind) for r in nhs_number.ranges() for kind in ("live", "synthetic")} - {nhs_number.SOUND} <= reasons

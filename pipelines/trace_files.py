"""`bcf trace`: the NHS numbers of any file of people, found or verified against any register of them."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.nhs_number import Kind
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.schema import Type
from bcf_linkage.definitions.trace_reasons import trace_reasons
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.parse.some_columns import SomeColumns, some_columns
from bcf_linkage.identifiable.parse.written_dates import iso
from bcf_linkage.identifiable.rules import is_written_as
from bcf_linkage.storage.store import or_refused
from pipelines.scrub import carefully
from pipelines.tracing import ENGINE, Register, Traced, traced

RECORDS = {
    "record_id": (),
    "nhs_number": ("nhs_no",),
    "given_name": ("forename", "first_name"),
    "family_name": ("surname", "last_name"),
    "birth_date": ("date_of_birth", "dob"),
    "sex": ("gender",),
    "postcode": ("post_code",),
    "address_line_1": ("address_1", "address"),
}
REGISTER = {**RECORDS, "replaced_nhs_number": (), "replaced_nhs_number_date": (), "type_1_opt_out": ()}
"""What a file of records and a register may hold, and by what other names. Of the register the NHS number alone is needed."""

WRITTEN = ("record_id", "traced_nhs_number", "outcome", "rung", "score", "margin", "pattern", "reason", "status_code")
OWNER_ALONE = 0o600


@dataclass(frozen=True)
class TraceReport:
    """What came of a trace: how many records ended where and why, how many people more than one record was found for, and what was not looked at."""

    out: Path
    records: int
    people: int
    ended: tuple[tuple[str, str, int], ...]
    found_twice: int
    skipped: dict[str, int]
    dates_unread: int

    @property
    def linked(self) -> int:
        """Records for which a person was found."""
        return sum(records for place, _, records in self.ended if place == Place.LINKED)


def trace_files(records: Path, register: Path, out: Path, synthetic: bool, today: date) -> TraceReport:
    """Trace a file against a register and write one row for each record, in order. Raises a Refusal; then nothing is written."""
    return carefully(_trace, records, register, out, "synthetic" if synthetic else "live", today)


def _trace(records: Path, register: Path, out: Path, kind: Kind, today: date) -> TraceReport:
    _refuse_place(out, records, register)
    against = _register(register, kind, today)
    told = some_columns(records, RECORDS)
    _refuse_nameless(told, records)
    described = _described(told, records, kind)
    found = traced(described, against)
    _write(_written(found, told), out)
    return _report(found, told, described, against, out)


def _register(file: Path, kind: Kind, today: date) -> Register:
    """The register of a file. Raises RequestRefused if nobody could be traced to it."""
    told = some_columns(file, REGISTER)
    if "nhs_number" not in told.found:
        raise RequestRefused(f"{file}: has no column nhs_number, so that nobody could be traced to it; name a register with NHS numbers")
    rows = _dated(told.text, file).with_columns(replaced_nhs_number_date=iso(told.text["replaced_nhs_number_date"], str(file)), refused=pl.lit(value=False))
    register = Register.build(ENGINE.frame(rows), today, kind, TraceRules.build(today))
    if register.numbers.is_empty():
        made_up = " or, if the people are made up, add --synthetic" if kind == "live" else " or, if the people are real, leave out --synthetic"
        raise RequestRefused(f"{file}: none of its {len(rows):,} rows has an NHS number that can be used; mend the numbers{made_up}")
    return register


def _described(told: SomeColumns, file: Path, kind: Kind) -> pl.DataFrame:
    """Records as a trace takes them."""
    rows = _dated(told.text, file).with_columns(pl.col("row").cast(pl.Int64).alias("id"))
    number = nw.col("nhs_number")
    return ENGINE.collect(ENGINE.frame(rows).with_columns(number=nhs_number.canonical(number), number_state=nhs_number.state(number, kind)))


def _dated(text: pl.DataFrame, file: Path) -> pl.DataFrame:
    """Rows with `written_date` and `birth_date`, and with numbers that went through a spreadsheet as they were before."""
    whole = pl.col("nhs_number", "postcode").str.replace(r"^(\d+)\.0$", "$1")
    written = text.with_columns(whole, written_date=iso(text["birth_date"], str(file)))
    real = nw.when(is_written_as(nw.col("written_date"), Type.DATE)).then(nw.col("written_date"))
    return ENGINE.collect(ENGINE.frame(written).with_columns(birth_date=real))


def _refuse_nameless(told: SomeColumns, file: Path) -> None:
    if "record_id" not in told.found:
        raise RequestRefused(f"{file}: has no column record_id, by which the answers would be told apart; add one")
    if blank := (told.text["record_id"].is_null().arg_true() + 1).to_list():
        raise RequestRefused(f"{file}: {len(blank):,} rows have no record_id, the first is row {blank[0]:,}; fill it in")


def _refuse_place(out: Path, *inputs: Path) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise RequestRefused(f"{out}: ends in neither .csv nor .parquet; choose one of the two with --out")
    if not out.parent.is_dir():
        raise RequestRefused(f"{out}: its folder does not exist; make it first")
    if any(given.exists() and out.exists() and given.samefile(out) for given in inputs):
        raise RequestRefused(f"{out}: is one of the files to read; choose another with --out")


def _written(found: Traced, told: SomeColumns) -> pl.DataFrame:
    """The answers as they are written, in the order of the records."""
    reasons = trace_reasons().values()
    each = found.records.with_columns(
        outcome=_of_reason({r.reason: str(r.place) for r in reasons}),
        status_code=_of_reason({r.reason: r.status for r in reasons}),
        reason=_of_reason({r.reason: f"{r.reason}: {r.words}" for r in reasons}),
    ).with_columns(
        traced_nhs_number=pl.when(pl.col("outcome") == str(Place.LINKED)).then("person_number"),
        rung=pl.when(pl.col("outcome") == str(Place.LINKED)).then("trace_reason"),
    )
    return told.text.select(pl.col("row").cast(pl.Int64).alias("id")).join(each, on="id", how="left", maintain_order="left").select(WRITTEN)


def _of_reason(values: dict[str, str]) -> pl.Expr:
    return pl.col("trace_reason").replace_strict(values, return_dtype=pl.String)


def _write(answers: pl.DataFrame, out: Path) -> None:
    """Write the answers aside, for their owner alone, and rename them into place."""
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    with or_refused(out):
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "wb") as opened:
                if out.suffix.lower() == ".csv":
                    answers.write_csv(opened)
                else:
                    answers.write_parquet(opened)
                opened.flush()
                os.fsync(opened.fileno())
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)


def _report(found: Traced, told: SomeColumns, described: pl.DataFrame, register: Register, out: Path) -> TraceReport:
    counts = dict(found.records.group_by("trace_reason").len().iter_rows())
    ended = tuple((str(r.place), r.reason, counts[r.reason]) for r in trace_reasons().values() if r.reason in counts)
    linked = found.records.filter(pl.col("trace_reason").is_in([r.reason for r in trace_reasons().values() if r.place is Place.LINKED]))
    twice = linked.group_by("person_number").len().filter(pl.col("len") > 1).height
    unread = int((told.text["birth_date"].is_not_null() & described["birth_date"].is_null()).sum())
    return TraceReport(out, len(found.records), register.numbers["person_number"].n_unique(), ended, twice, dict(found.skipped), unread)

"""`bcf trace`: find or verify the NHS numbers of any file of people against any register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.atomic_files import PRIVATE_FILE_MODE, replace_atomically
from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.nhs_number import WorkspaceKind
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.schema import Type
from bcf_linkage.definitions.trace_reasons import trace_reasons
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.parse.birth_date_formats import parse_birth_dates
from bcf_linkage.identifiable.parse.selected_columns import SelectedColumns, read_selected_columns
from bcf_linkage.identifiable.parse.written_forms import standardise_codes, standardise_nhs_numbers
from bcf_linkage.identifiable.row_rules import is_written_as
from bcf_linkage.identifiable.trace.tracing import Register, TracedRecords, trace_records
from bcf_linkage.storage.engine import POLARS
from bcf_linkage.storage.scoring import score_on_duckdb
from bcf_linkage.storage.store import raise_on_os_error
from pipelines.support.sanitise_errors import sanitise_errors

RECORD_COLUMNS = {
    "record_id": (),
    "nhs_number": ("nhs_no",),
    "given_name": ("forename", "first_name"),
    "family_name": ("surname", "last_name"),
    "birth_date": ("date_of_birth", "dob"),
    "sex": ("gender",),
    "postcode": ("post_code",),
    "address_line_1": ("address_1", "address"),
}
REGISTER_COLUMNS = {**RECORD_COLUMNS, "replaced_nhs_number": (), "replaced_nhs_number_date": (), "type_1_opt_out": ()}
"""Columns of a file of records and of a register -> other names that are accepted. A register needs only the NHS number."""

OUTPUT_COLUMNS = ("record_id", "traced_nhs_number", "outcome", "rung", "score", "margin", "pattern", "reason", "status_code")


@dataclass(frozen=True)
class TraceReport:
    """The counts of a trace.

    `people` is the number on the register. `outcomes` has (outcome, reason, records). `found_twice` counts people found for more than
    one record. `skipped` counts, by blocking key, records that were not compared because too many people share the key. `unread_dates`
    counts dates of birth that are not real dates.
    """

    out: Path
    records: int
    people: int
    outcomes: tuple[tuple[str, str, int], ...]
    found_twice: int
    skipped: dict[str, int]
    unread_dates: int

    @property
    def linked(self) -> int:
        """Records for which a person was found."""
        return sum(records for outcome, _, records in self.outcomes if outcome == Outcome.LINKED)


def trace_files(records: Path, register: Path, out: Path, synthetic: bool, today: date) -> TraceReport:
    """Trace a file against a register. Write one row for each record, in the same order, with its outcome and reason.

    Raises a BcfError for a file that cannot be used; then nothing is written.
    """
    return sanitise_errors(_trace, records, register, out, "synthetic" if synthetic else "live", today)


def _trace(records: Path, register: Path, out: Path, kind: WorkspaceKind, today: date) -> TraceReport:
    _check_output_path(out, records, register)
    target_register = _read_register(register, kind, today)
    record_columns = read_selected_columns(records, RECORD_COLUMNS)
    _raise_on_missing_ids(record_columns, records)
    trace_input = _prepare_records(record_columns, records, kind)
    traced_records = trace_records(trace_input, target_register)
    _write_output(_build_output(traced_records, record_columns), out)
    return _build_report(traced_records, record_columns, trace_input, target_register, out)


def _read_register(file: Path, kind: WorkspaceKind, today: date) -> Register:
    """Read a register from a file. Raises UsageError if no row has a usable NHS number."""
    register_columns = read_selected_columns(file, REGISTER_COLUMNS)
    if "nhs_number" not in register_columns.present:
        raise UsageError(f"{file}: has no column nhs_number; give a register with NHS numbers")
    rows = _with_dates(register_columns.text, file).with_columns(
        replaced_nhs_number_date=parse_birth_dates(register_columns.text["replaced_nhs_number_date"], str(file)), refused=pl.lit(value=False)
    )
    register = Register.build(POLARS.frame(rows), today, kind, TraceRules.build(today), POLARS, score_on_duckdb)
    if register.numbers.is_empty():
        advice = ", or add --synthetic if the people are made up" if kind == "live" else ", or leave out --synthetic if the people are real"
        raise UsageError(f"{file}: none of its {len(rows):,} rows has an NHS number that can be used; correct the numbers{advice}")
    return register


def _prepare_records(record_columns: SelectedColumns, file: Path, kind: WorkspaceKind) -> pl.DataFrame:
    """Add the columns that a trace reads: `id`, `number`, `number_state`."""
    rows = _with_dates(record_columns.text, file).with_columns(pl.col("row").cast(pl.Int64).alias("id"))
    number = nw.col("nhs_number")
    return POLARS.collect(POLARS.frame(rows).with_columns(number=nhs_number.canonical(number), number_state=nhs_number.state(number, kind)))


def _with_dates(text: pl.DataFrame, file: Path) -> pl.DataFrame:
    """Rows with `written_date` and `birth_date`, and with numbers that went through a spreadsheet as they were before."""
    numbers = [standardise_nhs_numbers(text[name]) for name in ("nhs_number", "replaced_nhs_number") if name in text.columns]
    codes = standardise_codes(text["sex"], code_list("sex"))
    dated_rows = text.with_columns(*numbers, codes, written_date=parse_birth_dates(text["birth_date"], str(file)))
    real_date = nw.when(is_written_as(nw.col("written_date"), Type.DATE)).then(nw.col("written_date"))
    return POLARS.collect(POLARS.frame(dated_rows).with_columns(birth_date=real_date))


def _raise_on_missing_ids(record_columns: SelectedColumns, file: Path) -> None:
    if "record_id" not in record_columns.present:
        raise UsageError(f"{file}: has no column record_id, which identifies each record in the results; add one")
    if blank := (record_columns.text["record_id"].is_null().arg_true() + 1).to_list():
        raise UsageError(f"{file}: {len(blank):,} rows have no record_id, the first is row {blank[0]:,}; fill it in")


def _check_output_path(out: Path, *inputs: Path) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{out}: the name ends in neither .csv nor .parquet; choose one of them with --out")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: its folder does not exist; create it first")
    if any(file.exists() and out.exists() and file.samefile(out) for file in inputs):
        raise UsageError(f"{out}: is one of the files to read; choose another name with --out")


def _build_output(traced_records: TracedRecords, record_columns: SelectedColumns) -> pl.DataFrame:
    """Build the output rows, one per record, in the order of the records."""
    reasons = trace_reasons().values()
    outcomes = traced_records.records.with_columns(
        outcome=_map_trace_reason({r.reason: str(r.outcome) for r in reasons}),
        status_code=_map_trace_reason({r.reason: r.status for r in reasons}),
        reason=_map_trace_reason({r.reason: f"{r.reason}: {r.words}" for r in reasons}),
    ).with_columns(
        traced_nhs_number=pl.when(pl.col("outcome") == str(Outcome.LINKED)).then("person_number"),
        rung=pl.when(pl.col("outcome") == str(Outcome.LINKED)).then("trace_reason"),
    )
    return (
        record_columns.text.select(pl.col("row").cast(pl.Int64).alias("id")).join(outcomes, on="id", how="left", maintain_order="left").select(OUTPUT_COLUMNS)
    )


def _map_trace_reason(values: dict[str, str]) -> pl.Expr:
    return pl.col("trace_reason").replace_strict(values, return_dtype=pl.String)


def _write_output(answers: pl.DataFrame, out: Path) -> None:
    """Write the results to a temporary file that only its owner can read, then rename it. A failure leaves no part of a file."""
    with raise_on_os_error(out), replace_atomically(out, mode=PRIVATE_FILE_MODE) as temporary:
        if out.suffix.lower() == ".csv":
            answers.write_csv(temporary)
        else:
            answers.write_parquet(temporary)


def _build_report(traced_records: TracedRecords, record_columns: SelectedColumns, trace_input: pl.DataFrame, register: Register, out: Path) -> TraceReport:
    counts = dict(traced_records.records.group_by("trace_reason").len().iter_rows())
    outcomes = tuple((str(r.outcome), r.reason, counts[r.reason]) for r in trace_reasons().values() if r.reason in counts)
    linked = traced_records.records.filter(pl.col("trace_reason").is_in([r.reason for r in trace_reasons().values() if r.outcome is Outcome.LINKED]))
    found_twice = linked.group_by("person_number").len().filter(pl.col("len") > 1).height
    unread = int((record_columns.text["birth_date"].is_not_null() & trace_input["birth_date"].is_null()).sum())
    return TraceReport(
        out=out,
        records=len(traced_records.records),
        people=register.numbers["person_number"].n_unique(),
        outcomes=outcomes,
        found_twice=found_twice,
        skipped=dict(traced_records.skipped),
        unread_dates=unread,
    )

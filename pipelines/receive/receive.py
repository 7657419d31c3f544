"""Receive the deliveries of one extract: assign each row an outcome, and write the kept rows pseudonymised.

The first file written is already pseudonymised.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl

from bcf_linkage.definitions.nhs_number import WorkspaceKind
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES, Outcome
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable import delivery_checks, identity_stages, row_rules
from bcf_linkage.identifiable.parse import ParsedDelivery, open_deliveries
from bcf_linkage.identifiable.row_rules import RuleCount
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.storage.engine import POLARS
from pipelines.receive.reading import explain_read_errors
from pipelines.receive.row_outcomes import ExtractRows, LedgerEntry, assign_outcomes, build_ledger, read_extract, write_kept_rows
from pipelines.receive.tokens import TokenCache
from pipelines.workspace.run_context import RunContext

TRACED_REASONS = tuple(reason for outcome in KEPT_OUTCOMES for reason in reasons_for(outcome))
"""The reasons of rows that were traced and kept."""


@dataclass(frozen=True)
class ReceiveContext:
    """What every row of an extract is received with.

    `tokens`: the tokens made so far. `areas`: the postcode lookup, as `read_areas` returns it. `register`: as `load_register` returns it.
    `objections`: `number` and `objection`, one row per objection in force. `sample_size`: people per extract in the hold-out sample that
    validates the linkage; 0 for none. `answers`: what MPS answered about the extract's people, None where nobody was asked about.
    """

    kind: WorkspaceKind
    as_at: date
    tokens: TokenCache
    areas: nw.LazyFrame
    register: Register
    objections: nw.LazyFrame
    sample_size: int = 0
    answers: nw.LazyFrame | None = None

    @property
    def lookups(self) -> identity_stages.TraceContext:
        """The part that the stages of the identifiable zone need."""
        return identity_stages.TraceContext(as_at=self.as_at, kind=self.kind, areas=self.areas, objections=self.objections, mps_answers=self.answers)


@dataclass(frozen=True)
class ReceivedExtract:
    """The result for one extract: `ledger` counts each row read once, and the Parquet file at `path` has the kept rows."""

    extract: str
    rows_read: int
    ledger: tuple[LedgerEntry, ...]
    rule_counts: tuple[RuleCount, ...]
    path: Path


def write_received_counts(received: ReceivedExtract, folder: Path) -> Path:
    """Write the counts of an extract as JSON for the steps that follow. Return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{received.extract}.json"
    file.write_text(json.dumps({**asdict(received), "path": str(received.path)}), encoding="utf-8")
    return file


def read_received_counts(folder: Path, extracts: Iterable[str]) -> tuple[ReceivedExtract, ...]:
    """Read what `write_received_counts` wrote for these extracts, in the same order."""
    return tuple(_parse_received((folder / f"{extract}.json").read_text(encoding="utf-8")) for extract in extracts)


def received_folder(run: RunContext) -> Path:
    """Folder of the counts of received extracts, in the run's staging folder."""
    return run.staging.folder / "received"


def received_extracts(run: RunContext) -> tuple[ReceivedExtract, ...]:
    """Read the results of all extracts of a run, as `deliveries.receive_extract` wrote them."""
    return read_received_counts(received_folder(run), run.extracts)


def _parse_received(text: str) -> ReceivedExtract:
    counts = json.loads(text)
    return ReceivedExtract(
        extract=counts["extract"],
        rows_read=counts["rows_read"],
        ledger=tuple(LedgerEntry(file, Outcome(outcome), reason, rows) for file, outcome, reason, rows in counts["ledger"]),
        rule_counts=tuple(RuleCount(*count) for count in counts["rule_counts"]),
        path=Path(counts["path"]),
    )


def ledger_entries(received: Iterable[ReceivedExtract]) -> Iterator[tuple[str, str, str, str, int]]:
    """Yield the extract, file, outcome, reason and number of rows of each ledger line."""
    return ((extract.extract, file, str(outcome), reason, rows) for extract in received for file, outcome, reason, rows in extract.ledger)


@dataclass(frozen=True)
class ProcessedExtract:
    """The deliveries of one extract, read to the end, with the outcome of every row. Their format and period are checked.

    `outcomes` has one row per readable row, as `assign_outcomes` returns it.
    """

    extract: Table
    deliveries: Sequence[ParsedDelivery]
    rows: ExtractRows
    outcomes: pl.DataFrame
    rule_counts: tuple[RuleCount, ...]


def receive_deliveries(extract: Table, files: Sequence[Path], context: ReceiveContext, out: Path) -> ReceivedExtract:
    """Receive all deliveries of one extract. Raises a BcfError that names the file; then nothing is written."""
    return write_received(process_extract(extract, open_deliveries(extract, files), context), context, out)


def process_extract(extract: Table, deliveries: Sequence[ParsedDelivery], context: ReceiveContext) -> ProcessedExtract:
    """Assign each row an outcome, and write nothing. Raises a BcfError for a file whose format or period is wrong as a whole."""
    with explain_read_errors(deliveries):
        rows = read_extract(extract, deliveries, context.lookups, context.register, context.tokens, context.sample_size)
        counts = row_rules.tally_rule_failures(extract, dict(rows.row_facts.group_by("failures").len().iter_rows()))
        _raise_on_other_date_format(rows, counts, deliveries)
        outcomes = assign_outcomes(rows)
        _raise_on_other_period(rows, outcomes, deliveries, context.as_at)
    return ProcessedExtract(extract, deliveries, rows, outcomes, counts)


def write_received(processed: ProcessedExtract, context: ReceiveContext, out: Path) -> ReceivedExtract:
    """Write the kept rows, pseudonymised, and count all rows by outcome."""
    with explain_read_errors(processed.deliveries):
        write_kept_rows(processed.rows, processed.outcomes, context.tokens, out)
    rows_read = sum(delivery.rows for delivery in processed.deliveries)
    return ReceivedExtract(processed.extract.name, rows_read, build_ledger(processed.outcomes, processed.deliveries), processed.rule_counts, out)


def identities_with_rows(processed: ProcessedExtract, reasons: Sequence[str]) -> pl.DataFrame:
    """Count the rows of each identity whose outcome has one of the reasons.

    One row per identity of the extract -> the identities with at least one such row, each with the count as `rows`.
    """
    has_reason = processed.outcomes["reason"].is_in(reasons)
    # `at` is the position of the row's identity in `people`, so one bincount replaces a join over millions of rows.
    rows = np.bincount(processed.outcomes["at"].filter(has_reason), minlength=processed.rows.people.height)
    return processed.rows.people.with_columns(rows=pl.Series(rows, dtype=pl.Int64)).filter(pl.col("rows") > 0)


def _raise_on_other_date_format(rows: ExtractRows, counts: Sequence[RuleCount], deliveries: Sequence[ParsedDelivery]) -> None:
    """Raise DataQualityError if most dates of a column are in another format: the fault is the file's, not the rows'."""
    paths = {delivery.file: str(delivery.path) for delivery in deliveries}
    for column in delivery_checks.suspect_date_columns(rows.extract, counts):
        shapes = POLARS.collect(delivery_checks.build_date_shapes(rows.text, column)).with_columns(filled=pl.col("rows").sum().over("file"))
        for file, shape, count, first_row, filled in shapes.sort("file", "first_row").select("file", "shape", "rows", "first_row", "filled").iter_rows():
            delivery_checks.refuse_wrong_date_format(paths[file], column, shape, first_row, count, filled)


def _raise_on_other_period(rows: ExtractRows, outcomes: pl.DataFrame, deliveries: Sequence[ParsedDelivery], as_at: date) -> None:
    """Raise DataQualityError if a file is for another period, or if all files lack the latest months."""
    usable = rows.row_facts.filter(~outcomes["reason"].is_in([*rows.refusal_reasons.values()]))
    for delivery in deliveries:
        outside = usable.filter(pl.col("file") == delivery.file)["outside"]
        delivery_checks.refuse_wrong_period(str(delivery.path), rows.extract, as_at, outside.count(), len(outside))
    files = ", ".join(str(delivery.path) for delivery in deliveries)
    delivery_checks.refuse_stale_delivery(files, rows.extract, as_at, int(usable["fresh"].sum()), len(usable))

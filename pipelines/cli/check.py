"""`bcf check`: validate one file as a run would, and write nothing but the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable import row_rules
from bcf_linkage.identifiable.parse import ParsedDelivery, csv_files, open_deliveries
from expectations.gate import Tolerance, tolerances
from expectations.report import MAX_ROWS_SHOWN, FileReport, UnreadableRows, build_file_report
from expectations.report_page import render_report_page
from expectations.rule_results import check_rows
from pipelines.cli.schema_listing import find_table
from pipelines.receive.reading import readable_text
from pipelines.support.sanitise_errors import sanitise_errors
from pipelines.workspace.settings import read_settings


def check_file(extract: str, file: Path, report: Path | None, workspace: Path | None = None) -> FileReport:
    """Validate one file against the declaration of an extract, with the tolerances of a workspace if one is given.

    Raises a BcfError if the file cannot be read as that extract at all.
    """
    overrides = read_settings(workspace).tolerances if workspace else {}
    return sanitise_errors(_check_delivery, find_table(extract), file, report, overrides)


def _check_delivery(table: Table, file: Path, report: Path | None, overrides: Mapping[tuple[str, str], Tolerance]) -> FileReport:
    (delivery,) = open_deliveries(table, (file,))
    verdicts = check_rows(table, readable_text([delivery]))
    result = build_file_report(
        table, delivery.file, delivery.rows, _unreadable_rows(table, delivery), verdicts, tolerances(overrides), _first_failing_rows(table, delivery)
    )
    if report is not None:
        _write_report(render_report_page(result), report)
    return result


def _unreadable_rows(table: Table, delivery: ParsedDelivery) -> Iterator[UnreadableRows]:
    """Yield the reasons for unreadable rows, each with its first row numbers."""
    if not delivery.unreadable:
        return
    # Only a CSV file has rows that cannot be read.
    lines = csv_files.read_lines(delivery.path, len(csv_files.read_header(table, delivery.path)))
    for reason, rows in delivery.unreadable.items():
        yield UnreadableRows(reason, rows, tuple(lines.positions_of(csv_files.LineStatus[reason.upper()])[:MAX_ROWS_SHOWN].tolist()))


def _first_failing_rows(table: Table, delivery: ParsedDelivery) -> dict[tuple[str, str], tuple[int, ...]]:
    """Find the first rows that break each rule: (column, rule) -> row numbers. Only row numbers and broken rules are kept in memory."""
    failures = row_rules.tidy_values(nw.from_native(delivery.text), table).select("row", failures=row_rules.failure_bits(table, table.names))
    native: pl.LazyFrame = failures.to_native()
    failing = native.filter(pl.col("failures") > 0).collect(engine="streaming").sort("row")
    first: dict[tuple[str, str], list[int]] = {}
    for failure_bits, positions in failing.group_by("failures").agg(pl.col("row").head(MAX_ROWS_SHOWN)).iter_rows():
        for column, rule in row_rules.broken_rules(table, failure_bits):
            first.setdefault((column.name, rule.rule), []).extend(positions)
    return {name: tuple(sorted(positions)[:MAX_ROWS_SHOWN]) for name, positions in first.items()}


def _write_report(text: str, report: Path) -> None:
    try:
        report.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{report}: cannot be written ({error.strerror}); choose another path with --report") from None

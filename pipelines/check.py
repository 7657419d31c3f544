"""`bcf check`: one file judged as a run would judge it, and nothing written but its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable import rules
from bcf_linkage.identifiable.parse import Delivery, delimited, opened
from expectations.check import judge
from expectations.gate import Tolerance, tolerances
from expectations.page import page
from expectations.report import MOST_ROWS, FileReport, Unreadable, file_report
from pipelines.receive import readable
from pipelines.schema_listing import table_named
from pipelines.scrub import carefully
from pipelines.settings import read_settings


def check_file(extract: str, file: Path, report: Path | None, workspace: Path | None = None) -> FileReport:
    """Judge one file against an extract's declaration, by a workspace's own tolerances if one is named.

    Raises a Refusal where the file cannot be read as that extract at all.
    """
    own = read_settings(workspace).tolerances if workspace else {}
    return carefully(_check, table_named(extract), file, report, own)


def _check(table: Table, file: Path, report: Path | None, own: Mapping[tuple[str, str], Tolerance]) -> FileReport:
    (delivery,) = opened(table, (file,))
    verdicts = judge(table, readable([delivery]))
    found = file_report(table, delivery.file, delivery.rows, _unreadable(table, delivery), verdicts, tolerances(own), _first_rows(table, delivery))
    if report is not None:
        _write(page(found), report)
    return found


def _unreadable(table: Table, delivery: Delivery) -> Iterator[Unreadable]:
    if not delivery.unreadable:
        return
    # Only a CSV file has rows that cannot be read.
    lines = delimited.read_lines(delivery.path, len(delimited.header(table, delivery.path)))
    for reason, rows in delivery.unreadable.items():
        yield Unreadable(reason, rows, tuple(lines.found(delimited.Line[reason.upper()])[:MOST_ROWS].tolist()))


def _first_rows(table: Table, delivery: Delivery) -> dict[tuple[str, str], tuple[int, ...]]:
    """Column and rule to the first rows that break it. Only positions and what each row breaks are held in memory."""
    tidied = rules.tidied(nw.from_native(delivery.text), table).select("row", failures=rules.failures(table, table.names))
    native: pl.LazyFrame = tidied.to_native()
    broken = native.filter(pl.col("failures") > 0).collect(engine="streaming").sort("row")
    first: dict[tuple[str, str], list[int]] = {}
    for failures, positions in broken.group_by("failures").agg(pl.col("row").head(MOST_ROWS)).iter_rows():
        for column, rule in rules.broken(table, failures):
            first.setdefault((column.name, rule.rule), []).extend(positions)
    return {name: tuple(sorted(positions)[:MOST_ROWS]) for name, positions in first.items()}


def _write(text: str, report: Path) -> None:
    try:
        report.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentRefused(f"{report}: cannot be written ({error.strerror}); choose another place with --report") from None

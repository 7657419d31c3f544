"""What a person sees: progress while a command works, and a last screen worth reading. With --json, one document instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bcf_linkage.definitions.places import Place
from pipelines.progress import heard_by
from pipelines.summary import Row, Summary

SUPPRESSED = "suppressed"


class Screen:
    """Where one command shows what it does. Progress goes to standard error, so that standard output can be piped."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.out = Console(soft_wrap=as_json)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """A bar that follows the steps told within the block. Where standard error is no terminal, one line for each step."""
        if self.as_json:
            yield
            return
        if not sys.stderr.isatty():
            console = Console(stderr=True)
            with heard_by(lambda step, number, steps: console.print(f"[{number}/{steps}] {step}", markup=False, highlight=False)):
                yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=None)
            with heard_by(lambda step, number, steps: bar.update(task, description=step, completed=number - 1, total=steps)):
                yield

    def json(self, document: Any) -> None:
        """One JSON document on standard output."""
        self.out.print(json.dumps(document, default=str, ensure_ascii=False, indent=2), markup=False, highlight=False)

    def summary(self, summary: Summary, demo: bool = False) -> None:
        """The last screen of a run."""
        if self.as_json:
            self.json(summary.as_json())
            return
        self.out.print()
        self.out.print(f"[bold]{summary.locality}[/bold], {summary.period_start:%-d %B %Y} to {summary.period_end:%-d %B %Y}", highlight=False)
        if demo:
            self.out.print("Every person here is made up: this shows how the system works, not a place.", style="dim")
        self._print("Rows read, and where they went", _pivot(summary.places))
        self._print("Linked to the GP register, of the rows that went to trace", _linked(summary.linked))
        self._print("People by resource-utilisation band: each of five holds a fifth of NHS cost", _bands(summary.risk_bands))
        self._print("Joint assessment and accountable lead professional", _condition(summary.condition))
        self.out.print(Text(f"{summary.rule}. {_attacked(summary.disclosure)}", style="dim"))
        self.out.print()
        self._files(summary)

    def _files(self, summary: Summary) -> None:
        published = summary.published
        workspace = published.parent.parent
        lines = (
            (str(published / "cohorts.duckdb"), "every published table, for DuckDB"),
            (str(published / "csv"), "the same as CSV, to open in a spreadsheet"),
            (str(published / "tables"), "the same as Parquet"),
            (str(published / "reports" / "linkage_quality.html"), "how good the linkage is, to read and to sign"),
            (str(published / "reports" / "governance.html"), "where the data went, and drafts for whoever answers for them"),
            (str(workspace / "audit" / summary.run_id), "the exact ledger, and the manifest of what went in and came out"),
        )
        width = max(len(path) for path, _ in lines)
        for path, words in lines:
            self.out.print(f"{path:<{width}}  [dim]{words}[/dim]", soft_wrap=True, highlight=False)
        self.out.print(f'\nNext: bcf query {workspace} "select band, people, mean_cost from risk_bands"', soft_wrap=True, highlight=False, markup=False)

    def synthesised(self, made: Sequence[Row]) -> None:
        """What `bcf synth` wrote."""
        if self.as_json:
            self.json(made)
            return
        self._print("Written. Every person is made up.", _plain(made))

    def initialised(self, made: Sequence[Path]) -> None:
        """What `bcf init` made."""
        if self.as_json:
            self.json([str(path) for path in made])
            return
        for path in made:
            self.out.print(str(path), soft_wrap=True, highlight=False, markup=False)
        self.out.print(f"\nNext: fill in {made[0]}, put the deliveries under landing/, and run `bcf doctor {made[0].parent}`.", soft_wrap=True, highlight=False)

    def schema(self, listing: Sequence[Row]) -> None:
        """The declared extracts, or one extract's columns."""
        if self.as_json:
            self.json(listing)
            return
        self._print("", _plain([{k: v for k, v in row.items() if k not in ("codes", "source")} for row in listing]))

    def rows(self, answer: Any) -> None:
        """What a query gave."""
        if self.as_json:
            self.json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
            return
        self._print("", _plain([dict(zip(answer.columns, row, strict=True)) for row in answer.rows], answer.columns))

    def told(self, document: Any, words: str) -> None:
        """One thing: as a document, or in words."""
        if self.as_json:
            self.json(document)
        else:
            self.out.print(words, soft_wrap=True, highlight=False, markup=False)

    def listed(self, rows: Sequence[Row]) -> None:
        """One line for each row."""
        if self.as_json:
            self.json(rows)
        else:
            self._print("", _plain(rows))

    def checked(self, report: Any, written: Path | None) -> None:
        """What `bcf check` found in a file."""
        if self.as_json:
            self.json(report.as_json())
            return
        self.out.print(report.text(), markup=False, highlight=False)
        if written:
            self.out.print(f"Report: {written}", soft_wrap=True, highlight=False)

    def traced(self, report: Any) -> None:
        """What `bcf trace` found."""
        ended = [{"outcome": place, "why": reason, "records": records} for place, reason, records in report.ended]
        if self.as_json:
            told = {"records": report.records, "linked": report.linked, "people_on_register": report.people, "ended": ended}
            more = {"people_found_twice": report.found_twice, "dates_not_read": report.dates_unread, "keys_skipped": report.skipped}
            self.json({**told, **more, "out": str(report.out)})
            return
        self._print(f"{report.linked:,} of {report.records:,} records found among {report.people:,} people", _plain(ended))
        if report.found_twice:
            self.out.print(f"{report.found_twice:,} people were found for more than one record.", highlight=False)
        if report.dates_unread:
            self.out.print(f"{report.dates_unread:,} dates of birth could not be read as real dates.", highlight=False)
        for key, records in report.skipped.items():
            self.out.print(f"Not looked up by {key}: {records:,} records, as too many people share it.", highlight=False)
        self.out.print(f"\nAnswers: {report.out}", soft_wrap=True, highlight=False, markup=False)

    def findings(self, findings: Iterable[Any]) -> None:
        """What `bcf doctor` found."""
        if self.as_json:
            self.json([{"subject": f.subject, "well": f.well, "words": f.words} for f in findings])
            return
        for finding in findings:
            mark = "[green]well [/green]" if finding.well else "[bold red]wrong[/bold red]"
            self.out.print(f"{mark}  {finding.subject:<34}", Text(finding.words), soft_wrap=True, highlight=False)

    def promises(self, judged: Sequence[Any]) -> None:
        """What `bcf audit promises` found."""
        if self.as_json:
            self.json([one.as_json() for one in judged])
            return
        for one in judged:
            mark = ("kept  ", "green") if one.kept else ("BROKEN", "bold red")
            self.out.print(Text.assemble(f"{one.promise.number:>2}  ", mark, "  ", (one.promise.words, "bold")), soft_wrap=True)
            for found in one.evidence:
                self.out.print(Text(f"{'' if found.well else '!':>10}  {found.words}", "dim" if found.well else "red"), soft_wrap=True)
        broken = [str(one.promise.number) for one in judged if not one.kept]
        told = f"Broken: {', '.join(broken)}." if broken else f"All {len(judged)} are kept."
        self.out.print(f"\n{told} What stands behind each: --json.", highlight=False)

    def _print(self, title: str, table: Table) -> None:
        if title:
            self.out.print(f"\n[bold]{title}[/bold]", highlight=False)
        self.out.print(table)


def _table(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, is_number in columns:
        table.add_column(name, justify="right" if is_number else "left")
    return table


def _plain(rows: Sequence[Row], columns: Sequence[str] = ()) -> Table:
    names = list(columns) or list(rows[0] if rows else [])
    table = _table(*((name, bool(rows) and all(isinstance(row[name], int | float) or row[name] is None for row in rows)) for name in names))
    for row in rows:
        table.add_row(*(Text(_number(row[name])) for name in names))
    return table


def _number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _count(value: Any) -> str:
    return SUPPRESSED if value is None else f"{value:,}"


def _percent(value: Any) -> str:
    return "" if value is None else f"{value:.1f}%"


def _pivot(places: Sequence[Row]) -> Table:
    """One line per place that holds a row, one column per extract: narrow enough for a terminal of eighty columns."""
    extracts = list(dict.fromkeys(row["extract"] for row in places))
    rows = {(row["place"], row["extract"]): row["rows"] for row in places}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", max_width=14)
    for extract in extracts:
        table.add_column(extract.replace("_", "\n"), justify="right", vertical="bottom", no_wrap=True)
    table.add_row("read", *(f"{sum(n for (_, of), n in rows.items() if of == extract):,}" for extract in extracts), style="bold")
    for place in (place for place in Place if any((place, extract) in rows for extract in extracts)):
        table.add_row(place, *(f"{rows[place, extract]:,}" if rows.get((place, extract)) else "" for extract in extracts))
    return table


def _linked(rows: Sequence[Row]) -> Table:
    table = _table(("", False), ("linked", True), ("of", True), ("share", True))
    for row in rows:
        table.add_row(row["extract"], f"{row['linked']:,}", f"{row['traced']:,}", _percent(row["percent"]))
    return table


def _bands(rows: Sequence[Row]) -> Table:
    table = _table(("band", False), ("people", True), ("share", True), ("mean cost", True), ("", False))
    widest = max((row["share"] or 0 for row in rows), default=0) or 1
    for row in rows:
        mean = "" if row["mean_cost"] is None else f"£{row['mean_cost']:,.0f}"
        table.add_row(row["band"], _count(row["people"]), _percent(row["share"]), mean, Text("▇" * round(24 * (row["share"] or 0) / widest), style="cyan"))
    return table


def _condition(rows: Sequence[Row]) -> Table:
    table = _table(("", False), ("people", True), ("of", True), ("share", True))
    for row in rows:
        of, share = ("", "") if row["unit"] == "count" else (_count(row["denominator"]), _percent(row["value"]))
        table.add_row(row["measure_name"], _count(row["numerator"]), of, share)
    return table


def _attacked(accounts: Sequence[Row]) -> str:
    """What the attack on the release came to, over all tables."""
    cells, suppressed = (sum(row[column] for row in accounts) for column in ("cells", "suppressed"))
    earlier = max((row["releases"] for row in accounts), default=0)
    known = f"every table and {earlier} earlier {'release' if earlier == 1 else 'releases'}"
    return f"{suppressed:,} of {cells:,} numbers are suppressed; attacked with {known}, this release narrows none that the rule hides."

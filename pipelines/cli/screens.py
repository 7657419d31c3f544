"""What a command shows: progress while it works, then a last screen. With --json, one JSON document instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bcf_linkage.definitions.outcomes import Outcome
from pipelines.support.progress import subscribe
from pipelines.workspace.summary import Row, Summary

if TYPE_CHECKING:
    # For annotations only: importing these at run time would slow down every command.
    from expectations.report import FileReport
    from pipelines.admin.promises.check_promises import PromiseResult
    from pipelines.cli.doctor import SetupCheck
    from pipelines.cli.queries import QueryResult
    from pipelines.cli.trace_files import TraceReport

SUPPRESSED = "suppressed"
OUTCOME_NOTE = (
    f"{Outcome.LINKED}: traced to a person on the GP register. {Outcome.NOT_REGISTERED}: a valid NHS number that is not on the register. "
    f"{Outcome.UNLINKED}: no person found; the row is kept under a pseudonym of its own. Rows with any other outcome are not used."
)
PUBLISHED_FILES = (
    ("reports/linkage_quality.html", "linkage quality: read it and sign it"),
    ("reports/governance.html", "information governance: data flows, agreements, draft documents"),
    ("cohorts.duckdb", "all published tables, for DuckDB"),
    ("csv/", "the same tables, for a spreadsheet"),
    ("tables/", "the same tables, as Parquet"),
)
"""Path in the published folder, and what it is: reports first."""


class Screen:
    """The output of one command. Progress goes to standard error, so that standard output can be piped."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(soft_wrap=as_json)

    @contextmanager
    def show_progress(self) -> Iterator[None]:
        """Show a bar that follows the steps announced within the block. Without a terminal, print one line for each step."""
        if self.as_json:
            yield
            return
        if not sys.stderr.isatty():
            stderr = Console(stderr=True)
            with subscribe(lambda step, number, steps: stderr.print(f"[{number}/{steps}] {step}", markup=False, highlight=False)):
                yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=None)
            with subscribe(lambda step, number, steps: bar.update(task, description=step, completed=number - 1, total=steps)):
                yield

    def print_json(self, document: object) -> None:
        """Print one JSON document on standard output."""
        self.console.print(json.dumps(document, default=str, ensure_ascii=False, indent=2), markup=False, highlight=False)

    def show_summary(self, summary: Summary, demo: bool = False) -> None:
        """Show the last screen of a run: what was read, linked, counted and protected, and where it is."""
        if self.as_json:
            self.print_json(summary.as_json())
            return
        self.console.print()
        self.console.print(f"[bold]{summary.locality}[/bold], {summary.period_start:%-d %B %Y} to {summary.period_end:%-d %B %Y}", highlight=False)
        if demo:
            self.console.print("Every person here is made up: this shows how the system works, not a place.", style="dim")
        self.console.print(_headline(summary), highlight=False)
        self._print("Rows read, by outcome", _outcomes_table(summary.outcomes))
        self.console.print(OUTCOME_NOTE, style="dim", highlight=False)
        self._print("Rows traced, and the share linked to the GP register", _linked_table(summary.linked))
        self._print("People by resource-utilisation band: the first five share the NHS cost equally", _bands_table(summary.risk_bands))
        self._print("Joint assessment and accountable lead professional", _condition_table(summary.condition))
        self._print_protection(summary)
        self._print_files(summary)

    def _print_protection(self, summary: Summary) -> None:
        self.console.print("\n[bold]Small numbers[/bold]", highlight=False)
        self.console.print(f"{summary.rule}. {_attack_summary(summary.disclosure)}", highlight=False)

    def _print_files(self, summary: Summary) -> None:
        published = summary.published
        workspace = published.parent.parent
        self._print_line(f"\n[bold]Published[/bold] in {published}")
        width = max(len(path) for path, _ in PUBLISHED_FILES)
        for path, words in PUBLISHED_FILES:
            self._print_line(f"  {path:<{width}}  [dim]{words}[/dim]")
        self._print_line(
            f"\n[bold]Audit[/bold] in {workspace / 'audit' / summary.run_id}\n  [dim]the exact ledger, and the manifest of all inputs and outputs[/dim]"
        )
        query = f'bcf query {workspace} "select band, people, mean_cost from risk_bands"'
        self.console.print(f"\nNext: open {PUBLISHED_FILES[0][0]}, or ask a question of your own:\n  {query}", soft_wrap=True, highlight=False, markup=False)

    def show_synthetic_files(self, files: Sequence[Row]) -> None:
        """Show the files that `bcf synth` wrote."""
        if self.as_json:
            self.print_json(files)
            return
        self._print("Files written. Every person is made up.", _rows_table(files))

    def show_new_workspace(self, paths: Sequence[Path]) -> None:
        """Show the folders and files that `bcf init` made."""
        if self.as_json:
            self.print_json([str(path) for path in paths])
            return
        for path in paths:
            self._print_line(str(path))
        self._print_line(f"\nNext: fill in {paths[0]}, put the deliveries under landing/, and run `bcf doctor {paths[0].parent}`.")

    def show_schema(self, listing: Sequence[Row]) -> None:
        """Show the declared extracts, or the columns of one."""
        if self.as_json:
            self.print_json(listing)
            return
        self._print("", _rows_table([{name: value for name, value in row.items() if name not in ("codes", "source")} for row in listing]))

    def show_rows(self, result: QueryResult) -> None:
        """Show the rows of a query."""
        rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
        if self.as_json:
            self.print_json(rows)
            return
        self._print("", _rows_table(rows, result.columns))

    def show_message(self, document: Mapping[str, object], words: str) -> None:
        """Show one result: the document with --json, otherwise the words."""
        if self.as_json:
            self.print_json(document)
        else:
            self.console.print(words, soft_wrap=True, highlight=False, markup=False)

    def show_table(self, rows: Sequence[Row]) -> None:
        """Show one line for each row."""
        if self.as_json:
            self.print_json(rows)
        else:
            self._print("", _rows_table(rows))

    def show_file_report(self, report: FileReport, report_path: Path | None) -> None:
        """Show the result of `bcf check`."""
        if self.as_json:
            self.print_json(report.as_json())
            return
        self.console.print(report.as_text(), markup=False, highlight=False)
        if report_path:
            self._print_line(f"Report: {report_path}")

    def show_trace_report(self, report: TraceReport) -> None:
        """Show the counts of `bcf trace`."""
        outcomes = [{"outcome": outcome, "why": reason, "records": records} for outcome, reason, records in report.outcomes]
        if self.as_json:
            document = {"records": report.records, "linked": report.linked, "people_on_register": report.people, "outcomes": outcomes}
            more = {"people_found_twice": report.found_twice, "dates_not_read": report.unread_dates, "keys_skipped": report.skipped}
            self.print_json({**document, **more, "out": str(report.out)})
            return
        self._print(f"{report.linked:,} of {report.records:,} records found among {report.people:,} people", _rows_table(outcomes))
        if report.found_twice:
            self._print_line(f"{report.found_twice:,} people were found for more than one record.")
        if report.unread_dates:
            self._print_line(f"{report.unread_dates:,} dates of birth are not real dates and were not used.")
        for key, records in report.skipped.items():
            self._print_line(f"{records:,} records were not compared by {key}, because too many people share theirs.")
        self.console.print(f"\nResults: {report.out}", soft_wrap=True, highlight=False, markup=False)

    def show_setup_checks(self, checks: Sequence[SetupCheck]) -> None:
        """Show the results of `bcf doctor`."""
        if self.as_json:
            self.print_json([{"subject": check.subject, "passed": check.passed, "words": check.words} for check in checks])
            return
        width = max((len(check.subject) for check in checks), default=0)
        for check in checks:
            mark = ("ok   ", "green") if check.passed else ("wrong", "bold red")
            self.console.print(Text.assemble(mark, f"  {check.subject:<{width}}  {check.words}"), soft_wrap=True)
        wrong = sum(not check.passed for check in checks)
        conclusion = f"{wrong} of {len(checks)} checks failed: do what the lines marked wrong say." if wrong else f"All {len(checks)} checks passed."
        self._print_line(f"\n{conclusion}")

    def show_promises(self, results: Sequence[PromiseResult]) -> None:
        """Show the results of `bcf audit promises`."""
        if self.as_json:
            self.print_json([result.as_json() for result in results])
            return
        for result in results:
            mark = ("kept  ", "green") if result.is_kept else ("BROKEN", "bold red")
            self.console.print(Text.assemble(f"{result.promise.number:>2}  ", mark, "  ", (result.promise.words, "bold")), soft_wrap=True)
            for check in result.evidence:
                self.console.print(Text(f"{'' if check.passed else '!':>10}  {check.words}", "dim" if check.passed else "red"), soft_wrap=True)
        broken = [str(result.promise.number) for result in results if not result.is_kept]
        conclusion = f"Broken: {', '.join(broken)}." if broken else f"All {len(results)} promises are kept."
        self._print_line(f"\n{conclusion} --json shows the rules behind each promise.")

    def _print(self, title: str, table: Table) -> None:
        if title:
            self.console.print(f"\n[bold]{title}[/bold]", highlight=False)
        self.console.print(table)

    def _print_line(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, highlight=False)


def _headline(summary: Summary) -> str:
    """Say in one sentence what was read and linked."""
    read = sum(row["rows"] for row in summary.outcomes)
    extracts = len({row["extract"] for row in summary.outcomes})
    linked, traced = (sum(row[column] for row in summary.linked) for column in ("linked", "traced"))
    share = f"{100 * linked / traced:.1f}%" if traced else "none"
    return f"Run {summary.run_id} read {read:,} rows of {extracts} extracts and linked {share} of the {traced:,} traced rows to the GP register."


def _table(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, is_number in columns:
        table.add_column(name, justify="right" if is_number else "left")
    return table


def _rows_table(rows: Sequence[Row], columns: Sequence[str] = ()) -> Table:
    names = list(columns) or list(rows[0] if rows else [])
    table = _table(*((name, bool(rows) and all(isinstance(row[name], int | float) or row[name] is None for row in rows)) for name in names))
    for row in rows:
        table.add_row(*(Text(_format_value(row[name])) for name in names))
    return table


def _format_value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _format_count(value: int | None) -> str:
    return SUPPRESSED if value is None else f"{value:,}"


def _format_percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}%"


def _outcomes_table(outcomes: Sequence[Row]) -> Table:
    """Build one line per outcome that has rows, and one column per extract. The table fits a terminal of eighty columns."""
    extracts = list(dict.fromkeys(row["extract"] for row in outcomes))
    rows = {(row["outcome"], row["extract"]): row["rows"] for row in outcomes}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", max_width=14)
    for extract in extracts:
        table.add_column(extract.replace("_", "\n"), justify="right", vertical="bottom", no_wrap=True)
    table.add_row("read", *(f"{sum(row['rows'] for row in outcomes if row['extract'] == extract):,}" for extract in extracts), style="bold")
    for outcome in (outcome for outcome in Outcome if any((outcome, extract) in rows for extract in extracts)):
        table.add_row(outcome, *(f"{rows[outcome, extract]:,}" if rows.get((outcome, extract)) else "" for extract in extracts))
    return table


def _linked_table(rows: Sequence[Row]) -> Table:
    table = _table(("extract", False), ("linked", True), ("traced", True), ("share", True))
    for row in rows:
        table.add_row(row["extract"], f"{row['linked']:,}", f"{row['traced']:,}", _format_percent(row["percent"]))
    return table


def _bands_table(rows: Sequence[Row]) -> Table:
    table = _table(("band", False), ("people", True), ("share", True), ("mean cost", True), ("", False))
    widest = max((row["share"] or 0 for row in rows), default=0) or 1
    for row in rows:
        mean = "" if row["mean_cost"] is None else f"£{row['mean_cost']:,.0f}"
        table.add_row(
            row["band"], _format_count(row["people"]), _format_percent(row["share"]), mean, Text("▇" * round(24 * (row["share"] or 0) / widest), style="cyan")
        )
    return table


def _condition_table(rows: Sequence[Row]) -> Table:
    table = _table(("measure", False), ("people", True), ("of", True), ("share", True))
    for row in rows:
        of, share = ("", "") if row["unit"] == "count" else (_format_count(row["denominator"]), _format_percent(row["value"]))
        table.add_row(row["measure_name"], _format_count(row["numerator"]), of, share)
    return table


def _attack_summary(accounts: Sequence[Row]) -> str:
    """Say how many numbers are suppressed, and what the test attack on the release found."""
    cells, suppressed = (sum(row[column] for row in accounts) for column in ("cells", "suppressed"))
    earlier = max((row["releases"] for row in accounts), default=0)
    more = f" and {earlier} earlier {'release' if earlier == 1 else 'releases'}" if earlier else ""
    return (
        f"{suppressed:,} of {cells:,} published numbers are suppressed. A test attack that combines all tables{more} narrows down no suppressed small number."
    )

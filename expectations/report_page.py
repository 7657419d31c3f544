"""The report of a file as one web page that loads nothing else. A supplier can open it, print it and have it read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.pages.charts import BAR, GAP, LABEL, PLOT, draw_picture
from bcf_linkage.pages.elements import Cell, html_document, number, paragraph, table, text
from expectations.gate import percent_text
from expectations.report import FileReport, RuleFinding, rows_text

MAX_BARS = 12
"""The number of rules in the chart."""

MAX_LABEL = 36
"""The number of characters of a label that fit beside its bar."""

STYLE = """
.bar { fill: #005eb8; } .bar.breached { fill: #b3200e; } .tolerance { stroke: #212b32; stroke-width: 2; }
tbody th, tbody td:nth-child(2):not(.number) { min-width: 10rem; overflow-wrap: anywhere; } tbody td:nth-child(5) { min-width: 11rem; }
@media (max-width: 40rem) { .wide svg { max-width: none; width: 44rem; } }
"""
"""The colours of the chart, and column names that break anywhere. On a narrow screen the chart scrolls sideways, so that it stays readable."""


def render_report_page(report: FileReport) -> str:
    """Render the report as HTML. The page loads nothing, runs no script and contains no value of the file."""
    rows_read = f"{report.rows:,} rows were read as {report.extract}: {EXTRACTS[report.extract].grain} a row."
    return html_document(
        f"{report.file}: {report.extract}",
        (
            f"<h1>Check of {escape(report.file)}</h1>",
            paragraph(report.conclusion, f"outcome {'green' if report.accepted else 'red'}"),
            paragraph(f"{rows_read} Row 1 is the first below the header. This page contains no value of the file."),
            *_unreadable(report),
            *_chart(report),
            *_rules(report),
        ),
        style=STYLE,
    )


def _unreadable(report: FileReport) -> Iterator[str]:
    if report.unreadable:
        names = (text("Reason"), number("Rows"), text("Where"))
        rows = ((text(u.words), number(f"{u.rows:,}"), text(rows_text(u.first_rows, u.rows))) for u in report.unreadable)
        yield "<h2>Rows that cannot be read</h2>"
        yield table("Rows that cannot be read, by reason.", names, rows)


def _chart(report: FileReport) -> Iterator[str]:
    """Yield a bar for each of the rules that most rows break, with the share as a number beside it and a line at the tolerance."""
    most_broken = report.broken[:MAX_BARS]
    if not most_broken:
        return
    shares = "; ".join(f"{_rule_label(finding)}: {percent_text(finding.failed, finding.rows)}" for finding in most_broken)
    description = f"{shares}. A line marks the tolerance, a red bar a rule beyond it by more than chance."
    yield "<h2>Rules that most rows break</h2>"
    title, height = "Share of rows that break each rule", len(most_broken) * (BAR + GAP) + GAP
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{title}">'
    yield draw_picture("chart", title, description, height, _bars(most_broken))
    yield "</div>"
    yield paragraph("A line marks the tolerance where it fits in the chart. A red bar, also marked “beyond”, exceeds the tolerance by more than chance.")


def _bars(findings: tuple[RuleFinding, ...]) -> Iterator[str]:
    max_share = max(_share(finding) for finding in findings)
    for position, finding in enumerate(findings):
        top = GAP + position * (BAR + GAP)
        length, baseline = max(1.0, PLOT * _share(finding) / max_share), top + BAR - 5
        yield f'<text x="{LABEL - 8}" y="{baseline}" text-anchor="end">{escape(_rule_label(finding, MAX_LABEL))}</text>'
        yield f'<rect class="bar{" breached" if finding.breached else ""}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}"/>'
        text_x = LABEL + length + 8
        if finding.tolerance is not None and finding.tolerance.percent <= max_share:
            x = LABEL + PLOT * finding.tolerance.percent / max_share
            text_x = max(text_x, x + 8)
            yield f'<line class="tolerance" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 3}" y2="{top + BAR + 3}"/>'
        share_text = percent_text(finding.failed, finding.rows) + (", beyond" if finding.breached else "")
        yield f'<text x="{text_x:.1f}" y="{baseline}">{share_text}</text>'


def _rules(report: FileReport) -> Iterator[str]:
    names = (
        *(text(name) for name in ("Column", "Rule")),
        *(number(name) for name in ("Rows that break it", "Share")),
        *(text(name) for name in ("Tolerance", "Outcome", "Consequence", "Where")),
    )
    findings = (*report.broken, *(finding for finding in report.findings if not finding.failed))
    breached = [position for position, finding in enumerate(findings) if finding.breached]
    yield "<h2>Every rule</h2>"
    yield table("The rules that rows break come first, then those that every row keeps.", names, map(_rule_cells, findings), marked=breached)


def _rule_cells(finding: RuleFinding) -> tuple[Cell, ...]:
    tolerance = finding.tolerance
    return (
        text(finding.column),
        text(finding.words),
        number(f"{finding.failed:,}"),
        number(percent_text(finding.failed, finding.rows)),
        text("" if tolerance is None else f"{tolerance.percent:g}%, {tolerance.owner}: {tolerance.reason}"),
        text(finding.status),
        text(finding.consequence if finding.failed else ""),
        text(rows_text(finding.first_rows, finding.failed) if finding.failed else ""),
    )


def _share(finding: RuleFinding) -> float:
    return 100 * finding.failed / finding.rows


def _rule_label(finding: RuleFinding, max_length: int | None = None) -> str:
    """Return the column and the rule. To fit the length, only the name of the column is cut."""
    column, rule = finding.column, finding.rule.replace("_", " ")
    room = len(column) if max_length is None else max_length - len(rule) - 2
    return f"{column if len(column) <= room else f'{column[: room - 1]}…'}, {rule}"

"""A file's report as one web page that needs nothing else: its supplier can open it, print it and have it read aloud."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from bcf_linkage.definitions.extracts import EXTRACTS
from expectations.gate import percent
from expectations.report import FileReport, Finding, in_words

MOST_BARS = 12
NUMBERS = ("Rows", "Share", "Rows that break it")
BAR, GAP, LABEL, PLOT, NUMBER = 18, 10, 330, 340, 110

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #212b32; background: #fff; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.outcome { border-left: 6px solid #005eb8; padding: .6rem 1rem; background: #f0f4f5; font-weight: 600; }
.outcome.refused { border-color: #b3200e; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding-bottom: .4rem; color: #4c6272; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #d8dde0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.breached th, tr.breached td { font-weight: 600; background: #fdf1ef; }
svg { max-width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: #212b32; }
.bar { fill: #005eb8; } .bar.breached { fill: #b3200e; } .tolerance { stroke: #212b32; stroke-width: 2; }
.wide { overflow-x: auto; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } tr, svg { break-inside: avoid; } .wide { overflow: visible; } }
"""


def page(report: FileReport) -> str:
    """The report as HTML. It loads nothing, runs no script and holds no value of the file."""
    title = f"{report.file}: {report.extract}"
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
            f"<h1>Check of {escape(report.file)}</h1>",
            f'<p class="outcome{"" if report.accepted else " refused"}">{escape(report.conclusion)}</p>',
            f"<p>{report.rows:,} rows were read as <code>{escape(report.extract)}</code>: {escape(EXTRACTS[report.extract].grain)} a row. "
            "Row 1 is the first below the header. No value of the file stands on this page.</p>",
            *_unreadable(report),
            *_chart(report),
            *_rules(report),
            "</main>\n</body>\n</html>\n",
        )
    )


def _unreadable(report: FileReport) -> Iterator[str]:
    if report.unreadable:
        rows = (_row(_header(u.words), _number(f"{u.rows:,}"), _cell(in_words(u.first_rows, u.rows))) for u in report.unreadable)
        yield "<h2>Rows that cannot be read</h2>"
        yield _table("Rows by the reason for which they cannot be read.", ("Why", "Rows", "Where"), rows)


def _rules(report: FileReport) -> Iterator[str]:
    names = ("Column", "Rule", "Rows that break it", "Share", "Tolerance", "Outcome", "What becomes of them", "Where")
    kept = (finding for finding in report.findings if not finding.failed)
    yield "<h2>Every rule</h2>"
    yield _table("The rules that rows break come first, then those that every row keeps.", names, map(_rule, (*report.broken, *kept)))


def _rule(finding: Finding) -> str:
    tolerance = finding.tolerance
    return _row(
        _header(finding.column),
        _cell(finding.words),
        _number(f"{finding.failed:,}"),
        _number(percent(finding.failed, finding.rows)),
        _cell("" if tolerance is None else f"{tolerance.percent:g}%, {tolerance.owner}: {tolerance.reason}"),
        _cell(finding.verdict),
        _cell(finding.consequence if finding.failed else ""),
        _cell(in_words(finding.first_rows, finding.failed) if finding.failed else ""),
        marked=finding.breached,
    )


def _table(caption: str, names: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f'<th scope="col"{" class=number" if name in NUMBERS else ""}>{escape(name)}</th>' for name in names)
    body = "\n".join(rows)
    region = f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">'
    return f"{region}<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"


def _row(*cells: str, marked: bool = False) -> str:
    return f"<tr{' class=breached' if marked else ''}>{''.join(cells)}</tr>"


def _header(text: str) -> str:
    return f'<th scope="row">{escape(text)}</th>'


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _chart(report: FileReport) -> Iterator[str]:
    """A bar for each of the most broken rules, its share of rows as a number beside it, a stroke at the tolerance."""
    shown = report.broken[:MOST_BARS]
    if not shown:
        return
    widest = max(100 * f.failed / f.rows for f in shown)
    height = len(shown) * (BAR + GAP) + GAP
    told = "; ".join(f"{f.column}, {f.rule.replace('_', ' ')}: {percent(f.failed, f.rows)}" for f in shown)
    yield "<h2>What is broken most</h2>"
    yield f'<svg role="img" aria-labelledby="chart-title chart-text" viewBox="0 0 {LABEL + PLOT + NUMBER} {height}">'
    yield '<title id="chart-title">Share of rows that break each rule</title>'
    yield f'<desc id="chart-text">{escape(told)}. A stroke marks the tolerance, a red bar a rule beyond it by more than chance.</desc>'
    for position, finding in enumerate(shown):
        yield from _bar(finding, GAP + position * (BAR + GAP), widest)
    yield "</svg>"
    yield "<p>A stroke marks the tolerance where it lies within the picture. A bar beyond it by more than chance is red and says so.</p>"


def _bar(finding: Finding, top: int, widest: float) -> Iterator[str]:
    share = 100 * finding.failed / finding.rows
    length, middle = max(1.0, PLOT * share / widest), top + BAR - 5
    label = f"{finding.column}, {finding.rule.replace('_', ' ')}"
    yield f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">{escape(_short(label))}</text>'
    yield f'<rect class="bar{" breached" if finding.breached else ""}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}"/>'
    if finding.tolerance is not None and finding.tolerance.percent <= widest:
        at = LABEL + PLOT * finding.tolerance.percent / widest
        yield f'<line class="tolerance" x1="{at:.1f}" x2="{at:.1f}" y1="{top - 3}" y2="{top + BAR + 3}"/>'
    said = percent(finding.failed, finding.rows) + (", beyond" if finding.breached else "")
    yield f'<text x="{LABEL + length + 8:.1f}" y="{middle}">{said}</text>'


def _short(label: str, most: int = 48) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"

"""Sections F, H and J: implausible links, the effect of the linkage rule on the counts, and the evidence for the links."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, bullets, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.sensitivity import DEFAULT, LOOSE, STRICT, UNSCORED
from bcf_linkage.published.linkage_report.report_data import HIDDEN, LinkageReportData, format_count, label_for, rate_cell
from bcf_linkage.published.published_rows import SensitivityRow

OTHER_RULES = {STRICT: "Strict", UNSCORED: "Without scores", LOOSE: "Loose"}

MAX_PATTERNS = 30
"""Patterns of agreement that are listed."""

FIELD_LETTERS = {"birth_date": "D"}
"""Fields whose letter in a pattern is not their first."""

NOT_DETERMINABLE = (
    "Twins of the same sex merged into one person, among real people: the extracts do not say who is a twin. "
    "Local numbers that share a person (section E) would show it.",
    "Two births under one NHS number, and infants coded as mothers: the extracts have no birth records.",
    "The true state of unlinked records: the clerical sample has linked records only.",
)


def render_implausible(data: LinkageReportData) -> Iterator[str]:
    """Render section F: implausible links by scenario and source."""
    yield "<h2>F. Implausible links</h2>"
    sources = data.sources
    scenarios = {code: name for code, name in data.measure_names("F").items() if data.rules.by_code[code].unit == "per 10,000"}
    rows = [[text(name), *(rate_cell(data.whole_source(code, area), 1, "") for area in sources)] for code, name in scenarios.items()]
    names = [text("Per 10,000 linked"), *(Cell(label_for(area), is_number=True) for area in sources)]
    yield table("Implausible links per 10,000 linked records or stays. Not every one is a false match: the source can be wrong as well.", names, rows)
    yield paragraph("The extracts cannot show:")
    yield bullets(NOT_DETERMINABLE)


def render_sensitivity(data: LinkageReportData) -> Iterator[str]:
    """Render section H: the published counts of the whole locality under other linkage rules."""
    yield "<h2>H. Effect of the linkage rule on the counts</h2>"
    yield paragraph(
        "Strict keeps only links by NHS number and full date of birth. Without scores drops the links that a match weight decided. Loose adds the best "
        "candidate of each unlinked record, unverified. The range from strict to loose shows the possible effect of linkage error: missed links make a count "
        "too low, and wrong links move people between groups."
    )
    rows: dict[tuple[str, str], dict[str, SensitivityRow]] = {}
    for row in data.sensitivity:
        rows.setdefault((row["table"], row["measure_name"]), {})[row["rule"]] = row
    body, marked = [], []
    for n, ((published, name), by_rule) in enumerate(sorted(rows.items())):
        body.append(
            [text(name), text(label_for(published)), number(format_count(by_rule[DEFAULT]["people"])), *(_shift_cell(by_rule[rule]) for rule in OTHER_RULES)]
        )
        if any(by_rule[rule]["moved"] for rule in OTHER_RULES):
            marked.append(n)
    names = [text("Cohort"), text("Table"), *(Cell(name, is_number=True) for name in ("Published", *OTHER_RULES.values()))]
    yield table("People in the whole locality as published, and the change under each other rule. Rows that change are shaded.", names, body, marked=marked)


def _shift_cell(row: SensitivityRow) -> Cell:
    if row["moved"] is None:
        return number(HIDDEN)
    return number("0" if not row["moved"] else f"{row['moved']:+,} ({row['moved_percent']:+.1f}%)")


def render_evidence(data: LinkageReportData) -> Iterator[str]:
    """Render section J: match weights, margins and patterns of agreement of the scored records."""
    yield "<h2>J. Evidence for the links</h2>"
    scored = {kind: _sum_by_group(data, kind) for kind in ("score", "margin", "pattern")}
    if not scored["score"]:
        yield paragraph("No record was scored in this run, or too few to show: links depend on the NHS number or on demographics that agree exactly.")
        return
    for kind, title in (
        ("score", "Records by match weight of their best candidate, in bits"),
        ("margin", "Records by margin over the next candidate, in bits"),
    ):
        bars = sorted(scored[kind].items(), key=lambda pair: float(pair[0]))
        if not bars:
            yield paragraph(f"{title}: too few to show.", "aside")
            continue
        yield charts.draw_columns(kind, title, [(group, float(size)) for group, size in bars], "records")
        yield paragraph(title + ". Each column starts at the number below it. Empty and hidden bands are left out.", "aside")
    patterns = sorted(scored["pattern"].items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_PATTERNS]
    rows = [(Cell(pattern, markup=f"<code>{escape(pattern)}</code>"), number(format_count(size))) for pattern, size in patterns]
    fields = ", ".join(f"{FIELD_LETTERS.get(field, field[0].upper())} {label_for(field)}" for field in data.fields)
    yield table(
        f"The most common patterns of agreement: a letter for each field ({fields}), then = agrees, ~ agrees in part, - disagrees.",
        (text("Pattern"), Cell("Records", is_number=True)),
        rows,
    )


def _sum_by_group(data: LinkageReportData, kind: str) -> dict[str, int]:
    """Add up the records of each group over all sources, where they are shown."""
    totals: dict[str, int] = {}
    for (measure, _, group_type, group), row in data.figures.items():
        if measure == kind and group_type == kind and row["numerator"]:
            totals[group] = totals.get(group, 0) + row["numerator"]
    return totals

"""Section E: precision and recall, estimated without labels, and the linkage validation that the estimates depend on."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES
from bcf_linkage.published.linkage_report.error_checks import render_by_duplicates, render_clerical_review
from bcf_linkage.published.linkage_report.report_data import HIDDEN, LinkageReportData, at_least_prefix, format_count, format_truth, label_for
from bcf_linkage.published.published_rows import FigureRow, SummaryRow

REVIEWED_PREFIX = "reviewed"
"""Beginning of the codes of the clerical review's figures."""


def render_errors(data: LinkageReportData) -> Iterator[str]:
    """Render section E: the estimates, with the truth where it is known, their checks, and the validation figures."""
    yield "<h2>E. Precision and recall, estimated without labels</h2>"
    yield paragraph(
        "The hold-out sample is people whose NHS number and full date of birth were confirmed. Their number is hidden and the trace runs again: "
        "this shows missed and wrong links. Then they are taken off the register, where every link is wrong. Then they get another person's number. The "
        "estimates apply to people like those who have a number: people whose records are poorer in every field are missed more often. A source without "
        "names is judged by its positive control: records that name a practice of the locality, which should all be found."
    )
    for code, name in (("precision", "Precision"), ("recall", "Recall")):
        yield from _render_estimates(data, code, name)
    names = ["Source", "Estimated precision", "Estimated recall", "Estimated F1"]
    if data.is_synthetic:
        names = ["Source", "Precision, estimated", "true", "Recall, estimated", "true", "F1, estimated", "true"]
    rows = [[text(label_for(area)), *(cell for code in ("precision", "recall", "f1") for cell in _estimate_cells(data, code, area))] for area in data.areas]
    yield table(
        "Estimates with 95% intervals. An interval is wider where the positive control is lower than the estimate.",
        [text(names[0]), *(Cell(n, is_number=True) for n in names[1:])],
        rows,
        totals=[0],
    )
    yield from _render_by_group(data)
    yield from render_by_duplicates(data)
    yield from render_clerical_review(data)
    yield from _render_validation(data)


def _render_estimates(data: LinkageReportData, code: str, name: str) -> Iterator[str]:
    """Render the chart of one estimate by source, with the target, and the truth where it is known."""
    estimated = [(area, row, row["value"]) for area in data.areas if (row := data.summary[code, area])["value"] is not None]
    if not estimated:
        yield paragraph(f"{name} cannot be estimated in this run: the trace found nobody whose number was hidden, so the share that it misses is not known.")
        return
    points = [
        charts.Estimate(label_for(area), value or 0.0, row["lower"], row["upper"], _estimate_text(row), _true_midpoint(row)) for area, row, value in estimated
    ]
    lowest = min([p.lower for p in points] + [p.other for p in points if p.other is not None])
    low = next(step for step in (99.5, 99, 98, 95, 90, 80, 50, 0) if lowest >= step)
    target = {t.code: t.green for t in data.rules.thresholds}.get(code)
    yield charts.draw_intervals(code, f"{name}, estimated, percent", points, low, 100, target)
    key = "A point is an estimate and its line the interval" + ("; a diamond is the truth" if data.is_synthetic else "")
    yield paragraph(f"{name}. {key}{f'; the dashed line is the target of {target:g}%' if target else ''}.", "aside")


def _true_midpoint(row: SummaryRow) -> float | None:
    return None if row["truth_lower"] is None else (row["truth_lower"] + row["truth_upper"]) / 2


def _estimate_text(row: SummaryRow) -> str:
    return f"{at_least_prefix(row)}{row['value']:.2f}%" + (f", true {format_truth(row)}" if format_truth(row) else "")


def _estimate_cells(data: LinkageReportData, code: str, area: str) -> Iterator[Cell]:
    """Yield the cell of an estimate and, for made-up people, that of the truth."""
    row = data.summary[code, area]
    if row["value"] is None:
        yield number("not known")
    else:
        ends = "" if code == "f1" else f" ({row['lower']:.2f} to {row['upper']:.2f})"
        yield number(f"{at_least_prefix(row)}{row['value']:.2f}%{ends}")
    if data.is_synthetic:
        yield number(format_truth(row))


def _render_by_group(data: LinkageReportData) -> Iterator[str]:
    """Render E1: precision and recall of the hold-out sample by age and sex, over all sources."""
    missed_by_group = {(kind, group): row for (measure, _, kind, group), row in data.figures.items() if measure == "holdout_missed" and kind != ALL}
    if not missed_by_group:
        return
    yield "<h3>Hold-out sample by age and sex</h3>"
    yield paragraph(
        "Over all sources, because the sample of one source is too small. It describes people with verified numbers, whose number was hidden. "
        "People who have no number may be found less often."
    )
    rows = []
    for (kind, group), missed in sorted(missed_by_group.items()):
        wrong = data.figures.get(("holdout_wrong", ALL_SOURCES, kind, group))
        shares = [_complement(row) for row in (wrong, missed)]
        values = [share[0] for share in shares if share]
        f1 = 2 * values[0] * values[1] / (sum(values) or 1) if len(values) == 2 else None
        cells = [number(HIDDEN if share is None else f"{share[0]:.2f}% ({share[1]:.2f} to {share[2]:.2f})") for share in shares]
        rows.append([text(group), number(format_count(missed["denominator"])), *cells, number(HIDDEN if f1 is None else f"{f1:.2f}%")])
    names = [text("Group"), *(Cell(name, is_number=True) for name in ("People", "Precision", "Recall", "F1"))]
    yield table("Precision, recall and F1 on demographics alone, with 95% intervals.", names, rows)


def _complement(row: FigureRow | None) -> tuple[float, float, float] | None:
    """Return 100% less an error rate per 10,000, in percent, with its interval. None where the rate is not shown."""
    if row is None or row["value"] is None:
        return None
    return 100 - row["value"] / 100, 100 - row["upper"] / 100, 100 - row["lower"] / 100


def _render_validation(data: LinkageReportData) -> Iterator[str]:
    """Render the figures of the linkage validation, but those of the truth and of the clerical review."""
    yield "<h3>Linkage validation and controls</h3>"
    counted = [
        figure for code, figure in data.rules.by_code.items() if code in data.measure_names("E") and not figure.truth and not code.startswith(REVIEWED_PREFIX)
    ]
    heads = [text("Figure"), *(Cell(label_for(area), is_number=True) for area in data.areas)]
    body = [
        [text(f.name + (", per 10,000" if f.unit == "per 10,000" else "")), *(_validation_cell(data.whole_source(f.code, area)) for area in data.areas)]
        for f in counted
    ]
    yield table("Counts of people or records, and rates. In general practice, a person who changes practice has several local numbers.", heads, body)


def _validation_cell(row: FigureRow | None) -> Cell:
    if row is None or row["status"] == "not applicable":
        return number("")
    if row["unit"] == "count" or row["value"] is None:
        return number(format_count(row["numerator"]))
    return number(f"{row['value']:.2f}%" if row["unit"] == "percent" else f"{row['value']:.1f}")

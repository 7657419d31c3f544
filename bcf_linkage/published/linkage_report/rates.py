"""Section D: match rates by source and group. Section G: linked people compared with unlinked people."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import ceil

from bcf_linkage.definitions.linkage_rules import Characteristic
from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_report.report_data import HIDDEN, LinkageReportData, format_count, format_interval, label_for
from bcf_linkage.published.published_rows import DifferenceRow, FigureRow

MAX_GROUPS = 20
"""Groups of a characteristic that are all listed. Of more, only those with a low match rate are."""

MAX_DIFFERENCES = 15
"""Differences in the chart of section G."""

BELOW, ABOVE, HARD_SPACE = "▼", "▲", "\N{NO-BREAK SPACE}"


def render_match_rates(data: LinkageReportData) -> Iterator[str]:
    """Render section D: the match rate of each source, and of its groups."""
    yield "<h2>D. Match rate</h2>"
    rows = [(area, data.whole_source("linked", area)) for area in data.areas]
    points = [charts.Estimate(label_for(area), r["value"], r["lower"], r["upper"], format_interval(r, 1)) for area, r in rows if r and r["value"] is not None]
    target = data.rules.threshold("match_rate").green
    low = min([5.0 * int(p.lower / 5) for p in points] + [90.0])
    yield charts.draw_intervals("match", "Match rate of each source, percent, with 95% interval", points, low, 100, target)
    yield paragraph(f"The dashed line is the target of {target:g}%.", "aside")
    yield paragraph(
        "The match rate of people who registered recently is not known: the register has the date of registration, but records that are not linked do not."
    )
    for characteristic in data.rules.characteristics:
        yield from _render_by_characteristic(data, characteristic)


def _render_by_characteristic(data: LinkageReportData, characteristic: Characteristic) -> Iterator[str]:
    """Render the match rates of the groups of one characteristic. Nothing if no source has it."""
    code = characteristic.code
    groups = sorted({group for measure, _, kind, group in data.figures if measure == "linked" and kind == code}, key=_sort_key)
    areas = [area for area in data.areas if any(("linked", area, code, group) in data.figures for group in groups)]
    shown, note = groups, ""
    if len(groups) > MAX_GROUPS:
        shown = [g for g in groups if any((row := data.figures.get(("linked", area, code, g))) and _is_below_source(row) for area in areas)]
        note = f" Of {len(groups)} groups, only those below the match rate of a source are listed. All are in the table linkage_quality."
    if not groups:
        return
    yield f"<h3>{escape(characteristic.name)}</h3>"
    if not shown:
        yield paragraph(f"None of {len(groups)} groups is below the match rate of its source by more than chance. All are in the table linkage_quality.")
        return
    names = [text("Group"), Cell("Records", is_number=True), *(Cell(label_for(area), is_number=True) for area in areas)]
    rows = [
        [text(group), _records_cell(data, areas[0], code, group), *(_rate_cell(data.figures.get(("linked", area, code, group))) for area in areas)]
        for group in shown
    ]
    yield table(
        f"Match rate by {_within_sentence(characteristic.name)}: {BELOW} and {ABOVE} mark a group whose 95% interval excludes the rate of its source, "
        f"with the difference in percentage points.{note}",
        names,
        rows,
    )


def _within_sentence(name: str) -> str:
    """Return a name as it is within a sentence."""
    return name if name.startswith("NHS") else name[0].lower() + name[1:]


def _sort_key(group: str) -> tuple[bool, str]:
    """Sort by name, with groups such as "Not recorded" last."""
    return group.startswith(("Not ", "Another")), group


def _records_cell(data: LinkageReportData, area: str, code: str, group: str) -> Cell:
    row = data.figures.get(("linked", area, code, group))
    return number(format_count(row["denominator"] if row else None))


def _rate_cell(row: FigureRow | None) -> Cell:
    if row is None:
        return number("")
    if row["value"] is None:
        return number(HIDDEN if row["status"] == "suppressed" else "")
    if not row["stands_out"]:
        return number(f"{row['value']:.1f}%")
    return number(f"{row['value']:.1f}%{HARD_SPACE}{BELOW if row['gap'] < 0 else ABOVE}{HARD_SPACE}{row['gap']:+.1f}", marked=_is_below_source(row))


def _is_below_source(row: FigureRow) -> bool:
    """Whether the match rate of a group is below that of its source by more than chance."""
    return bool(row["stands_out"]) and row["gap"] < 0


def render_differences(data: LinkageReportData) -> Iterator[str]:
    """Render section G: the largest standardised differences, and all that are shown."""
    yield "<h2>G. Linked and unlinked people compared</h2>"
    yield paragraph(
        "People of each source, by its own records. A standardised difference of more than 0.1 in either direction is marked: results from linked people "
        "alone then describe unlinked people less well. A difference below zero means that unlinked people have the higher value."
    )
    shown = [(row, row["difference"]) for row in data.differences if row["difference"] is not None]
    marked = [(row, difference) for row, difference in shown if row["stands_out"]]
    largest = sorted(marked, key=lambda pair: (-abs(pair[1]), pair[0]["area_code"], pair[0]["characteristic"], pair[0]["group"]))[:MAX_DIFFERENCES]
    if largest:
        points = [charts.Estimate(_short_label(row), difference, min(0, difference), max(0, difference), f"{difference:+.2f}") for row, difference in largest]
        widest = ceil(2 * max(abs(p.value) for p in points)) / 2
        yield charts.draw_intervals("differences", "The largest standardised differences, in standard deviations", points, -widest, widest)
    names = [
        text("Characteristic"),
        text("Source"),
        *(Cell(n, is_number=True) for n in ("Linked people", "Unlinked people", "Linked", "Unlinked", "Difference")),
        text("Note"),
    ]
    ordered = sorted(shown, key=lambda pair: (pair[0]["area_code"], pair[0]["characteristic"], pair[0]["group"]))
    rows = [_difference_cells(row, difference) for row, difference in ordered]
    hidden = len(data.differences) - len(shown)
    yield table(f"Percentages or means. {hidden} comparisons are left out: their numbers are small, or there is no variation.", names, rows)


def _short_label(row: DifferenceRow) -> str:
    return f"{label_for(row['area_code'])}: {_characteristic_label(row)}"[:40]


def _characteristic_label(row: DifferenceRow) -> str:
    """Return the characteristic, with its group if it has one."""
    name = row["characteristic_name"].split(" (")[0].split(",")[0]
    return name if row["group"] == ALL else f"{name} {row['group']}"


def _difference_cells(row: DifferenceRow, difference: float) -> list[Cell]:
    unit = "%" if row["unit"] == "percent" else ""
    return [
        text(_characteristic_label(row)),
        text(label_for(row["area_code"])),
        number(format_count(row["linked_people"])),
        number(format_count(row["unlinked_people"])),
        number(f"{row['linked']:,.1f}{unit}"),
        number(f"{row['unlinked']:,.1f}{unit}"),
        number(f"{difference:+.2f}", marked=bool(row["stands_out"])),
        text("beyond 0.1" if row["stands_out"] else ""),
    ]

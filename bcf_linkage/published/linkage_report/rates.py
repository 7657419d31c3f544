"""Who is matched and who is not (D), and how unlike the linked the unlinked are (G)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import ceil

from bcf_linkage.definitions.linkage_rules import Characteristic
from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_report.told import HIDDEN, Row, Told, count, interval, words

MOST_GROUPS = 20
BELOW, ABOVE, HARD_SPACE = "▼", "▲", "\N{NO-BREAK SPACE}"


def match_rates(told: Told) -> Iterator[str]:
    """D: match rate of each source, and of every group within it."""
    yield "<h2>D. Match rate</h2>"
    rows = [(area, told.whole("linked", area)) for area in told.areas]
    points = [charts.Estimate(words(area), r["value"], r["lower"], r["upper"], interval(r, 1)) for area, r in rows if r and r["value"] is not None]
    target = told.rules.threshold("match_rate").green
    low = min([5.0 * int(p.lower / 5) for p in points] + [90.0])
    yield charts.intervals("match", "Match rate of each source, percent, with its 95% interval", points, low, 100, target)
    yield paragraph(f"The dashed line is the target of {target:g}%.", "aside")
    yield paragraph(
        "Whether the newly arrived are matched less cannot be told: the register says since when somebody is registered, and records of the unlinked do not."
    )
    for characteristic in told.rules.characteristics:
        yield from _by(told, characteristic)


def _by(told: Told, characteristic: Characteristic) -> Iterator[str]:
    code = characteristic.code
    groups = sorted({group for measure, _, kind, group in told.figures if measure == "linked" and kind == code}, key=_in_order)
    areas = [area for area in told.areas if any(("linked", area, code, group) in told.figures for group in groups)]
    shown, note = groups, ""
    if len(groups) > MOST_GROUPS:
        shown = [g for g in groups if any((row := told.figures.get(("linked", area, code, g))) and _is_low(row) for area in areas)]
        note = f" Of {len(groups)} groups only those that are matched less somewhere are listed; all are in the table linkage_quality."
    if not groups:
        return
    yield f"<h3>{escape(characteristic.name)}</h3>"
    if not shown:
        yield paragraph(f"None of {len(groups)} groups is matched less than its source by more than chance; all are in the table linkage_quality.")
        return
    names = [text("Group"), Cell("Records", is_number=True), *(Cell(words(area), is_number=True) for area in areas)]
    rows = [
        [text(group), _records(told, areas[0], code, group), *(_cell(told.figures.get(("linked", area, code, group))) for area in areas)] for group in shown
    ]
    yield table(
        f"Match rate by {_within(characteristic.name)}: {BELOW} and {ABOVE} mark a group whose interval excludes the rate of its source, "
        f"with the gap in points.{note}",
        names,
        rows,
    )


def _within(name: str) -> str:
    """A name within a sentence."""
    return name if name.startswith("NHS") else name[0].lower() + name[1:]


def _in_order(group: str) -> tuple[bool, str]:
    return group.startswith(("Not ", "Another")), group


def _records(told: Told, area: str, code: str, group: str) -> Cell:
    row = told.figures.get(("linked", area, code, group))
    return number(count(row["denominator"] if row else None))


def _cell(row: Row | None) -> Cell:
    if row is None:
        return number("")
    if row["value"] is None:
        return number(HIDDEN if row["status"] == "suppressed" else "")
    if not row["stands_out"]:
        return number(f"{row['value']:.1f}%")
    return number(f"{row['value']:.1f}%{HARD_SPACE}{BELOW if row['gap'] < 0 else ABOVE}{HARD_SPACE}{row['gap']:+.1f}", marked=_is_low(row))


def _is_low(row: Row) -> bool:
    """Whether a group is matched less than its source by more than chance."""
    return bool(row["stands_out"]) and row["gap"] < 0


def differences(told: Told) -> Iterator[str]:
    """G: linked people beside unlinked ones."""
    yield "<h2>G. Linked and unlinked people side by side</h2>"
    yield paragraph(
        "Each source's own records tell of its people. A standardised difference beyond 0.1 either way is remarked: results that rest on linked people alone "
        "then speak less for the others. Below zero, the unlinked have more of it."
    )
    shown = [row for row in told.tables["linkage_differences"] if row["difference"] is not None]
    apart = sorted((r for r in shown if r["stands_out"]), key=lambda r: (-abs(r["difference"]), r["area_code"], r["characteristic"], r["group"]))[:15]
    if apart:
        points = [
            charts.Estimate(_short(row), row["difference"], min(0, row["difference"]), max(0, row["difference"]), f"{row['difference']:+.2f}") for row in apart
        ]
        widest = ceil(2 * max(abs(p.value) for p in points)) / 2
        yield charts.intervals("differences", "The largest standardised differences, in standard deviations", points, -widest, widest)
    names = [
        text("What"),
        text("Source"),
        *(Cell(n, is_number=True) for n in ("Linked people", "Unlinked people", "Linked", "Unlinked", "Difference")),
        text("Remark"),
    ]
    rows = [_difference(row) for row in sorted(shown, key=lambda r: (r["area_code"], r["characteristic"], r["group"]))]
    hidden = len(told.tables["linkage_differences"]) - len(shown)
    yield table(f"Shares in percent, or means. {hidden} comparisons are hidden for small numbers or have no spread.", names, rows)


def _short(row: Row) -> str:
    return f"{words(row['area_code'])}: {_what(row)}"[:40]


def _what(row: Row) -> str:
    """What is compared, and of which group."""
    name: str = row["characteristic_name"].split(" (")[0].split(",")[0]
    return name if row["group"] == ALL else f"{name} {row['group']}"


def _difference(row: Row) -> list[Cell]:
    unit = "%" if row["unit"] == "percent" else ""
    return [
        text(_what(row)),
        text(words(row["area_code"])),
        number(count(row["linked_people"])),
        number(count(row["unlinked_people"])),
        number(f"{row['linked']:,.1f}{unit}"),
        number(f"{row['unlinked']:,.1f}{unit}"),
        number(f"{row['difference']:+.2f}", marked=bool(row["stands_out"])),
        text("beyond 0.1" if row["stands_out"] else ""),
    ]

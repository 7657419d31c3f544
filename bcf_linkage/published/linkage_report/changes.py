"""Section C, continued: changes of links since the previous run, and their effect on the published counts."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.link_change_tallies import COMPARED
from bcf_linkage.published.linkage_quality.sensitivity import BEFORE, DEFAULT
from bcf_linkage.published.linkage_report.report_data import HIDDEN, LinkageReportData, format_count, label_for
from bcf_linkage.published.published_rows import FigureRow, SensitivityRow

SHARE_DECIMALS = 2


def render_changes(data: LinkageReportData) -> Iterator[str]:
    """Render the clients of each source by the change of their link, and the cohorts that the changes move. Nothing on a first run."""
    figures = [code for code, figure in data.rules.by_code.items() if COMPARED in (code, figure.part_of)]
    areas = [area for area in data.areas if data.whole_source(COMPARED, area)]
    if not areas:
        return
    yield "<h3>Changes since the previous run</h3>"
    yield paragraph(
        f"Compared with {_previous_run(data)}, client by client. A link is found when a late NHS number, a corrected record or a new register leads to a "
        "person. It moves when the number was superseded or belonged to another person. It is lost when the evidence for it is gone. "
        "The tables links_* of the run list every change, by pseudonym."
    )
    rows = [[text(data.rules.by_code[code].name), *(_share_cell(data.whole_source(code, area)) for area in areas)] for code in figures]
    names = [text("Clients, by the local number of the source"), *(Cell(label_for(area), is_number=True) for area in areas)]
    yield table("Links of the clients who are in both runs, by change.", names, rows, totals=[0])
    yield from _render_moved_cohorts(data)


def _previous_run(data: LinkageReportData) -> str:
    values = (row["detail"] for row in data.provenance if (row["subject"], row["fact"]) == ("run", "links compared with"))
    return f"run {next(values, 'before')}"


def _share_cell(row: FigureRow | None) -> Cell:
    if row is None:
        return number("0")
    if row["numerator"] is None or row["unit"] == "count" or row["value"] is None:
        return number(format_count(row["numerator"]))
    return number(f"{format_count(row['numerator'])} ({row['value']:.{SHARE_DECIMALS}f}%)")


def _render_moved_cohorts(data: LinkageReportData) -> Iterator[str]:
    """Render the cohorts whose count changes: as published, and under the links of the previous run."""
    rows = {(row["table"], row["measure"], row["rule"]): row for row in data.sensitivity}
    pairs = [(row, rows[published, code, DEFAULT]) for (published, code, rule), row in sorted(rows.items()) if rule == BEFORE]
    if not pairs:
        yield paragraph("No link that a published count depends on has changed.")
        return
    changed = [(previous, current) for previous, current in pairs if previous["moved"]]
    hidden = sum(previous["moved"] is None for previous, _ in pairs)
    remark = f" Of {len(pairs)} cohorts, {len(pairs) - len(changed) - hidden} move by less than the rounding, and {hidden} are hidden because of small numbers."
    if not changed:
        yield paragraph(f"The changed links move no cohort of the whole locality by more than the rounding.{remark}")
        return
    body = [
        [
            text(current["measure_name"]),
            text(label_for(current["table"])),
            number(format_count(previous["people"])),
            number(format_count(current["people"])),
            _shift_cell(previous),
        ]
        for previous, current in changed
    ]
    names = [text("Cohort"), text("Table"), *(Cell(name, is_number=True) for name in ("Previous links", "Current links", "Change"))]
    yield table(f"The people of this run, counted with the previous and with the current links.{remark}", names, body)


def _shift_cell(previous: SensitivityRow) -> Cell:
    return number(HIDDEN if previous["moved"] is None else f"{-previous['moved']:+,}")

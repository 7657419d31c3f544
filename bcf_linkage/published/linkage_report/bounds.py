"""Section I: the effect of linkage error on the published counts."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.bounds import NEITHER
from bcf_linkage.published.linkage_report.report_data import LinkageReportData, format_count, label_for
from bcf_linkage.published.published_rows import BoundsRow


def render_bounds(data: LinkageReportData) -> Iterator[str]:
    """Render section I: every cohort that depends on a linked source, with the least and most people under the estimated errors."""
    yield "<h2>I. Effect of linkage error on the counts</h2>"
    yield paragraph(
        "A missed link leaves a person out of a cohort. A wrong link adds a person who does not belong. Least: the count without the links that may be "
        "wrong. Most: the count with the people whose links may be missed. Both use the lower end of precision and recall in section E, so they show the "
        "worst case, and treat error rates of records as error rates of people. People without any record in the source are in neither. Cohorts that depend on "
        "the register alone are not listed."
    )
    rows = sorted(data.bounds, key=lambda row: (row["table"], row["measure"]))
    names = [
        text("Cohort"),
        text("Table"),
        text("Depends on"),
        *(Cell(name, is_number=True) for name in ("Published", "Least", "Most")),
        text("More likely"),
    ]
    yield table("Cohorts that depend on linked records.", names, [_cohort_cells(row) for row in rows])


def _cohort_cells(row: BoundsRow) -> list[Cell]:
    sources = ", ".join(label_for(source) for source in row["sources"].split(", "))
    ends = [number(format_count(end)) if row["people"] is None or end is not None else number("not known") for end in (row["least"], row["most"])]
    direction = row["direction"] if row["direction"] not in (None, NEITHER) else ""
    return [text(row["measure_name"]), text(label_for(row["table"])), text(sources), number(format_count(row["people"])), *ends, text(direction or "")]

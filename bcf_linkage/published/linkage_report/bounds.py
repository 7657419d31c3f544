"""What linkage error does to the counts that are published (I)."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.bounds import NEITHER
from bcf_linkage.published.linkage_report.told import Row, Told, count, words


def bounds(told: Told) -> Iterator[str]:
    """I: every cohort that rests on a linked source, between the least and the most that the estimated errors leave open."""
    yield "<h2>I. What linkage error does to the counts</h2>"
    yield paragraph(
        "A missed link leaves somebody out of a cohort, a wrong one puts in somebody who does not belong. Least: all but the links that may be wrong. "
        "Most: with the people whose links may be missed. Both are taken at the lower ends of section E, of records as if of people, so that they hold the "
        "worst; people without a record in the source are in neither. Cohorts that rest on the register alone are not listed."
    )
    rows = sorted(told.tables["linkage_bounds"], key=lambda row: (row["table"], row["measure"]))
    names = [text("Cohort"), text("Table"), text("Rests on"), *(Cell(name, is_number=True) for name in ("Published", "Least", "Most")), text("Likelier")]
    yield table("Cohorts that rest on linked records.", names, [_row(row) for row in rows])


def _row(row: Row) -> list[Cell]:
    sources = ", ".join(words(source) for source in row["sources"].split(", "))
    ends = [number(count(row[end])) if row["people"] is None or row[end] is not None else number("not known") for end in ("least", "most")]
    likelier = "" if row["direction"] in (None, NEITHER) else row["direction"]
    return [text(row["measure_name"]), text(words(row["table"])), text(sources), number(count(row["people"])), *ends, text(likelier)]

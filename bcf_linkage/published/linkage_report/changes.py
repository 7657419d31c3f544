"""What became of links since the run before, and how far that moves what is published (C)."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.changes import COMPARED
from bcf_linkage.published.linkage_quality.sensitivity import BEFORE, DEFAULT
from bcf_linkage.published.linkage_report.told import HIDDEN, Row, Told, count, words

SHARE_DECIMALS = 2


def changes(told: Told) -> Iterator[str]:
    """Clients by what became of their link, and the cohorts that this moves. Nothing on a first run."""
    figures = [code for code, figure in told.rules.by_code.items() if COMPARED in (code, figure.part_of)]
    areas = [area for area in told.areas if told.whole(COMPARED, area)]
    if not areas:
        return
    yield "<h3>Changes since the run before</h3>"
    yield paragraph(
        f"Held against {_run_before(told)}, client by client. A link is found when a late number, a corrected record or a new register leads to somebody; "
        "it moves when a number is superseded or was another's; it is lost when what confirmed it is gone. "
        "Each change is kept, by pseudonyms, in the tables links of the run."
    )
    rows = [[text(told.rules.by_code[code].name), *(_share(told.whole(code, area)) for area in areas)] for code in figures]
    names = [text("Clients, by the source's own numbers"), *(Cell(words(area), is_number=True) for area in areas)]
    yield table("What became of the links of clients who were there in both runs.", names, rows, totals=[0])
    yield from _moved(told)


def _run_before(told: Told) -> str:
    said = (row["said"] for row in told.tables["linkage_provenance"] if (row["subject"], row["fact"]) == ("run", "links held against"))
    return f"run {next(said, 'before')}"


def _share(row: Row | None) -> Cell:
    if row is None:
        return number("0")
    if row["numerator"] is None or row["unit"] == "count" or row["value"] is None:
        return number(count(row["numerator"]))
    return number(f"{count(row['numerator'])} ({row['value']:.{SHARE_DECIMALS}f}%)")


def _moved(told: Told) -> Iterator[str]:
    """The cohorts whose count the changes move: as they are, and as they would be under the links of the run before."""
    rows = {(row["table"], row["measure"], row["rule"]): row for row in told.tables["linkage_sensitivity"]}
    pairs = [(row, rows[published, code, DEFAULT]) for (published, code, rule), row in sorted(rows.items()) if rule == BEFORE]
    if not pairs:
        yield paragraph("No link that a published count could rest on has changed.")
        return
    moved = [(before, now) for before, now in pairs if before["moved"]]
    hidden = sum(before["moved"] is None for before, _ in pairs)
    rest = f" Of {len(pairs)} cohorts {len(pairs) - len(moved) - hidden} move by less than the rounding, and {hidden} cannot be told for small numbers."
    if not moved:
        yield paragraph(f"The changed links move no cohort of the whole locality by as much as the rounding.{rest}")
        return
    body = [
        [text(now["measure_name"]), text(words(now["table"])), number(count(before["people"])), number(count(now["people"])), _by(before)]
        for before, now in moved
    ]
    names = [text("Cohort"), text("Table"), *(Cell(name, is_number=True) for name in ("Links as before", "Links as now", "Moved by"))]
    yield table(f"The same people, counted with changed links as the run before had them.{rest}", names, body)


def _by(before: Row) -> Cell:
    return number(HIDDEN if before["moved"] is None else f"{-before['moved']:+,}")

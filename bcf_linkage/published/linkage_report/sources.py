"""What was linked, how good its identifiers are, and where every record went (A to C)."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, paragraph, table, text
from bcf_linkage.published.linkage_quality.tallies import REGISTER
from bcf_linkage.published.linkage_report.told import HIDDEN, Told, count, rate, words

ENDS = ("linked", "not_registered", "unlinked", "opted out", "out of period", "duplicate", "refused", "unreadable")
VERSION, DIGEST = "version of ", 12
END_NAMES = {"linked": "linked", "not_registered": "seen, not registered", "unlinked": "unlinked"}


def provenance(told: Told) -> Iterator[str]:
    """A: what was linked, and with what."""
    yield "<h2>A. What was linked, and with what</h2>"
    said: dict[str, dict[str, str]] = {}
    for row in told.tables["linkage_provenance"]:
        said.setdefault(row["subject"], {})[row["fact"]] = row["said"]
    run = said.pop("run", {})
    yield table(
        "Deliveries. Their full digests are in the table linkage_provenance and in the manifest.",
        (text("Source"), text("Shared by"), text("Under"), Cell("Records read", is_number=True), text("Files")),
        [
            (text(words(subject)), text(facts["shared by"]), text(facts["under"]), Cell(facts["records read"], is_number=True), text(_files(facts)))
            for subject, facts in sorted(said.items())
        ],
    )
    versions = ", ".join(f"{fact.removeprefix(VERSION)} {told_of}" for fact, told_of in run.items() if fact.startswith(VERSION))
    rows = [(text(fact), text(told_of)) for fact, told_of in run.items() if not fact.startswith(VERSION)]
    yield table("The run, its rules and versions.", (text("Fact"), text("As it was")), [*rows, (text("versions"), text(versions))])


def _files(facts: dict[str, str]) -> str:
    """The files of a delivery, each with the beginning of its digest."""
    return "; ".join(f"{told_of[: DIGEST - 64]}…" for fact, told_of in facts.items() if fact.startswith("file "))


def identifiers(told: Told) -> Iterator[str]:
    """B: how good the identifiers of each source are."""
    yield "<h2>B. Identifiers as the sources send them</h2>"
    sources = (REGISTER, *told.sources)
    rows = [[text(name), *(rate(told.whole(code, area), 2) for area in sources)] for code, name in told.names("B").items()]
    names = [text("Of records that went to trace"), *(Cell(words(area), is_number=True) for area in sources)]
    yield table("Share of each source's records. Blank: the source has no such column, or no such record.", names, rows)


def flow(told: Told) -> Iterator[str]:
    """C: where every record went."""
    yield "<h2>C. Where every record went</h2>"
    yield paragraph("Every record that was read ended in exactly one place. The exact ledger, which adds up to the last record, is in the audit folder.")
    sources, bars, rows = (REGISTER, *told.sources), [], []
    for area in sources:
        ends = {end: told.whole(end, area) for end in ENDS}
        parts = [charts.Part(END_NAMES.get(end, end), float(row["numerator"] or 0) if row else 0.0) for end, row in ends.items()]
        read = told.whole("rows_read", area)
        if read and read["numerator"] is not None:
            parts.append(charts.Part(HIDDEN, max(0.0, read["numerator"] - sum(part.size for part in parts))))
        bars.append((words(area), parts, f"{count(read['numerator'] if read else None)} read"))
    yield charts.stacked("flow", "Where the records of each source ended, as shares of those read", bars)
    for code in ("rows_read", "rows_traced", *ENDS):
        cells = [told.whole(code, area) for area in sources]
        if any(cells):
            rows.append([text(told.rules.by_code[code].name), *(Cell("0" if c is None else count(c["numerator"]), is_number=True) for c in cells)])
    names = [text("Records"), *(Cell(words(area), is_number=True) for area in sources)]
    yield table("Records by where they ended. Those that went to trace are linked, seen but not registered, or unlinked.", names, rows, totals=[0, 1])
    yield from _reasons(told)


def _reasons(told: Told) -> Iterator[str]:
    """Why records were linked or not, by the name of the rung or guard."""
    kept = {"linked": "linked", "unlinked": "unlinked"}
    rows = {(r["extract"], r["place"], r["reason"]): r["rows"] for r in told.tables["linkage_ledger"] if r["place"] in kept}
    reasons = sorted({(place, reason) for _, place, reason in rows})
    names = [text("Reason"), *(Cell(words(area), is_number=True) for area in told.sources)]
    body = [
        [
            text(f"{place}: {words(reason)}"),
            *(Cell(count(rows[area, place, reason]) if (area, place, reason) in rows else "0", is_number=True) for area in told.sources),
        ]
        for place, reason in reasons
    ]
    yield "<h3>Why records were linked, or were not</h3>"
    yield table("Records by the step of the trace that linked them, or the reason that nothing did.", names, body)

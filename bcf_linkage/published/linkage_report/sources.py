"""What was linked, how good its identifiers are, and where every record went (A to C)."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, number, paragraph, table, text, whole
from bcf_linkage.published.linkage_quality.match import CROSSED, NUMBER_STATUS
from bcf_linkage.published.linkage_quality.tallies import REGISTER
from bcf_linkage.published.linkage_report.told import HIDDEN, Row, Told, count, rate, words

ENDS = ("linked", "not_registered", "unlinked", "opted out", "out of period", "duplicate", "refused", "unreadable")
VERSION, DIGEST = "version of ", 12
COUNTED = ("read", "kept", "linked")
DELIVERIES = (
    "Deliveries, each file with the beginning of its digest; the whole is in the table linkage_provenance and in the manifest. "
    "Kept are the records that went to trace. In the months outside those covered a source saw hardly anybody."
)
END_NAMES = {"linked": "linked", "not_registered": "seen, not registered", "unlinked": "unlinked"}


def provenance(told: Told) -> Iterator[str]:
    """A: what was linked, and with what."""
    yield "<h2>A. What was linked, and with what</h2>"
    said: dict[str, dict[str, str]] = {}
    for row in told.tables["linkage_provenance"]:
        said.setdefault(row["subject"], {})[row["fact"]] = row["said"]
    run = said.pop("run", {})
    yield table(
        DELIVERIES,
        [text(name) for name in ("Source", "Shared by, and under what", "Months covered")]
        + [Cell(f"Records {n}", is_number=True) for n in COUNTED]
        + [text("Files")],
        [
            (
                *(text(one) for one in (words(subject), f"{facts['shared by']}: {facts['under']}")),
                whole(facts.get("months covered", "")),
                *(Cell(facts[f"records {n}"].replace("suppressed", HIDDEN), is_number=True) for n in COUNTED),
                text(_files(facts)),
            )
            for subject, facts in sorted(said.items())
        ],
    )
    yield paragraph(
        "On which day a file was first read stands in the audit trail, by its digest, and not here: the same deliveries give the same report.", "aside"
    )
    versions = ", ".join(f"{fact.removeprefix(VERSION)} {told_of}" for fact, told_of in run.items() if fact.startswith(VERSION))
    rows = [(text(fact), text(told_of)) for fact, told_of in run.items() if not fact.startswith(VERSION)]
    yield table("The run, its rules and versions.", (text("Fact"), text("As it was")), [*rows, (text("versions"), text(versions))])


def _files(facts: dict[str, str]) -> str:
    """The files of a delivery, each with the beginning of its digest."""
    return "; ".join(f"{told_of[: DIGEST - 64].replace('SHA-256 ', '')}…" for fact, told_of in facts.items() if fact.startswith("file "))


def identifiers(told: Told) -> Iterator[str]:
    """B: how good the identifiers of each source are, and how they have changed."""
    yield "<h2>B. Identifiers as the sources send them</h2>"
    sources = (REGISTER, *told.sources)
    counted = {code: name for code, name in told.names("B").items() if code != NUMBER_STATUS}
    rows = [[text(name), *(_since(told.whole(code, area)) for area in sources)] for code, name in counted.items()]
    names = [text("Of records that went to trace"), *(Cell(words(area), is_number=True) for area in sources)]
    has_before = any(row["change"] is not None for row in told.tables["linkage_quality"] if row["section"] == "B")
    since = (
        "In brackets: the change in points since the run before." if has_before else "No run before this one published the same figures to hold them against."
    )
    yield table(f"Share of each source's records. Blank: the source has no such column, or no such record. {since}", names, rows)
    yield from _statuses(told)


def _since(row: Row | None) -> Cell:
    """A rate with its change since the run before, if it has changed."""
    cell = rate(row, 2)
    return cell if row is None or not row["change"] else number(f"{cell.text} ({row['change']:+.2f})")


def _statuses(told: Told) -> Iterator[str]:
    """NHS number status as supplied against as derived, for the sources that supply one."""
    cells = {(area, group): row for (measure, area, kind, group), row in told.figures.items() if measure == kind == NUMBER_STATUS}
    sources = [area for area in (REGISTER, *told.sources) if any(of == area for of, _ in cells)]
    yield "<h3>NHS number status: as supplied, and as this trace derived it</h3>"
    if not sources:
        yield paragraph("No source supplies a status.")
        return
    meanings = dict(code_list("nhs_number_status").meanings)
    codes = sorted({code for _, group in cells for code in group.split(CROSSED)} & set(meanings))
    rows = [
        [text(f"{supplied} and {derived}"), *(rate(cells.get((area, group)), 2) for area in sources)]
        for group in sorted({group for _, group in cells})
        for supplied, derived in [group.split(CROSSED)]
    ]
    names = [text("As supplied and as derived"), *(Cell(words(area), is_number=True) for area in sources)]
    others = [words(area) for area in told.sources if area not in sources]
    none = f" No status comes from {' or '.join(others)}." if others else ""
    yield table(f"Share of each source's records by both codes. {'. '.join(f'{code}: {meanings[code]}' for code in codes)}.{none}", names, rows)


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
        bars.append((words(area), parts, f"{count(read['numerator'])} read" if read and read["numerator"] is not None else HIDDEN))
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

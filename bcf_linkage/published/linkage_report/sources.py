"""Sections A to C: what was linked, the quality of its identifiers, and the outcome of every record."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, number, paragraph, table, text, unbroken_text
from bcf_linkage.published.linkage_quality.match_rates import NUMBER_STATUS, STATUS_SEPARATOR
from bcf_linkage.published.linkage_quality.tallies import REGISTER
from bcf_linkage.published.linkage_report.report_data import HIDDEN, LinkageReportData, format_count, label_for, rate_cell
from bcf_linkage.published.published_rows import FigureRow

OUTCOME_CODES = ("linked", "not_registered", "unlinked", "opted out", "out of period", "duplicate", "refused", "unreadable")
VERSION_PREFIX, DIGEST_LENGTH = "version of ", 12
RECORD_COUNTS = ("read", "kept", "linked")
DELIVERIES_CAPTION = (
    "Deliveries. Each file has the beginning of its SHA-256 digest; the table linkage_provenance and the manifest have all of it. "
    "Records kept are those that were traced. Outside the months covered, a source has records of very few people."
)
OUTCOME_NAMES = {"linked": "linked", "not_registered": "seen, not registered", "unlinked": "unlinked"}


def render_provenance(data: LinkageReportData) -> Iterator[str]:
    """Render section A: the deliveries of each source, and the rules and versions of the run."""
    yield "<h2>A. Sources, rules and versions</h2>"
    facts_by_subject: dict[str, dict[str, str]] = {}
    for row in data.provenance:
        facts_by_subject.setdefault(row["subject"], {})[row["fact"]] = row["detail"]
    run = facts_by_subject.pop("run", {})
    yield table(
        DELIVERIES_CAPTION,
        [text(name) for name in ("Source", "Shared by, and agreement", "Months covered")]
        + [Cell(f"Records {n}", is_number=True) for n in RECORD_COUNTS]
        + [text("Files")],
        [
            (
                *(text(cell_text) for cell_text in (label_for(subject), f"{facts['shared by']}: {facts['under']}")),
                unbroken_text(facts.get("months covered", "")),
                *(Cell(facts[f"records {n}"].replace("suppressed", HIDDEN), is_number=True) for n in RECORD_COUNTS),
                text(_file_list(facts)),
            )
            for subject, facts in sorted(facts_by_subject.items())
        ],
    )
    yield paragraph(
        "The audit log has the day on which each file was first read. It is not shown here, so that the same deliveries give the same report.", "aside"
    )
    versions = ", ".join(f"{fact.removeprefix(VERSION_PREFIX)} {detail}" for fact, detail in run.items() if fact.startswith(VERSION_PREFIX))
    rows = [(text(fact), text(detail)) for fact, detail in run.items() if not fact.startswith(VERSION_PREFIX)]
    yield table("The run, its rules and versions.", (text("Item"), text("Value")), [*rows, (text("versions"), text(versions))])


def _file_list(facts: dict[str, str]) -> str:
    """Return the files of a delivery, each with the beginning of its digest."""
    return "; ".join(f"{detail[: DIGEST_LENGTH - 64].replace('SHA-256 ', '')}…" for fact, detail in facts.items() if fact.startswith("file "))


def render_identifiers(data: LinkageReportData) -> Iterator[str]:
    """Render section B: the quality of the identifiers of each source, and its change since the previous run."""
    yield "<h2>B. Quality of the identifiers</h2>"
    sources = (REGISTER, *data.sources)
    counted = {code: name for code, name in data.measure_names("B").items() if code != NUMBER_STATUS}
    rows = [[text(name), *(_rate_with_change(data.whole_source(code, area)) for area in sources)] for code, name in counted.items()]
    names = [text("Percentage of records traced"), *(Cell(label_for(area), is_number=True) for area in sources)]
    has_before = any(row["change"] is not None for row in data.quality if row["section"] == "B")
    since = "In brackets: the change in percentage points since the previous run." if has_before else "No previous run published these figures for comparison."
    yield table(f"Percentage of the records of each source. Blank: the source has no such column, or no such record. {since}", names, rows)
    yield from _render_statuses(data)


def _rate_with_change(row: FigureRow | None) -> Cell:
    """Return a rate with its change since the previous run, if it changed."""
    cell = rate_cell(row, 2)
    return cell if row is None or not row["change"] else number(f"{cell.text} ({row['change']:+.2f})")


def _render_statuses(data: LinkageReportData) -> Iterator[str]:
    """Render the NHS number status, as supplied by the source against as derived by the trace."""
    cells = {(area, group): row for (measure, area, kind, group), row in data.figures.items() if measure == kind == NUMBER_STATUS}
    sources = [area for area in (REGISTER, *data.sources) if any(source == area for source, _ in cells)]
    yield "<h3>NHS number status: supplied by the source, and derived by this trace</h3>"
    if not sources:
        yield paragraph("No source supplies an NHS number status.")
        return
    meanings = dict(code_list("nhs_number_status").meanings)
    codes = sorted({code for _, group in cells for code in group.split(STATUS_SEPARATOR)} & set(meanings))
    rows = [
        [text(f"{supplied} and {derived}"), *(rate_cell(cells.get((area, group)), 2) for area in sources)]
        for group in sorted({group for _, group in cells})
        for supplied, derived in [group.split(STATUS_SEPARATOR)]
    ]
    names = [text("Supplied and derived"), *(Cell(label_for(area), is_number=True) for area in sources)]
    others = [label_for(area) for area in data.sources if area not in sources]
    none = f" No status is supplied by {' or '.join(others)}." if others else ""
    yield table(f"Percentage of the records of each source, by both codes. {'. '.join(f'{code}: {meanings[code]}' for code in codes)}.{none}", names, rows)


def render_flow(data: LinkageReportData) -> Iterator[str]:
    """Render section C: the outcome of every record of each source, and its reason."""
    yield "<h2>C. Outcome of every record</h2>"
    yield paragraph("Every record that was read has exactly one outcome. The exact ledger, which adds up to the last record, is in the audit folder.")
    sources, bars, rows = (REGISTER, *data.sources), [], []
    for area in sources:
        outcome_rows = {outcome: data.whole_source(outcome, area) for outcome in OUTCOME_CODES}
        parts = [charts.Part(OUTCOME_NAMES.get(outcome, outcome), float(row["numerator"] or 0) if row else 0.0) for outcome, row in outcome_rows.items()]
        rows_read = data.whole_source("rows_read", area)
        if rows_read and rows_read["numerator"] is not None:
            parts.append(charts.Part(HIDDEN, max(0.0, rows_read["numerator"] - sum(part.size for part in parts))))
        bars.append((label_for(area), parts, f"{format_count(rows_read['numerator'])} read" if rows_read and rows_read["numerator"] is not None else HIDDEN))
    yield charts.draw_stacked_bars("flow", "Records of each source by outcome, as shares of those read", bars)
    for code in ("rows_read", "rows_traced", *OUTCOME_CODES):
        cells = [data.whole_source(code, area) for area in sources]
        if any(cells):
            rows.append([text(data.rules.by_code[code].name), *(Cell("0" if c is None else format_count(c["numerator"]), is_number=True) for c in cells)])
    names = [text("Records"), *(Cell(label_for(area), is_number=True) for area in sources)]
    yield table("Records by outcome. Records traced are linked, seen but not registered, or unlinked.", names, rows, totals=[0, 1])
    yield from _render_reasons(data)


def _render_reasons(data: LinkageReportData) -> Iterator[str]:
    """Render the match pass of the links, and the reason of each unlinked record."""
    listed_outcomes = {"linked": "linked", "unlinked": "unlinked"}
    rows = {(r["extract"], r["outcome"], r["reason"]): r["rows"] for r in data.ledger if r["outcome"] in listed_outcomes}
    reasons = sorted({(outcome, reason) for _, outcome, reason in rows})
    names = [text("Reason"), *(Cell(label_for(area), is_number=True) for area in data.sources)]
    body = [
        [
            text(f"{outcome}: {label_for(reason)}"),
            *(Cell(format_count(rows[area, outcome, reason]) if (area, outcome, reason) in rows else "0", is_number=True) for area in data.sources),
        ]
        for outcome, reason in reasons
    ]
    yield "<h3>Reasons for links and for unlinked records</h3>"
    yield table("Linked records by match pass, and unlinked records by reason.", names, body)

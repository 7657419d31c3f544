"""The report as one HTML page: data flow, identifiers, drafts, opt-outs, releases and sign-off."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.definitions.governance import Draft, DraftRow
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.pages.elements import Cell, bullets, html_document, number, paragraph, table, text
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.governance_report.facts import KEPT_PER_IDENTIFIER, build_facts
from bcf_linkage.published.governance_report.flow_map import draw_flow_map
from bcf_linkage.published.governance_report.report_data import GovernanceReportData
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES
from bcf_linkage.published.linkage_report.report_data import HIDDEN, format_count, label_for
from bcf_linkage.published.linkage_report.sources import OUTCOME_CODES, OUTCOME_NAMES
from bcf_linkage.published.opt_outs import AGE, OBJECTION, SEX
from bcf_linkage.published.published_rows import FigureRow

STYLE = """
.decide { color: #6b3a00; } .decide b { background: #fff2d3; padding: 0 .3rem; }
.draft td:nth-child(2) { width: 9%; } .draft td:nth-child(3) { width: 44%; } .draft td:nth-child(4) { width: 27%; }
"""
DECIDE = "To decide:"
"""Mark of an entry that a person must complete."""

MAX_OUTLIERS = 8
"""Groups with an unusual share of objections that are listed."""

OBJECTIONS = {"type_1": "type 1", "national_data_opt_out": "national", "local_objection": "local"}


def render_governance_report(data: GovernanceReportData) -> str:
    """Render the report as HTML. The page loads nothing, runs no script, and contains published figures only."""
    fact_texts = build_facts(data)
    parts = [*_render_opening(data), *_render_flow(data), *_render_identifiers(data)]
    for letter, draft in zip("CDEF", data.drafts.drafts, strict=True):
        parts += _render_draft(letter, draft, fact_texts)
    parts += [*_render_opt_outs(data, fact_texts), *_render_releases(data), *_render_signature()]
    return html_document(f"Information governance: {data.locality}, {data.as_at:%-d %B %Y}", parts, STYLE)


def _render_opening(data: GovernanceReportData) -> Iterator[str]:
    yield f"<h1>Information governance: {escape(data.locality)}</h1>"
    yield paragraph(f"As at {data.as_at:%-d %B %Y}. Run {data.run_id}. Drafts of edition {data.drafts.edition.version}.", "aside")
    if data.is_synthetic:
        yield paragraph("Every person in this workspace is made up.", "aside")
    open_rows = sum(bool(row.decide) for draft in data.drafts.drafts for row in draft.rows)
    yield paragraph(
        f"The run wrote this page from its own records. It is a draft: {open_rows} points are for a person to decide, each marked “{DECIDE}”. "
        "Legal basis, necessity, public benefit and signatures cannot be generated.",
        "outcome amber",
    )
    yield paragraph(f"Numbers are as published: {data.rule}. The audit log has who ran it, when and why: “bcf audit show”.")


def _render_flow(data: GovernanceReportData) -> Iterator[str]:
    yield "<h2>A. Data flow</h2>"
    yield f'<div class="wide" role="region" tabindex="0" aria-label="Data flow">{draw_flow_map(data)}</div>'
    yield paragraph("Records left out and kept are those of all sources that are linked to the register. Numbers are as published.", "aside")
    flow_measures = [("rows_read", "read"), *((outcome, OUTCOME_NAMES.get(outcome, outcome)) for outcome in OUTCOME_CODES)]
    rows = [
        [text(label_for(source.extract.name)), *(_figure_cell(data, measure, source.extract.name) for measure, _ in flow_measures)] for source in data.sources
    ]
    yield table(
        "Records of each source by outcome. Every record has one outcome. The exact ledger is in the audit folder.",
        [text("Source"), *(Cell(name, is_number=True) for _, name in flow_measures)],
        [*rows, [text("all linked sources"), *(_figure_cell(data, measure, ALL_SOURCES) for measure, _ in flow_measures)]],
        totals=[len(rows)],
    )
    yield table(
        "Agreement and legal basis of each source.",
        (text("Source"), text("Supplier"), text("Agreement"), text("Legal basis, as stated")),
        [(text(label_for(s.extract.name)), text(s.supplier), text(s.agreement), text(s.basis)) for s in data.sources],
    )


def _figure_cell(data: GovernanceReportData, measure: str, area: str) -> Cell:
    """Return the cell of a figure. Not counted is 0 for one source, and blank for all sources."""
    if area == ALL_SOURCES and (measure, area) not in data.figures:
        return number("")
    return number(format_count(data.figures.get((measure, area), 0)))


def _render_identifiers(data: GovernanceReportData) -> Iterator[str]:
    """Render section B: the identifiers of the sources, and what is kept of each."""
    yield "<h2>B. Identifiers, and what is kept of them</h2>"
    sources_by_kind = {kind: [label_for(s.extract.name) for s in data.sources if s.extract.identity(kind)] for kind in Identity}
    rows = [(text(kind), text(", ".join(names)), text(KEPT_PER_IDENTIFIER[kind])) for kind, names in sources_by_kind.items() if names]
    yield table("From the declarations of the sources. Every other column is kept.", (text("Identifier"), text("Sources that send it"), text("Kept")), rows)


def _render_draft(letter: str, draft: Draft, fact_texts: dict[str, str]) -> Iterator[str]:
    yield f"<h2>{letter}. {escape(draft.title)}</h2>"
    yield paragraph(f"{draft.words} Basis: {draft.law}.")
    names = (text("Requirement"), text("Provision"), text("What this run did"), text("For a person to decide"))
    yield table(f"Draft: {draft.title}.", names, [_draft_cells(row, fact_texts) for row in draft.rows]).replace("<table>", '<table class="draft">')


def _draft_cells(row: DraftRow, fact_texts: dict[str, str]) -> tuple[Cell, ...]:
    decide = f'<span class="decide"><b>{DECIDE}</b> {escape(row.decide)}</span>' if row.decide else ""
    return (
        text(row.title),
        text(row.provision),
        text(" ".join(fact_texts[code] for code in row.shows) or "A run cannot show this."),
        Cell("nothing", markup=decide),
    )


def _render_opt_outs(data: GovernanceReportData, fact_texts: dict[str, str]) -> Iterator[str]:
    """Render section G: the opt-outs of each source, and groups with an unusual share."""
    yield "<h2>G. Opt-outs</h2>"
    yield paragraph(fact_texts["objections"])
    rows = {(row["area_code"], row["group_type"], row["group"]): row for row in data.opt_outs}
    sources = [source.extract.name for source in data.sources]
    kinds = [kind for kind in OBJECTIONS if any((source, OBJECTION, kind) in rows for source in sources)]
    names = [text("Source"), Cell("People", is_number=True), Cell("Opted out", is_number=True), Cell("Percentage", is_number=True)]
    body = [
        [text(label_for(source)), *_people_cells(rows.get((source, ALL, ALL))), *(_left_out_cell(rows.get((source, OBJECTION, kind))) for kind in kinds)]
        for source in sources
    ]
    yield table(
        "People of each source whose records are left out because they object (opted out).",
        [*names, *(Cell(f"by {OBJECTIONS[kind]}", is_number=True) for kind in kinds)],
        body,
    )
    outliers = [row for row in data.opt_outs if row["stands_out"] and row["group_type"] in (AGE, SEX)]
    lines = [
        f"{label_for(row['area_code']).capitalize()}, {row['group_type'].replace('_', ' ').removesuffix(' band')} {row['group']}: "
        f"{row['value']:.1f}% opted out, {row['gap']:+.1f} percentage points from the whole source."
        for row in sorted(outliers, key=lambda row: -abs(row["gap"]))[:MAX_OUTLIERS]
    ]
    if lines:
        yield paragraph("Groups that opt out more or less often than their whole source, by more than chance. Figures for these groups are biased by as much:")
        yield bullets(lines)
    else:
        yield paragraph("No age band and no sex opts out more or less often than its whole source by more than chance, by the numbers that are shown.")


def _people_cells(row: FigureRow | None) -> tuple[Cell, ...]:
    """Return the cells of people, people opted out, and their percentage."""
    if row is None:
        return (number("0"),) * 3
    share = HIDDEN if row["value"] is None else f"{row['value']:.1f}%"
    return number(format_count(row["denominator"])), number(format_count(row["numerator"])), number(share)


def _left_out_cell(row: FigureRow | None) -> Cell:
    return number("0" if row is None else format_count(row["numerator"]))


def _render_releases(data: GovernanceReportData) -> Iterator[str]:
    """Render section H: this release, and the earlier ones that it is protected against."""
    yield "<h2>H. Releases</h2>"
    summaries = data.disclosure_summaries
    names = [text("Table"), *(Cell(name, is_number=True) for name in ("Numbers", "Shown", "Suppressed"))]
    counts = [(row["cells"], row["shown"], row["suppressed"]) for row in summaries]
    body = [[text(label_for(row["table"])), *(number(f"{count:,}") for count in row_counts)] for row, row_counts in zip(summaries, counts, strict=True)]
    total = [text("this release"), *(number(f"{sum(column):,}") for column in zip(*counts, strict=True))]
    yield table("Numbers of this release after secondary suppression, each counted once per table.", names, [*body, total], totals=[len(body)])
    if data.earlier_releases:
        rows = [(text(r.run), text(f"{r.as_at}"), text(r.profile), number(f"{r.cells:,}"), number(f"{r.shown:,}")) for r in data.earlier_releases]
        heads = (text("Run"), text("As at"), text("Profile"), Cell("Numbers", is_number=True), Cell("Shown", is_number=True))
        yield table("Earlier releases. This one is protected against a reader who has all of them.", heads, rows)
    else:
        yield paragraph("This is the first release of this workspace.")
    yield paragraph("audit/releases.csv has the time of publication and the digests of each release. The audit log has who published it.", "aside")


def _render_signature() -> Iterator[str]:
    yield "<h2>Sign-off</h2>"
    roles = (text("Information governance lead"), text("Caldicott Guardian"), text("Senior information risk owner"), text("Data protection officer"))
    names = tuple(text(name) for name in ("Role", "Name", "Decision and conditions", "Signature", "Date"))
    rows = ((role, text(""), text(""), text(""), text("")) for role in roles)
    yield table("To be completed by hand.", names, rows).replace("<table>", '<table class="signature">')

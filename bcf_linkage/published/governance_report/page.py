"""The report as one page: the map, what is kept of a record, the drafts, who objected, and what was released."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.definitions.governance import Draft, DraftRow
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.pages.elements import Cell, bullets, document, number, paragraph, table, text
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.governance_report.facts import KEPT_OF, facts
from bcf_linkage.published.governance_report.flow_map import flow_map
from bcf_linkage.published.governance_report.told import Row, Told
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE
from bcf_linkage.published.linkage_report.sources import END_NAMES, ENDS
from bcf_linkage.published.linkage_report.told import HIDDEN, count, words
from bcf_linkage.published.opt_outs import AGE, OBJECTION, SEX

STYLE = """
.decide { color: #6b3a00; } .decide b { background: #fff2d3; padding: 0 .3rem; }
.draft td:nth-child(2) { width: 9%; } .draft td:nth-child(3) { width: 44%; } .draft td:nth-child(4) { width: 27%; }
"""
DECIDE = "To decide:"
OBJECTIONS = {"type_1": "type 1", "national_data_opt_out": "national", "local_objection": "local"}


def page(told: Told) -> str:
    """The report as HTML. It loads nothing, runs no script, and holds published figures only."""
    said = facts(told)
    parts = [*_opening(told), *_flow(told), *_kept_of(told)]
    for letter, draft in zip("CDEF", told.drafts.drafts, strict=True):
        parts += _draft(letter, draft, said)
    parts += [*_opt_outs(told, said), *_releases(told), *_signature()]
    return document(f"Information governance: {told.locality}, {told.as_at:%-d %B %Y}", parts, STYLE)


def _opening(told: Told) -> Iterator[str]:
    yield f"<h1>Information governance: {escape(told.locality)}</h1>"
    yield paragraph(f"As at {told.as_at:%-d %B %Y}. Run {told.run_id}. Drafts of edition {told.drafts.edition.version}.", "aside")
    if told.made_up:
        yield paragraph("Every person in this workspace is made up.", "aside")
    open_rows = sum(bool(row.decide) for draft in told.drafts.drafts for row in draft.rows)
    yield paragraph(
        f"The run wrote this page of itself. It is a draft: {open_rows} things are left open for a person to decide, each marked “{DECIDE}”. "
        "Lawful basis, necessity, public benefit and signatures cannot be generated.",
        "outcome amber",
    )
    yield paragraph(f"Numbers are as published: {told.rule}. Who ran it, when and why is a line of the trail: “bcf audit show”.")


def _flow(told: Told) -> Iterator[str]:
    yield "<h2>A. Where the data went</h2>"
    yield f'<div class="wide" role="region" tabindex="0" aria-label="The map">{flow_map(told)}</div>'
    yield paragraph("Left out and kept are records of all sources that are linked to the register, from published numbers.", "aside")
    read = [("rows_read", "read"), *((end, END_NAMES.get(end, end)) for end in ENDS)]
    rows = [[text(words(source.extract.name)), *(_figure(told, measure, source.extract.name) for measure, _ in read)] for source in told.sources]
    yield table(
        "Records of each source, and the one place in which each ended. The exact ledger is in the audit folder.",
        [text("Source"), *(Cell(name, is_number=True) for _, name in read)],
        [*rows, [text("all linked sources"), *(_figure(told, measure, EVERYWHERE) for measure, _ in read)]],
        totals=[len(rows)],
    )
    yield table(
        "Under what each source came.",
        (text("Source"), text("Sent by"), text("Agreement"), text("Basis in law, as stated")),
        [(text(words(s.extract.name)), text(s.supplier), text(s.agreement), text(s.basis)) for s in told.sources],
    )


def _figure(told: Told, measure: str, area: str) -> Cell:
    """Of a source none is none; of all together what is not counted is left blank."""
    if area == EVERYWHERE and (measure, area) not in told.figures:
        return number("")
    return number(count(told.figures.get((measure, area), 0)))


def _kept_of(told: Told) -> Iterator[str]:
    """B: what of a record tells who somebody is, and what is kept of that."""
    yield "<h2>B. What identifies, and what is kept of it</h2>"
    bearers = {kind: [words(s.extract.name) for s in told.sources if s.extract.identity(kind)] for kind in Identity}
    rows = [(text(kind), text(", ".join(names)), text(KEPT_OF[kind])) for kind, names in bearers.items() if names]
    yield table(
        "Read from the declarations of the sources; every other column is kept.", (text("Identifier"), text("Sources that send it"), text("Kept")), rows
    )


def _draft(letter: str, draft: Draft, said: dict[str, str]) -> Iterator[str]:
    yield f"<h2>{letter}. {escape(draft.title)}</h2>"
    yield paragraph(f"{draft.words} After {draft.law}.")
    names = (text("Asked for"), text("Place"), text("As this run did it"), text("Left to a person"))
    yield table(f"Draft: {draft.title}.", names, [_row(row, said) for row in draft.rows]).replace("<table>", '<table class="draft">')


def _row(row: DraftRow, said: dict[str, str]) -> tuple[Cell, ...]:
    decide = f'<span class="decide"><b>{DECIDE}</b> {escape(row.decide)}</span>' if row.decide else ""
    return (
        text(row.title),
        text(row.place),
        text(" ".join(said[code] for code in row.shows) or "Nothing that a run could show."),
        Cell("nothing", markup=decide),
    )


def _opt_outs(told: Told, said: dict[str, str]) -> Iterator[str]:
    """G: who objects, and how far that bends the picture."""
    yield "<h2>G. Who objects</h2>"
    yield paragraph(said["objections"])
    rows = {(row["area_code"], row["group_type"], row["group"]): row for row in told.tables["opt_outs"]}
    sources = [source.extract.name for source in told.sources]
    kinds = [kind for kind in OBJECTIONS if any((source, OBJECTION, kind) in rows for source in sources)]
    names = [text("Source"), Cell("People", is_number=True), Cell("Left out", is_number=True), Cell("Share", is_number=True)]
    body = [
        [text(words(source)), *_of_people(rows.get((source, ALL, ALL))), *(_left(rows.get((source, OBJECTION, kind))) for kind in kinds)] for source in sources
    ]
    yield table(
        "People of each source whose records are left out because they object.",
        [*names, *(Cell(f"by {OBJECTIONS[kind]}", is_number=True) for kind in kinds)],
        body,
    )
    apart = [row for row in told.tables["opt_outs"] if row["stands_out"] and row["group_type"] in (AGE, SEX)]
    lines = [
        f"{words(row['area_code']).capitalize()}, {row['group_type'].replace('_', ' ').removesuffix(' band')} {row['group']}: "
        f"{row['value']:.1f}% object, {row['gap']:+.1f} points from the whole source."
        for row in sorted(apart, key=lambda row: -abs(row["gap"]))[:8]
    ]
    if lines:
        yield paragraph("Groups who object more or less often than their whole source, by more than chance. Figures of those groups lean by as much:")
        yield bullets(lines)
    else:
        yield paragraph("No age and neither sex objects more or less often than its whole source by more than chance, so far as the shown numbers tell.")


def _of_people(row: Row | None) -> tuple[Cell, ...]:
    if row is None:
        return (number("0"),) * 3
    share = HIDDEN if row["value"] is None else f"{row['value']:.1f}%"
    return number(count(row["denominator"])), number(count(row["numerator"])), number(share)


def _left(row: Row | None) -> Cell:
    return number("0" if row is None else count(row["numerator"]))


def _releases(told: Told) -> Iterator[str]:
    """H: what was released, and what is known already to whoever reads it."""
    yield "<h2>H. What is released</h2>"
    accounts = told.tables["disclosure_control"]
    names = [text("Table"), *(Cell(name, is_number=True) for name in ("Numbers", "Shown", "Suppressed"))]
    body = [[text(words(row["table"])), *(number(f"{row[of]:,}") for of in ("cells", "shown", "suppressed"))] for row in accounts]
    total = [text("this release"), *(number(f"{sum(row[of] for row in accounts):,}") for of in ("cells", "shown", "suppressed"))]
    yield table("This release, each number counted once, after it was attacked.", names, [*body, total], totals=[len(body)])
    if told.before:
        rows = [(text(r.run), text(f"{r.as_at}"), text(r.profile), number(f"{r.cells:,}"), number(f"{r.shown:,}")) for r in told.before]
        heads = (text("Run"), text("As at"), text("Profile"), Cell("Numbers", is_number=True), Cell("Shown", is_number=True))
        yield table("Releases before it, all of which an attacker was taken to know.", heads, rows)
    else:
        yield paragraph("It is the first release of this workspace.")
    yield paragraph("When each was published and with which digests stands in audit/releases.csv; by whom, in the trail.", "aside")


def _signature() -> Iterator[str]:
    yield "<h2>Sign-off</h2>"
    blank = (text("Information governance lead"), text("Caldicott Guardian"), text("Senior information risk owner"), text("Data protection officer"))
    names = tuple(text(name) for name in ("Role", "Name", "Decided, with what conditions", "Signature", "Date"))
    rows = ((who, text(""), text(""), text(""), text("")) for who in blank)
    yield table("To be filled in by hand.", names, rows).replace("<table>", '<table class="signature">')

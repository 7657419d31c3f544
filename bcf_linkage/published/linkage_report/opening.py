"""The first page: what came out, in plain words, with lights; and at the very end who signs for it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.pages.elements import Cell, bullets, light_of, lit, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.match import ELSEWHERE, NOT_RECORDED
from bcf_linkage.published.linkage_quality.sensitivity import RULES
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE
from bcf_linkage.published.linkage_report.told import Row, Told, at_least, count, percent, truth, words

JUDGED = ("match_rate", "precision", "recall")
SEVERITY = ("red", "amber", "not known", "green")
SENTENCES = {
    "green": "The linkage meets all three of its targets, even at the lower end of each interval.",
    "amber": "The linkage may fall a little short of its target for {}: the lower end of the interval does.",
    "red": "The linkage may fall well short of its target for {}: the lower end of the interval does.",
    "not known": "The target for {} cannot be judged on this run.",
}


def opening(told: Told) -> Iterator[str]:
    """Outcome, cards, what to look at first, and every source's lights."""
    lights = [told.summary[code, EVERYWHERE]["light"] for code in JUDGED]
    worst = min(lights, key=SEVERITY.index)
    short = [_inside(told.summary[code, EVERYWHERE]["measure_name"]) for code, light in zip(JUDGED, lights, strict=True) if light == worst]
    yield f"<h1>Linkage quality: {escape(told.locality)}</h1>"
    yield paragraph(f"As at {told.as_at:%-d %B %Y}. Run {told.run_id}.", "aside")
    if told.made_up:
        yield paragraph("Every person in this workspace is made up. The truth about them is known, and stands beside each estimate.", "aside")
    yield paragraph(SENTENCES[worst].format(" and ".join(short)), f"outcome {worst.split()[0]}")
    yield '<ul class="cards">' + "".join(_card(told, code) for code in JUDGED) + "</ul>"
    yield bullets(_first_things(told))
    yield "<h2>Each source against the targets</h2>"
    yield _lights(told)
    yield paragraph(
        "A light follows the lower end of the 95% interval and not the figure: what chance alone may have made so is no merit. "
        "Match rate is counted. Precision and recall are estimated without labels, as section E explains; "
        "“at least” means that a small number is hidden, and taken to be as bad as it can be."
    )


def _inside(name: str) -> str:
    """A name within a sentence."""
    return name[0].lower() + name[1:]


def _card(told: Told, code: str) -> str:
    row = told.summary[code, EVERYWHERE]
    known = f"<br>The truth: {truth(row)}" if truth(row) else ""
    between = "" if row["value"] is None else f"<br>95% interval {row['lower']:.2f} to {row['upper']:.2f}"
    return (
        f'<li class="{row["light"].split()[0]}">{row["measure_name"]}<span class="figure">{_figure(row)}</span>{light_of(row["light"])} '
        f"target {row['green']:g}%{between}{known}</li>"
    )


def _figure(row: Row) -> str:
    if row["value"] is None:
        return "not known"
    return f"{at_least(row)}{percent(row['value'], 2 if row['value'] >= 99 else 1)}"


def _first_things(told: Told) -> Iterator[str]:
    linked = told.whole("linked", EVERYWHERE)
    if linked and linked["numerator"] is not None:
        yield f"Of {count(linked['denominator'])} records that went to trace, {count(linked['numerator'])} were linked to somebody on the GP register."
    known = [row for area in told.sources if (row := told.summary["match_rate", area])["value"] is not None]
    if known:
        lowest = min(known, key=lambda row: (row["value"], row["area_code"]))
        yield f"The source that is matched least is {words(lowest['area_code'])}: {_figure(lowest)}."
    names = {each.code: each.name.split(" (")[0].split(",")[0].lower() for each in told.rules.characteristics if each.kind != "number"}
    low = (r for r in told.tables["linkage_quality"] if r["stands_out"] and r["gap"] < 0 and r["area_code"] == EVERYWHERE)
    out = [row for row in low if row["group_type"] in names and row["group"] not in (NOT_RECORDED, ELSEWHERE)]
    if out:
        groups = ", ".join(f"{names[r['group_type']]} {r['group']} ({r['gap']:+.1f} points)" for r in sorted(out, key=lambda r: (r["gap"], r["group"]))[:4])
        yield f"Groups matched less often than all records together, by more than chance: {groups}."
    apart = [row for row in told.tables["linkage_differences"] if row["stands_out"]]
    compared = sum(row["difference"] is not None for row in told.tables["linkage_differences"])
    yield f"Linked and unlinked people differ by more than 0.1 standard deviations in {len(apart)} of {compared} comparisons."
    moved = [row for row in told.tables["linkage_sensitivity"] if row["moved"] and row["rule"] in RULES]
    if moved:
        most = max(moved, key=lambda r: (abs(r["moved_percent"] or 0), r["measure"], r["rule"]))
        by = f"{most['moved_percent']:+.1f}% under the {most['rule']} rule"
        yield f"The published cohort that depends most on the linkage rule: {most['measure_name']}, {by}."
    else:
        yield "No published cohort of the locality moves by as much as the rounding under a stricter or a looser linkage rule."


def _lights(told: Told) -> str:
    names = [text("Source"), *(Cell(told.summary[code, EVERYWHERE]["measure_name"], is_number=True) for code in JUDGED)]
    rows = [[text(words(area)), *(lit(_figure(row), row["light"]) for code in JUDGED if (row := told.summary[code, area]))] for area in told.areas]
    return table("Match rate, precision and recall of each source, each with its light.", names, rows, totals=[0])


def thresholds(told: Told) -> Iterator[str]:
    """The targets, where they come from, and how numbers are shown."""
    yield '<h2 id="how-to-read">How to read this report</h2>'
    rows = ((text(each.name), number(f"{each.green:g}%"), number(f"{each.amber:g}%"), text(each.source)) for each in told.rules.thresholds)
    names = (text("Figure"), Cell("Green from", is_number=True), Cell("Amber from", is_number=True), text("Source"))
    yield table("Targets, fixed before anything was measured.", names, rows)
    yield bullets(
        (
            f"Every number is as published: {told.rule}. A number that would tell a suppressed one is suppressed with it.",
            "Intervals are Wilson's 95% score intervals of the rounded numbers.",
            "A record is linked when its person is found on the GP register and confirmed. "
            "A match rate cannot reach 100% where a source sees people from elsewhere.",
            "Precision is the share of links that are right; recall the share of people who can be found that are; F1 balances the two.",
            "The same figures are in the tables linkage_quality, linkage_differences, linkage_sensitivity, linkage_bounds, linkage_summary, "
            "linkage_provenance and linkage_ledger.",
        )
    )


def signature() -> Iterator[str]:
    """Where the report is signed for."""
    yield "<h2>Sign-off</h2>"
    blank = (text("Information analyst"), text("Information governance lead"), text("Caldicott Guardian, or another who answers for the use of the data"))
    rows = ((who, text(""), text(""), text(""), text("")) for who in blank)
    names = tuple(text(name) for name in ("Role", "Name", "Fit for use? For what, with what limits", "Signature", "Date"))
    yield table("To be filled in by hand.", names, rows).replace("<table>", '<table class="signature">')

"""The first page, with the result and a traffic light for each target; at the end, how to read the report and the sign-off."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.pages.elements import Cell, bullets, light_badge, number, number_with_light, paragraph, table, text
from bcf_linkage.published.linkage_quality.match_rates import ELSEWHERE, NOT_RECORDED
from bcf_linkage.published.linkage_quality.sensitivity import RULES
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES
from bcf_linkage.published.linkage_report.report_data import LinkageReportData, at_least_prefix, format_count, format_percent, format_truth, label_for
from bcf_linkage.published.published_rows import SummaryRow

TARGET_MEASURES = ("match_rate", "precision", "recall")
SEVERITY = ("red", "amber", "not known", "green")
SENTENCES = {
    "green": "The linkage meets all three targets, even at the lower end of each interval.",
    "amber": "The linkage may be a little below its target for {}: the lower end of the interval is.",
    "red": "The linkage may be well below its target for {}: the lower end of the interval is.",
    "not known": "The target for {} cannot be assessed in this run.",
}


def render_opening(data: LinkageReportData) -> Iterator[str]:
    """Render the result, a card for each target, the key findings, and the lights of each source."""
    lights = [data.summary[code, ALL_SOURCES]["light"] for code in TARGET_MEASURES]
    worst = min(lights, key=SEVERITY.index)
    worst_names = [
        _within_sentence(data.summary[code, ALL_SOURCES]["measure_name"]) for code, light in zip(TARGET_MEASURES, lights, strict=True) if light == worst
    ]
    yield f"<h1>Linkage quality: {escape(data.locality)}</h1>"
    yield paragraph(f"As at {data.as_at:%-d %B %Y}. Run {data.run_id}.", "aside")
    if data.is_synthetic:
        yield paragraph("Every person in this workspace is made up. The truth is known and shown with each estimate.", "aside")
    yield paragraph(SENTENCES[worst].format(" and ".join(worst_names)), f"outcome {worst.split()[0]}")
    yield '<ul class="cards">' + "".join(_render_card(data, code) for code in TARGET_MEASURES) + "</ul>"
    yield bullets(_list_key_findings(data))
    yield "<h2>Each source against the targets</h2>"
    yield _render_lights(data)
    yield paragraph(
        "A light follows the lower end of the 95% interval, not the figure: a figure above the target can be due to chance. "
        "The match rate is counted. Precision and recall are estimated without labels (section E). "
        "“At least” means that a small number is hidden; the figure is the worst that it allows."
    )


def _within_sentence(name: str) -> str:
    """Return a name as it is within a sentence."""
    return name[0].lower() + name[1:]


def _render_card(data: LinkageReportData, code: str) -> str:
    row = data.summary[code, ALL_SOURCES]
    truth_text = f"<br>True value: {format_truth(row)}" if format_truth(row) else ""
    interval_text = "" if row["value"] is None else f"<br>95% interval {row['lower']:.2f} to {row['upper']:.2f}"
    return (
        f'<li class="{row["light"].split()[0]}">{row["measure_name"]}<span class="figure">{_figure_text(row)}</span>{light_badge(row["light"])} '
        f"target {row['green']:g}%{interval_text}{truth_text}</li>"
    )


def _figure_text(row: SummaryRow) -> str:
    if row["value"] is None:
        return "not known"
    return f"{at_least_prefix(row)}{format_percent(row['value'], 2 if row['value'] >= 99 else 1)}"


def _list_key_findings(data: LinkageReportData) -> Iterator[str]:
    """Yield the findings to look at first, a sentence each."""
    linked = data.whole_source("linked", ALL_SOURCES)
    if linked and linked["numerator"] is not None:
        yield f"Of {format_count(linked['denominator'])} records traced, {format_count(linked['numerator'])} were linked to a person on the GP register."
    rates = [(row["value"], area) for area in data.sources if (row := data.summary["match_rate", area])["value"] is not None]
    if rates:
        _, lowest = min(rates)
        yield f"The source with the lowest match rate is {label_for(lowest)}: {_figure_text(data.summary['match_rate', lowest])}."
    names = {
        characteristic.code: characteristic.name.split(" (")[0].split(",")[0].lower()
        for characteristic in data.rules.characteristics
        if characteristic.kind != "number"
    }
    low = (r for r in data.quality if r["stands_out"] and r["gap"] < 0 and r["area_code"] == ALL_SOURCES)
    low_groups = [row for row in low if row["group_type"] in names and row["group"] not in (NOT_RECORDED, ELSEWHERE)]
    if low_groups:
        groups = ", ".join(
            f"{names[r['group_type']]} {r['group']} ({r['gap']:+.1f} points)" for r in sorted(low_groups, key=lambda r: (r["gap"], r["group"]))[:4]
        )
        yield f"Groups with a lower match rate than all records together, by more than chance: {groups}."
    differing = [row for row in data.differences if row["stands_out"]]
    compared = sum(row["difference"] is not None for row in data.differences)
    yield f"Linked and unlinked people differ by more than 0.1 standard deviations in {len(differing)} of {compared} comparisons."
    shifted = [row for row in data.sensitivity if row["moved"] and row["rule"] in RULES]
    if shifted:
        most_shifted = max(shifted, key=lambda r: (abs(r["moved_percent"] or 0), r["measure"], r["rule"]))
        effect = f"{most_shifted['moved_percent']:+.1f}% under the {most_shifted['rule']} rule"
        yield f"The published cohort that depends most on the linkage rule: {most_shifted['measure_name']}, {effect}."
    else:
        yield "No published cohort of the locality moves by more than the rounding under a stricter or a looser linkage rule."


def _render_lights(data: LinkageReportData) -> str:
    names = [text("Source"), *(Cell(data.summary[code, ALL_SOURCES]["measure_name"], is_number=True) for code in TARGET_MEASURES)]
    rows = [
        [text(label_for(area)), *(number_with_light(_figure_text(row), row["light"]) for code in TARGET_MEASURES if (row := data.summary[code, area]))]
        for area in data.areas
    ]
    return table("Match rate, precision and recall of each source, with the light of each.", names, rows, totals=[0])


def render_thresholds(data: LinkageReportData) -> Iterator[str]:
    """Render the targets with their sources, and how numbers are shown."""
    yield '<h2 id="how-to-read">How to read this report</h2>'
    rows = (
        (text(threshold.name), number(f"{threshold.green:g}%"), number(f"{threshold.amber:g}%"), text(threshold.source)) for threshold in data.rules.thresholds
    )
    names = (text("Figure"), Cell("Green from", is_number=True), Cell("Amber from", is_number=True), text("Source"))
    yield table("Targets, set before the first measurement.", names, rows)
    yield bullets(
        (
            f"Every number is as published: {data.rule}. A number that would reveal a suppressed one is suppressed as well (secondary suppression).",
            "Intervals are Wilson's 95% score intervals of the rounded numbers.",
            "A record is linked when its person is found on the GP register and confirmed. "
            "A match rate cannot reach 100% where a source sees people who are not registered in the locality.",
            "Precision is the share of links that are right. Recall is the share of people who can be found that are found. F1 is their harmonic mean.",
            "The same figures are in the tables linkage_quality, linkage_differences, linkage_sensitivity, linkage_bounds, linkage_summary, "
            "linkage_provenance and linkage_ledger.",
        )
    )


def render_signature() -> Iterator[str]:
    """Render the table for the sign-off."""
    yield "<h2>Sign-off</h2>"
    roles = (
        text("Information analyst"),
        text("Information governance lead"),
        text("Caldicott Guardian, or another person responsible for the use of the data"),
    )
    rows = ((role, text(""), text(""), text(""), text("")) for role in roles)
    names = tuple(text(name) for name in ("Role", "Name", "Fit for use? For which purpose, within which limits?", "Signature", "Date"))
    yield table("To be completed by hand.", names, rows).replace("<table>", '<table class="signature">')

"""Section E, checks of the estimates: precision by the duplicate method, and the clerical review."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.pages.elements import Cell, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.linkage_summary import DUPLICATES
from bcf_linkage.published.linkage_quality.tallies import MATCH_PASS
from bcf_linkage.published.linkage_report.report_data import HIDDEN, LinkageReportData, at_least_prefix, format_count, format_truth, label_for
from bcf_linkage.published.published_rows import FigureRow


def render_by_duplicates(data: LinkageReportData) -> Iterator[str]:
    """Render E4: precision estimated from second numbers that are linked to one person."""
    yield "<h3>Precision by the duplicate method</h3>"
    eligible = [area for area in data.sources if area in data.rules.one_number_each]
    yield paragraph(
        "After Blakely and Salmond (2002). Where a source has one number for each person, a second number that is linked to the same person is wrong. A wrong "
        "link is visible only if it falls on a person who is linked as well, and is assumed to fall on anybody of the register with equal chance. With L "
        "numbers linked to P people of a register of N, D of them a second number: precision = 1 - (D x N / P) / L. If a source has two numbers "
        "for a person, the true precision is higher."
    )
    estimated = [(area, row) for area in eligible if (row := data.summary[DUPLICATES, area])["value"] is not None]
    for area, row in estimated:
        truth_sentence = f" In truth, {format_truth(row)} of its links are right." if format_truth(row) else ""
        interval = f"95% interval {row['lower']:.2f} to {row['upper']:.2f}"
        yield paragraph(f"{label_for(area).capitalize()}: {at_least_prefix(row)}{row['value']:.2f}% ({interval}).{truth_sentence}")
    ineligible = ", ".join(label_for(area) for area in data.sources if area not in eligible)
    for area in eligible:
        if area not in dict(estimated):
            yield paragraph(
                f"{label_for(area).capitalize()}: not known for this run. A number that the method needs is hidden, or more numbers share a person than "
                "wrong links by chance could explain."
            )
    if ineligible:
        yield paragraph(
            f"Not known for {ineligible}: each practice and each hospital gives its own local numbers, so one person can have several without any error.",
            "aside",
        )


def render_clerical_review(data: LinkageReportData) -> Iterator[str]:
    """Render E5: what clerical reviewers found, by source and match pass."""
    yield "<h3>Clerical review</h3>"
    reviews = {row["subject"]: row["detail"] for row in data.provenance if row["fact"] == "links reviewed by a person"}
    reviewed_groups = sorted((area, match_pass) for measure, area, kind, match_pass in data.figures if measure == "reviewed_another" and kind == MATCH_PASS)
    areas = dict.fromkeys(area for area, _ in reviewed_groups)
    if not areas:
        yield paragraph(
            "Not known: no sample has been reviewed. The command bcf clerical-review writes a sample of links of each match pass and counts the verdicts."
        )
        return
    rows = [
        [text(label_for(area)), text(label_for(match_pass)), *verdict_cells(data.figures["reviewed_another", area, MATCH_PASS, match_pass])]
        for area, match_pass in reviewed_groups
    ]
    names = [
        text("Source"),
        text("Match pass"),
        *(Cell(name, is_number=True) for name in ("Links judged", "False matches", "Precision", "False matches, at most")),
    ]
    review_list = "; ".join(f"{label_for(area)}, {reviews[area]}" for area in areas)
    yield table(f"The latest clerical review of each source: {review_list}. Links that the reviewer could not decide are left out.", names, rows)
    yield paragraph(
        "False matches, at most: the upper end of the 95% interval. Where no false match was found, the rule of three applies: 3 divided by the links judged.",
        "aside",
    )
    unreviewed = [label_for(area) for area in data.sources if area not in areas]
    if unreviewed:
        yield paragraph(f"Not known for {', '.join(unreviewed)}: no sample has been reviewed.", "aside")


def verdict_cells(row: FigureRow) -> list[Cell]:
    """Return the cells of one match pass: links judged, false matches, precision, and the highest share of false matches that is plausible.

    Without a link judged, all but the first are blank. Where the number of false matches is suppressed, they are `hidden`.
    """
    reviewed, wrong = row["denominator"], row["numerator"]
    if not reviewed or wrong is None or row["value"] is None:
        return [number(format_count(reviewed)), *(number(HIDDEN if wrong is None else "") for _ in range(3))]
    highest_error = 100 * min(1.0, 3 / reviewed) if wrong == 0 else row["upper"]
    return [number(format_count(reviewed)), number(format_count(wrong)), number(f"{100 - row['value']:.1f}%"), number(f"{highest_error:.1f}%")]

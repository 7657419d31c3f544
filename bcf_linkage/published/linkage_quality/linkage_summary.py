"""The table `linkage_summary`: match rate, precision, recall and F1 of each source, with their targets, from published figures alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bcf_linkage.definitions.disclosure import Disclosure
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.published.linkage_quality.error_estimates import End, estimate_precision_and_recall, estimate_precision_by_duplicates, f1_score, share_end
from bcf_linkage.published.linkage_quality.published_figures import NO_KNOWN_LIMITS, LargestPossible, PublishedFigures, Share
from bcf_linkage.published.published_rows import PublishedRow, SummaryRow, typed_rows

UNKNOWN_BASIS = "not known"
DUPLICATES = "precision_by_duplicates"
EXTRA_NAMES = {"f1": "Balance of the two (F1)", DUPLICATES: "Links that are right, by the duplicate method"}
SUMMARY_MEASURES = (
    "linked", "linked_on_demographics", "holdout_missed", "holdout_wrong", "positive_control_missed", "one_person_many_numbers", "true_wrong", "true_missed"
)  # fmt: skip
"""Figures for which the summary shows the worst value that a suppressed one can have. A reader learns from it that the number is small."""


def summarise_linkage(
    rows: Iterable[PublishedRow], rules: QualityRules, disclosure: Disclosure, largest_possible: LargestPossible = NO_KNOWN_LIMITS
) -> list[SummaryRow]:
    """Published rows of `linkage_quality` -> rows of `linkage_summary` without their stamp: one per figure and source, all sources first.

    `largest_possible` gives, by (measure, source), an upper bound of each suppressed figure, None if it can be large.
    """
    figures = PublishedFigures(rows, disclosure, largest_possible)
    return [entry for area in figures.areas for entry in _summarise_area(figures, area, rules)]


def _summarise_area(figures: PublishedFigures, area: str, rules: QualityRules) -> Iterator[SummaryRow]:
    precision, recall = estimate_precision_and_recall(figures, area)
    true_precision, true_recall = (figures.true_share(measure, area) for measure in ("true_wrong", "true_missed"))
    estimates = (
        ("match_rate", figures.match_rate(area), None),
        ("precision", precision, true_precision),
        ("recall", recall, true_recall),
        ("f1", f1_score(precision, recall), f1_score(true_precision, true_recall)),
        (DUPLICATES, estimate_precision_by_duplicates(figures, area) if area in rules.one_number_each else None, true_precision),
    )
    thresholds = {threshold.code: threshold for threshold in rules.thresholds}
    for code, share, truth in estimates:
        threshold, lower = thresholds.get(code), _floor_percent(share, "lower")
        row = {
            "measure": code,
            "measure_name": threshold.name if threshold else EXTRA_NAMES[code],
            "area_code": area,
            "area_name": area.replace("_", " "),
            "value": _floor_percent(share, "value"),
            "lower": lower,
            "upper": _floor_percent(share, "upper"),
            "truth_lower": _floor_percent(truth, "lower"),
            "truth_upper": _floor_percent(truth, "upper"),
            "green": threshold and threshold.green,
            "amber": threshold and threshold.amber,
            # The lower end of the interval must reach the threshold: a figure above it can be due to chance.
            "light": threshold.light(lower) if threshold else None,
            "basis": share.basis if share else UNKNOWN_BASIS,
        }
        yield from typed_rows(SummaryRow, [row])


def _floor_percent(share: Share | None, end: End) -> float | None:
    """Return a share in percent, rounded down to two decimals, so that rounding never lifts a figure to a threshold."""
    return None if share is None else int(share_end(share, end) * 10_000 + 1e-6) / 100

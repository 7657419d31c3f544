"""Published tables that show the protected tree of linkage counts."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.published.exact_counts import ALL, label_for_code
from bcf_linkage.published.intervals import round_half_up
from bcf_linkage.published.linkage_quality.flow import MEASURE_OF_OUTCOME, REASON

LISTED_BY_REASON = ("unlinked",)
PUBLISHED_BY_GROUP = ("linked", "score", "margin", "pattern", "number_status", "holdout_missed", "holdout_wrong", "reviewed_another")
"""Figures whose groups are published. The groups of other figures are denominators only, and are published with their numerator."""

PREVIOUS_COLUMNS = ("measure", "area_code", "group_type", "group", "value")
"""Columns of the figures of the previous run that are read for the comparison."""


def build_linkage_quality(protected: nw.LazyFrame, previous: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Protected linkage counts, and the figures of the previous run (columns `PREVIOUS_COLUMNS`) -> rows of `linkage_quality` without their stamp.

    A rate is compared with that of the previous run. The rate of a group is also compared with that of its source.
    """
    measure, group_type = nw.col("measure"), nw.col("group_type")
    is_whole, by_reason = group_type == ALL, group_type == REASON
    is_published = is_whole | (by_reason & measure.is_in(list(LISTED_BY_REASON))) | (~is_whole & ~by_reason & measure.is_in(list(PUBLISHED_BY_GROUP)))
    published = protected.filter(is_published & measure.is_in(list(rules.by_code)))
    compared = compare_with_whole(published, group_type != ALL)
    placed = compared.with_columns(section=label_for_code(measure, {figure.code: figure.section for figure in rules.figures}))
    rates = previous.select(*PREVIOUS_COLUMNS[:-1], before=nw.col("value"))
    return _add_change(placed.join(rates, on=list(PREVIOUS_COLUMNS[:-1]), how="left"))


def _add_change(figures: nw.LazyFrame) -> nw.LazyFrame:
    """Add `change` to figures with `value` and `before`. Both are null for a plain count, which depends on the size of the delivery."""
    is_rate = nw.col("unit") != "count"
    return figures.with_columns(before=nw.when(is_rate).then(nw.col("before")), change=nw.when(is_rate).then(_difference("value", "before")))


def compare_with_whole(figures: nw.LazyFrame, is_group: nw.Expr) -> nw.LazyFrame:
    """Add `reference`, `gap` and `stands_out` to protected figures: the percentage of each group compared with that of its whole source."""
    is_rate = nw.col("unit") == "percent"
    source_rates = figures.filter((nw.col("group_type") == ALL) & is_rate).select("measure", "area_code", whole=nw.col("value"))
    joined = figures.join(source_rates, on=["measure", "area_code"], how="left")
    reference = nw.when(is_group & ~nw.col("value").is_null()).then(nw.col("whole"))
    compared = joined.with_columns(reference=reference)
    outside = (nw.col("reference") < nw.col("lower")) | (nw.col("reference") > nw.col("upper"))
    return compared.with_columns(gap=_difference("value", "reference"), stands_out=outside).drop("whole")


def _difference(minuend: str, subtrahend: str) -> nw.Expr:
    """Return one column less another, to two decimals."""
    difference = nw.col(minuend) - nw.col(subtrahend)
    return round_half_up(difference.abs(), 2) * nw.when(difference < 0).then(-1.0).otherwise(1.0)


def build_linkage_ledger(protected: nw.LazyFrame) -> nw.LazyFrame:
    """Protected linkage counts -> rows of `linkage_ledger` without their stamp: one per extract, outcome and reason."""
    outcomes = {measure: str(outcome) for outcome, measure in MEASURE_OF_OUTCOME.items()}
    return protected.filter((nw.col("group_type") == REASON) & nw.col("measure").is_in([MEASURE_OF_OUTCOME[outcome] for outcome in Outcome])).select(
        "status",
        "period_start",
        "period_end",
        extract=nw.col("area_code"),
        outcome=label_for_code(nw.col("measure"), outcomes),
        reason=nw.col("group"),
        rows=nw.col("numerator"),
    )

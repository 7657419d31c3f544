"""The published tables that are views of the one protected tree of linkage counts."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.published.exact import ALL, text_of
from bcf_linkage.published.intervals import half_up
from bcf_linkage.published.linkage_quality.flow import MEASURES, REASON

LISTED_BY_REASON = ("unlinked",)
GROUPED = ("linked", "score", "margin", "pattern", "number_status", "holdout_missed", "holdout_wrong", "reviewed_another")
"""Figures of which groups are published; of others a group is a denominator only, and stands beside its numerator."""


BEFORE = ("measure", "area_code", "group_type", "group", "value")
"""What of the figures of the run before theirs are held against."""


def linkage_quality(protected: nw.LazyFrame, before: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Protected linkage counts, and what the run before published with the columns `BEFORE` -> the figures, each with its section.

    A rate is held against that of the run before and, if it is a group's, against its source's.
    """
    measure, group_type = nw.col("measure"), nw.col("group_type")
    is_whole, by_reason = group_type == ALL, group_type == REASON
    wanted = is_whole | (by_reason & measure.is_in(list(LISTED_BY_REASON))) | (~is_whole & ~by_reason & measure.is_in(list(GROUPED)))
    told = protected.filter(wanted & measure.is_in(list(rules.by_code)))
    held = held_against(told, group_type != ALL)
    placed = held.with_columns(section=text_of(measure, {figure.code: figure.section for figure in rules.figures}))
    rates = before.select(*BEFORE[:-1], before=nw.col("value"))
    return _with_change(placed.join(rates, on=list(BEFORE[:-1]), how="left"))


def _with_change(told: nw.LazyFrame) -> nw.LazyFrame:
    """Figures with `value` and `before` -> with `change` as well. Of a count that is no rate there is neither: it goes by how much was delivered."""
    is_rate = nw.col("unit") != "count"
    return told.with_columns(before=nw.when(is_rate).then(nw.col("before")), change=nw.when(is_rate).then(_less("value", "before")))


def held_against(told: nw.LazyFrame, is_group: nw.Expr) -> nw.LazyFrame:
    """Protected figures -> the same with `reference`, `gap` and `stands_out`: each group's rate held against that of its whole source."""
    is_rate = nw.col("unit") == "percent"
    whole = told.filter((nw.col("group_type") == ALL) & is_rate).select("measure", "area_code", whole=nw.col("value"))
    joined = told.join(whole, on=["measure", "area_code"], how="left")
    reference = nw.when(is_group & ~nw.col("value").is_null()).then(nw.col("whole"))
    held = joined.with_columns(reference=reference)
    outside = (nw.col("reference") < nw.col("lower")) | (nw.col("reference") > nw.col("upper"))
    return held.with_columns(gap=_less("value", "reference"), stands_out=outside).drop("whole")


def _less(one: str, other: str) -> nw.Expr:
    """One column less another, to two decimals."""
    apart = nw.col(one) - nw.col(other)
    return half_up(apart.abs(), 2) * nw.when(apart < 0).then(-1.0).otherwise(1.0)


def linkage_ledger(protected: nw.LazyFrame) -> nw.LazyFrame:
    """Protected linkage counts -> one row per extract, place and reason."""
    places = {measure: str(place) for place, measure in MEASURES.items()}
    return protected.filter((nw.col("group_type") == REASON) & nw.col("measure").is_in([MEASURES[place] for place in Place])).select(
        "status",
        "period_start",
        "period_end",
        extract=nw.col("area_code"),
        place=text_of(nw.col("measure"), places),
        reason=nw.col("group"),
        rows=nw.col("numerator"),
    )

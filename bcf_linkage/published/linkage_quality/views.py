"""The published tables that are views of the one protected tree of linkage counts."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.published.exact import ALL, text_of
from bcf_linkage.published.intervals import half_up
from bcf_linkage.published.linkage_quality.flow import MEASURES, REASON

LISTED_BY_REASON = ("unlinked",)
GROUPED = ("linked", "score", "margin", "pattern")
"""Figures of which groups are published; of others a group is a denominator only, and stands beside its numerator."""


def linkage_quality(protected: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Protected linkage counts -> the figures, each with its section and, if it is a group's rate, held against its source's."""
    measure, group_type = nw.col("measure"), nw.col("group_type")
    is_whole, by_reason = group_type == ALL, group_type == REASON
    wanted = is_whole | (by_reason & measure.is_in(list(LISTED_BY_REASON))) | (~is_whole & ~by_reason & measure.is_in(list(GROUPED)))
    told = protected.filter(wanted & measure.is_in(list(rules.by_code)))
    held = held_against(told, group_type != ALL)
    return held.with_columns(section=text_of(measure, {figure.code: figure.section for figure in rules.figures}))


def held_against(told: nw.LazyFrame, is_group: nw.Expr) -> nw.LazyFrame:
    """Protected figures -> the same with `reference`, `gap` and `stands_out`: each group's rate held against that of its whole source."""
    is_rate = nw.col("unit") == "percent"
    whole = told.filter((nw.col("group_type") == ALL) & is_rate).select("measure", "area_code", whole=nw.col("value"))
    joined = told.join(whole, on=["measure", "area_code"], how="left")
    reference = nw.when(is_group & ~nw.col("value").is_null()).then(nw.col("whole"))
    held = joined.with_columns(reference=reference)
    apart = nw.col("value") - nw.col("reference")
    outside = (nw.col("reference") < nw.col("lower")) | (nw.col("reference") > nw.col("upper"))
    sign = nw.when(apart < 0).then(-1.0).otherwise(1.0)
    return held.with_columns(gap=half_up(apart.abs(), 2) * sign, stands_out=outside).drop("whole")


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

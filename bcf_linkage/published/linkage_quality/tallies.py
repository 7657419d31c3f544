"""Tallies, and the one tree of exact counts that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import Figure, QualityRules
from bcf_linkage.definitions.periods import Period
from bcf_linkage.published.exact import ALL, EXACT, node, text_of

TALLY = ("measure", "area_code", "group_type", "group", "count")
EVERYWHERE = "all sources"
REGISTER = "gp_registrations"
FLOW = ("rows_read", "rows_traced", "linked", "not_matched", "not_registered", "unlinked")
"""Figures of the flow that are also told of all sources together."""


def tally(rows: nw.LazyFrame, measure: nw.Expr, area: nw.Expr, count: nw.Expr, group_type: str = ALL, group: nw.Expr | None = None) -> nw.LazyFrame:
    """Rows -> one row per measure, area and group: `count` is what the expression sums to."""
    keyed = rows.select(
        measure=measure,
        area_code=area,
        group_type=nw.lit(group_type),
        group=nw.lit(ALL) if group is None else group,
        count=count.cast(nw.Int64),
    )
    return keyed.group_by(*TALLY[:-1]).agg(nw.col("count").sum()).select(*TALLY)


def over_all_sources(tallies: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Tallies of sources -> the same figures over all sources but the register itself, those that the rules pool."""
    is_grouped = nw.col("group_type").is_in([characteristic.code for characteristic in rules.characteristics])
    pooled = nw.col("measure").is_in([figure.code for figure in rules.figures if figure.pooled])
    flow = nw.col("measure").is_in(list(FLOW)) & (is_grouped | (nw.col("group_type") == ALL))
    of_sources = tallies.filter((nw.col("area_code") != REGISTER) & (flow | pooled))
    summed = of_sources.group_by("measure", "group_type", "group").agg(nw.col("count").sum())
    return summed.with_columns(area_code=nw.lit(EVERYWHERE)).select(*TALLY)


def exact(tallies: Iterable[nw.LazyFrame], rules: QualityRules, period: Period) -> nw.LazyFrame:
    """Tallies of every source -> exact counts, each with its place in the tree of counts, those of all sources together among them."""
    of_sources = nw.concat([frame.select(*TALLY) for frame in tallies])
    return _placed(nw.concat([of_sources, over_all_sources(of_sources, rules)]), rules, period)


def _placed(tallies: nw.LazyFrame, rules: QualityRules, period: Period) -> nw.LazyFrame:
    measure, area, group_type, group = (nw.col(name) for name in TALLY[:-1])
    figures, codes = rules.figures, [characteristic.code for characteristic in rules.characteristics]
    is_whole, alike = group_type == ALL, group_type.is_in(codes)
    parent, among = _words(figures, "part_of"), _words(figures, "among")
    whole = (area, nw.lit(ALL), nw.lit(ALL))
    # A group is a part of its own figure; its denominator is the same group of another figure, where that is divided likewise.
    placed = tallies.with_columns(
        parent=nw.when(is_whole).then(parent).otherwise(measure),
        among_code=among,
        split=nw.when(is_whole).then(_words(figures, "split")).otherwise(group_type),
        level=measure.replace_strict({f.code: rules.level(f.code) for f in figures}, default=0, return_dtype=nw.Int64) + nw.when(is_whole).then(0).otherwise(1),
    )
    same_group, of_whole = node(nw.col("among_code"), area, group_type, group), node(nw.col("among_code"), *whole)
    of_own, shared_out = node(measure, *whole), measure.is_in([figure.code for figure in figures if figure.shared_out])
    return placed.with_columns(
        measure_name=_words(figures, "name"),
        area_type=nw.when(area == EVERYWHERE).then(nw.lit("locality")).otherwise(nw.lit("source")),
        area_name=area.str.replace_all("_", " ", literal=True),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=_words(figures, "unit"),
        node=node(measure, area, group_type, group),
        part_of=node(nw.col("parent"), *whole),
        among=nw.when(is_whole).then(of_whole).when(shared_out).then(of_own).when(alike).then(same_group).otherwise(of_whole),
    ).select(*EXACT)


def _words(figures: Sequence[Figure], attribute: str) -> nw.Expr:
    return text_of(nw.col("measure"), {figure.code: value for figure in figures if (value := getattr(figure, attribute))})

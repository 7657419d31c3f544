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
RUNG = "rung"
"""The kind of group of links by the step of the trace that made them."""

MEAN = "mean"
"""The kind of group of the people behind a mean: no division of all of them, for something may not be known of a few."""
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
    # What one source alone tells of is told once.
    is_grouped = nw.col("group_type").is_in([characteristic.code for characteristic in rules.characteristics if len(characteristic.columns) != 1])
    pooled = nw.col("measure").is_in([figure.code for figure in rules.figures if figure.pooled])
    flow = nw.col("measure").is_in(list(FLOW)) & (is_grouped | (nw.col("group_type") == ALL))
    of_sources = tallies.filter((nw.col("area_code") != REGISTER) & (flow | pooled))
    summed = of_sources.group_by("measure", "group_type", "group").agg(nw.col("count").sum())
    return summed.with_columns(area_code=nw.lit(EVERYWHERE)).select(*TALLY)


def exact(tallies: Iterable[nw.LazyFrame], rules: QualityRules, period: Period) -> nw.LazyFrame:
    """Tallies of every source -> exact counts, each with its place in the tree of counts, those of all sources together among them."""
    of_sources = nw.concat([frame.select(*TALLY) for frame in tallies])
    together = nw.col("measure").is_in([figure.code for figure in rules.figures if figure.grouped_together])
    apart = of_sources.filter((nw.col("group_type") == ALL) | ~together)
    return _placed(nw.concat([apart, over_all_sources(of_sources, rules)]), rules, period)


def _placed(tallies: nw.LazyFrame, rules: QualityRules, period: Period) -> nw.LazyFrame:
    measure, area, group_type, group = (nw.col(name) for name in TALLY[:-1])
    figures, codes = rules.figures, [characteristic.code for characteristic in rules.characteristics]
    is_whole, alike = group_type == ALL, group_type.is_in([*codes, RUNG])
    parent, among = _words(figures, "part_of"), _words(figures, "among")
    area_type, all_of_it = nw.when(area == EVERYWHERE).then(nw.lit("locality")).otherwise(nw.lit("source")), (nw.lit(ALL), nw.lit(ALL))

    def count_of(measure: nw.Expr, group_type: nw.Expr, group: nw.Expr) -> nw.Expr:
        return node(nw.concat_str(measure, group_type, group, separator=" "), area_type, area, period)

    # A group is a part of its own figure; its denominator is the same group of another figure, where that is divided likewise.
    placed = tallies.with_columns(
        parent=nw.when(is_whole).then(parent).when(group_type != MEAN).then(measure),
        among_code=among,
        split=nw.when(is_whole).then(_words(figures, "split")).otherwise(group_type),
    )
    same_group, of_whole = count_of(nw.col("among_code"), group_type, group), count_of(nw.col("among_code"), *all_of_it)
    of_own, shared_out = count_of(measure, *all_of_it), measure.is_in([figure.code for figure in figures if figure.shared_out])
    return placed.with_columns(
        measure_name=_words(figures, "name"),
        area_type=area_type,
        area_name=area.str.replace_all("_", " ", literal=True),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=_words(figures, "unit"),
        node=count_of(measure, group_type, group),
        # What is told of all sources adds up from what is told of each: not every source tells everything.
        part_of=nw.when(area != EVERYWHERE).then(count_of(nw.col("parent"), *all_of_it)),
        among=nw.when(is_whole).then(of_whole).when(shared_out).then(of_own).when(alike).then(same_group).otherwise(of_whole),
    ).select(*EXACT)


def _words(figures: Sequence[Figure], attribute: str) -> nw.Expr:
    return text_of(nw.col("measure"), {figure.code: value for figure in figures if (value := getattr(figure, attribute))})

"""Tallies, and the tree of exact counts that they form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import Figure, QualityRules
from bcf_linkage.definitions.periods import Period
from bcf_linkage.published.exact_counts import ALL, EXACT_COLUMNS, label_for_code, node_for

TALLY_COLUMNS = ("measure", "area_code", "group_type", "group", "count")
ALL_SOURCES = "all sources"
REGISTER = "gp_registrations"
MATCH_PASS = "match_pass"  # noqa: S105 - not a password
"""Kind of group: links by the match pass that made them."""

MEAN = "mean"
"""Kind of group: people in a mean. They are no complete division of the source, as a value can be missing for a few people."""
FLOW = ("rows_read", "rows_traced", "linked", "not_matched", "not_registered", "unlinked")
"""Figures of the flow that are also counted over all sources."""


def tally(rows: nw.LazyFrame, measure: nw.Expr, area: nw.Expr, count: nw.Expr, group_type: str = ALL, group: nw.Expr | None = None) -> nw.LazyFrame:
    """Rows -> tallies: one row per measure, area and group, where `count` is the sum of the expression."""
    keyed_rows = rows.select(
        measure=measure,
        area_code=area,
        group_type=nw.lit(group_type),
        group=nw.lit(ALL) if group is None else group,
        count=count.cast(nw.Int64),
    )
    return keyed_rows.group_by(*TALLY_COLUMNS[:-1]).agg(nw.col("count").sum()).select(*TALLY_COLUMNS)


def pool_sources(tallies: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Tallies of sources -> tallies over all sources but the register, for the figures that the rules pool."""
    # A characteristic of one source only is not pooled: its total would repeat that source.
    is_grouped = nw.col("group_type").is_in([characteristic.code for characteristic in rules.characteristics if len(characteristic.columns) != 1])
    pooled = nw.col("measure").is_in([figure.code for figure in rules.figures if figure.pooled])
    flow = nw.col("measure").is_in(list(FLOW)) & (is_grouped | (nw.col("group_type") == ALL))
    source_tallies = tallies.filter((nw.col("area_code") != REGISTER) & (flow | pooled))
    summed = source_tallies.group_by("measure", "group_type", "group").agg(nw.col("count").sum())
    return summed.with_columns(area_code=nw.lit(ALL_SOURCES)).select(*TALLY_COLUMNS)


def build_exact_counts(tallies: Iterable[nw.LazyFrame], rules: QualityRules, period: Period) -> nw.LazyFrame:
    """Tallies of every source -> exact counts of each source and of all sources, each with its position in the tree of counts."""
    source_tallies = nw.concat([frame.select(*TALLY_COLUMNS) for frame in tallies])
    is_pooled_only = nw.col("measure").is_in([figure.code for figure in rules.figures if figure.grouped_together])
    by_source = source_tallies.filter((nw.col("group_type") == ALL) | ~is_pooled_only)
    return _place_in_tree(nw.concat([by_source, pool_sources(source_tallies, rules)]), rules, period)


def _place_in_tree(tallies: nw.LazyFrame, rules: QualityRules, period: Period) -> nw.LazyFrame:
    """Tallies -> exact counts with their node, whole and denominator."""
    measure, area, group_type, group = (nw.col(name) for name in TALLY_COLUMNS[:-1])
    figures, codes = rules.figures, [characteristic.code for characteristic in rules.characteristics]
    is_whole, has_same_groups = group_type == ALL, group_type.is_in([*codes, MATCH_PASS])
    parent, among = _figure_labels(figures, "part_of"), _figure_labels(figures, "among")
    area_type, whole_group = nw.when(area == ALL_SOURCES).then(nw.lit("locality")).otherwise(nw.lit("source")), (nw.lit(ALL), nw.lit(ALL))

    def count_of(measure: nw.Expr, group_type: nw.Expr, group: nw.Expr) -> nw.Expr:
        return node_for(nw.concat_str(measure, group_type, group, separator=" "), area_type, area, period)

    # A group is part of its own figure. Its denominator is the same group of another figure, where that has the same groups.
    placed = tallies.with_columns(
        parent=nw.when(is_whole).then(parent).when(group_type != MEAN).then(measure),
        among_code=among,
        split=nw.when(is_whole).then(_figure_labels(figures, "split")).otherwise(group_type),
    )
    same_group_node, whole_node = count_of(nw.col("among_code"), group_type, group), count_of(nw.col("among_code"), *whole_group)
    own_whole_node, shared_out = count_of(measure, *whole_group), measure.is_in([figure.code for figure in figures if figure.shared_out])
    return placed.with_columns(
        measure_name=_figure_labels(figures, "name"),
        area_type=area_type,
        area_name=area.str.replace_all("_", " ", literal=True),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=_figure_labels(figures, "unit"),
        node=count_of(measure, group_type, group),
        # Counts of all sources have no whole: not every source has every group, so a group need not be a full division (see relations.py).
        part_of=nw.when(area != ALL_SOURCES).then(count_of(nw.col("parent"), *whole_group)),
        among=nw.when(is_whole).then(whole_node).when(shared_out).then(own_whole_node).when(has_same_groups).then(same_group_node).otherwise(whole_node),
    ).select(*EXACT_COLUMNS)


def _figure_labels(figures: Sequence[Figure], attribute: str) -> nw.Expr:
    return label_for_code(nw.col("measure"), {figure.code: value for figure in figures if (value := getattr(figure, attribute))})

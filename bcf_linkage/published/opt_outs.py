"""Opt-outs: people left out of each source because they object, by age and sex, compared with the whole source."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from bcf_linkage.definitions.ages import age_band
from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.exact_counts import ALL, EXACT_COLUMNS, label_for_code, node_for
from bcf_linkage.published.linkage_quality.match_rates import NOT_RECORDED
from bcf_linkage.published.linkage_quality.published_views import compare_with_whole

PEOPLE, OPTED_OUT = "people", "opted_out"
MEASURE_NAMES = {PEOPLE: "People whose records would be used", OPTED_OUT: "People whose records are left out because they object"}
AGE, SEX, OBJECTION = "age_band", "sex", "objection"


def count_opt_outs(people: nw.LazyFrame, ages: Sequence[AgeBand], period: Period) -> nw.LazyFrame:
    """`extract`, `age`, `sex`, `objection` (null for none) and number of `people` -> exact counts of people and objectors, by source and group."""
    grouped = people.select(
        "extract",
        nw.col("people").alias(PEOPLE),
        nw.when(~nw.col("objection").is_null()).then(nw.col("people")).otherwise(0).alias(OPTED_OUT),
        nw.lit(ALL).alias(ALL),
        age_band(nw.col("age"), ages).fill_null(NOT_RECORDED).alias(AGE),
        nw.col("sex").replace_strict(dict(code_list("sex").meanings), default=NOT_RECORDED, return_dtype=nw.String).alias(SEX),
        nw.col("objection").alias(OBJECTION),
    )
    by_objection = _count_by(grouped.filter(~nw.col(OBJECTION).is_null()), OBJECTION).filter(nw.col("measure") == OPTED_OUT)
    return _place_in_tree(nw.concat([*(_count_by(grouped, group) for group in (ALL, AGE, SEX)), by_objection]), period)


def build_opt_outs(protected: nw.LazyFrame) -> nw.LazyFrame:
    """Protected counts of people and objectors -> percentages of objectors. Those of an age band or sex have the difference from the whole source."""
    return compare_with_whole(protected.filter(nw.col("measure") == OPTED_OUT), nw.col("group_type").is_in([AGE, SEX]))


def _count_by(grouped: nw.LazyFrame, group: str) -> nw.LazyFrame:
    counted = grouped.group_by("extract", group).agg(nw.col(PEOPLE).sum(), nw.col(OPTED_OUT).sum())
    rows = counted.select(PEOPLE, OPTED_OUT, area_code=nw.col("extract"), group_type=nw.lit(group), group=nw.col(group))
    return rows.unpivot(on=[PEOPLE, OPTED_OUT], index=["area_code", "group_type", "group"], variable_name="measure", value_name="count")


def _place_in_tree(counted: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Counts by group -> exact counts: a group is part of its source, and people are the denominator of objectors."""
    measure, area, group_type, group = (nw.col(name) for name in ("measure", "area_code", "group_type", "group"))
    is_opted_out, whole_group = measure == OPTED_OUT, (nw.lit(ALL), nw.lit(ALL))

    def count_of(measure: nw.Expr, group_type: nw.Expr, group: nw.Expr) -> nw.Expr:
        return node_for(nw.concat_str(nw.lit("before objections"), measure, group_type, group, separator=" "), nw.lit("source"), area, period)

    among = nw.when(group_type == OBJECTION).then(count_of(nw.lit(PEOPLE), *whole_group)).otherwise(count_of(nw.lit(PEOPLE), group_type, group))
    return counted.with_columns(
        measure_name=label_for_code(measure, MEASURE_NAMES),
        area_type=nw.lit("source"),
        area_name=area.str.replace_all("_", " ", literal=True),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=nw.when(is_opted_out).then(nw.lit("percent")).otherwise(nw.lit("count")),
        node=count_of(measure, group_type, group),
        part_of=nw.when(group_type != ALL).then(count_of(measure, *whole_group)),
        split=group_type,
        among=nw.when(is_opted_out).then(among),
    ).select(*EXACT_COLUMNS)

"""Who is left out because they object, and how far that bends the picture: shares by age and sex, each held against its whole source's."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.exact import ALL, EXACT, node, text_of
from bcf_linkage.published.linkage_quality.match import NOT_RECORDED, age_band
from bcf_linkage.published.linkage_quality.views import held_against

PEOPLE, OPTED_OUT = "people", "opted_out"
NAMES = {PEOPLE: "People whose records would be used", OPTED_OUT: "People whose records are left out because they object"}
AGE, SEX, OBJECTION = "age_band", "sex", "objection"


def exact_opt_outs(left_out: nw.LazyFrame, ages: Sequence[AgeBand], period: Period) -> nw.LazyFrame:
    """`extract`, `age`, `sex`, `objection` (null for none) and `people` of them -> exact counts: people and objectors of each source, by group."""
    told = left_out.select(
        "extract",
        nw.col("people").alias(PEOPLE),
        nw.when(~nw.col("objection").is_null()).then(nw.col("people")).otherwise(0).alias(OPTED_OUT),
        nw.lit(ALL).alias(ALL),
        age_band(nw.col("age"), ages).fill_null(NOT_RECORDED).alias(AGE),
        nw.col("sex").replace_strict(dict(code_list("sex").meanings), default=NOT_RECORDED, return_dtype=nw.String).alias(SEX),
        nw.col("objection").alias(OBJECTION),
    )
    by_objection = _by(told.filter(~nw.col(OBJECTION).is_null()), OBJECTION).filter(nw.col("measure") == OPTED_OUT)
    return _placed(nw.concat([*(_by(told, group) for group in (ALL, AGE, SEX)), by_objection]), period)


def opt_outs(protected: nw.LazyFrame) -> nw.LazyFrame:
    """Protected counts of people and objectors -> the shares of objectors; those of an age or a sex with how far they lie from the whole source's."""
    return held_against(protected.filter(nw.col("measure") == OPTED_OUT), nw.col("group_type").is_in([AGE, SEX]))


def _by(told: nw.LazyFrame, group: str) -> nw.LazyFrame:
    counted = told.group_by("extract", group).agg(nw.col(PEOPLE).sum(), nw.col(OPTED_OUT).sum())
    keyed = counted.select(PEOPLE, OPTED_OUT, area_code=nw.col("extract"), group_type=nw.lit(group), group=nw.col(group))
    return keyed.unpivot(on=[PEOPLE, OPTED_OUT], index=["area_code", "group_type", "group"], variable_name="measure", value_name="count")


def _placed(counted: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Counts by group -> each with its place in the tree: a group is a part of its source, and objectors are counted among people."""
    measure, area, group_type, group = (nw.col(name) for name in ("measure", "area_code", "group_type", "group"))
    objecting, all_of_it = measure == OPTED_OUT, (nw.lit(ALL), nw.lit(ALL))

    def count_of(measure: nw.Expr, group_type: nw.Expr, group: nw.Expr) -> nw.Expr:
        return node(nw.concat_str(nw.lit("before objections"), measure, group_type, group, separator=" "), nw.lit("source"), area, period)

    among = nw.when(group_type == OBJECTION).then(count_of(nw.lit(PEOPLE), *all_of_it)).otherwise(count_of(nw.lit(PEOPLE), group_type, group))
    return counted.with_columns(
        measure_name=text_of(measure, NAMES),
        area_type=nw.lit("source"),
        area_name=area.str.replace_all("_", " ", literal=True),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=nw.when(objecting).then(nw.lit("percent")).otherwise(nw.lit("count")),
        node=count_of(measure, group_type, group),
        part_of=nw.when(group_type != ALL).then(count_of(measure, *all_of_it)),
        split=group_type,
        among=nw.when(objecting).then(among),
    ).select(*EXACT)

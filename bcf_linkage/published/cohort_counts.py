"""Cohort counts by practice, cluster, locality and group. Each person counts once in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.criteria import combine_clauses, count_descriptions, criteria_by_code, criteria_text
from bcf_linkage.definitions.measures import AREAS, Clause, CohortSet, Grouping
from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.clause_filters import meets_clauses
from bcf_linkage.published.exact_counts import ALL, AREA, EXACT_COLUMNS, label_for_code, node_for

NOT_KNOWN = "Not known"


def count_cohorts(population: nw.LazyFrame, cohorts: CohortSet, period: Period, ages: Sequence[AgeBand] = ()) -> nw.LazyFrame:
    """One row per registered person -> exact counts, one row per cohort, area and group.

    A cohort is part of the cohort in its `among`, which is its denominator. An area is part of the next larger one. A group is part of
    the whole locality. `ages` define the age bands, so that a band and a cohort of the same ages are one count.
    """
    members = population.select(*_key_columns(cohorts), *(member.alias(_flag(code)) for code, member in _membership_flags(cohorts).items()))
    areas = [area for area in AREAS if area in cohorts.areas]
    by_area = [_count_by(members, cohorts, period, area, areas[n + 1] if n + 1 < len(areas) else None) for n, area in enumerate(areas)]
    by_group = [_count_by(members, cohorts, period, areas[-1], areas[-1], grouping, ages) for grouping in cohorts.groups]
    return nw.concat([*by_area, *by_group])


def _membership_flags(cohorts: CohortSet) -> Mapping[str, nw.Expr]:
    """Return by cohort code an expression: 1 for members of the cohort, 0 for others."""
    members: dict[str, nw.Expr] = {}
    conditions: dict[str | None, nw.Expr] = {None: nw.lit(True)}
    for cohort in cohorts.cohorts:
        conditions[cohort.code] = conditions[cohort.among] & meets_clauses(cohort.where)
        members[cohort.code] = nw.when(conditions[cohort.code]).then(1).otherwise(0).cast(nw.Int64)
    return members


def _flag(code: str) -> str:
    # Prefixed, because a cohort can have the code of a column that defines it.
    return f"in {code}"


def _key_columns(cohorts: CohortSet) -> list[nw.Expr]:
    areas = [nw.col(f"{area}_{part}") for area in AREAS for part in ("code", "name")]
    return [*areas, *(_group_label(grouping).alias(grouping.column) for grouping in cohorts.groups)]


def _group_label(grouping: Grouping) -> nw.Expr:
    column = nw.col(grouping.column)
    if grouping.code_list is None:
        return column.cast(nw.String).fill_null(NOT_KNOWN)
    return column.replace_strict(dict(code_list(grouping.code_list).meanings), default=NOT_KNOWN, return_dtype=nw.String)


def _count_by(
    members: nw.LazyFrame, cohorts: CohortSet, period: Period, area: str, parent: str | None, grouping: Grouping | None = None, ages: Sequence[AgeBand] = ()
) -> nw.LazyFrame:
    """Count the cohorts by one kind of area, or by one kind of group within that area."""
    flags = [_flag(cohort.code) for cohort in cohorts.cohorts]
    key_columns = {
        "area_code": nw.col(f"{area}_code"),
        "area_name": nw.col(f"{area}_name"),
        "parent_code": nw.col(f"{parent or area}_code"),
        "group": nw.col(grouping.column) if grouping else nw.lit(ALL),
    }
    totals = members.select(*flags, **key_columns).group_by(*key_columns).agg(*(nw.col(flag).sum() for flag in flags))
    rows = totals.unpivot(on=flags, index=list(key_columns), variable_name="flag", value_name="count")
    denominators = {cohort.code: cohort.among for cohort in cohorts.cohorts if cohort.among}
    node_area, measure = (nw.lit(area), nw.col("area_code"), period), nw.col("measure")
    return (
        rows.with_columns(
            measure=label_for_code(nw.col("flag"), {_flag(cohort.code): cohort.code for cohort in cohorts.cohorts}),
            measure_name=label_for_code(nw.col("flag"), {_flag(cohort.code): cohort.name for cohort in cohorts.cohorts}),
            area_type=nw.lit(area),
            group_type=nw.lit(grouping.column if grouping else ALL),
            period_start=nw.lit(period.start),
            period_end=nw.lit(period.end),
            split=nw.lit(grouping.column if grouping else AREA),
        )
        .with_columns(among=label_for_code(measure, denominators))
        .with_columns(
            unit=nw.when(nw.col("among").is_null()).then(nw.lit("count")).otherwise(nw.lit("percent")),
            node=node_for(_describe_count(measure, cohorts, grouping, ages), *node_area),
            part_of=node_for(_describe_count(measure, cohorts), nw.lit(parent), nw.col("parent_code"), period) if parent else nw.lit(None).cast(nw.String),
            among=node_for(_describe_count(nw.col("among"), cohorts, grouping, ages), *node_area),
        )
        .select(*EXACT_COLUMNS)
    )


def _describe_count(code: nw.Expr, cohorts: CohortSet, grouping: Grouping | None = None, ages: Sequence[AgeBand] = ()) -> nw.Expr:
    """Return the description of a cohort, or of a group of it, that is the same for cohorts with the same criteria."""
    description = label_for_code(code, count_descriptions(cohorts.cohorts))
    if grouping is None:
        return description
    by_column = nw.concat_str(description, nw.lit(f"{grouping.column} is"), nw.col("group"), separator=" ")
    if grouping.column != "age_band" or not ages:
        return by_column
    combined = {
        f"{cohort_code} {name}": criteria_text(combine_clauses((*criteria, *age_clauses)))
        for cohort_code, criteria in criteria_by_code(cohorts.cohorts).items()
        for name, age_clauses in _age_clauses(ages).items()
    }
    return nw.coalesce(label_for_code(nw.concat_str(code, nw.col("group"), separator=" "), combined), by_column)


def _age_clauses(ages: Sequence[AgeBand]) -> dict[str, tuple[Clause, ...]]:
    """Return the clauses of each age band."""
    upper_clauses = [Clause("age", "below", band.from_age) for band in ages[1:]]
    return {band.name: (Clause("age", "at_least", band.from_age), *upper_clauses[n : n + 1]) for n, band in enumerate(ages)}

"""Cohorts counted by practice, cluster, locality and group: everybody once in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.meanings import in_words, meaning, meanings, what_is_counted
from bcf_linkage.definitions.measures import AREAS, Clause, CohortSet, Grouping
from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.exact import ALL, AREA, EXACT, node, text_of
from bcf_linkage.published.selection import meets

NOT_KNOWN = "Not known"


def counts(population: nw.LazyFrame, cohorts: CohortSet, period: Period, ages: Sequence[AgeBand] = ()) -> nw.LazyFrame:
    """One row per registered person -> exact counts, one row per cohort, area and group.

    Every cohort is a part of the one it is counted among, which is its denominator. An area is a part of the next larger one;
    a group is a part of the whole locality. `ages` tell what the age bands mean: who is in a band is known to be of such an age.
    """
    members = population.select(*_keys(cohorts), *(member.alias(_flag(code)) for code, member in _members(cohorts).items()))
    areas = [area for area in AREAS if area in cohorts.areas]
    divided = [_by(members, cohorts, period, area, areas[n + 1] if n + 1 < len(areas) else None) for n, area in enumerate(areas)]
    grouped = [_by(members, cohorts, period, areas[-1], areas[-1], grouping, ages) for grouping in cohorts.groups]
    return nw.concat([*divided, *grouped])


def _members(cohorts: CohortSet) -> Mapping[str, nw.Expr]:
    """Cohort code to 1 for its members and 0 for others."""
    members: dict[str, nw.Expr] = {}
    holds: dict[str | None, nw.Expr] = {None: nw.lit(True)}
    for cohort in cohorts.cohorts:
        holds[cohort.code] = holds[cohort.among] & meets(cohort.where)
        members[cohort.code] = nw.when(holds[cohort.code]).then(1).otherwise(0).cast(nw.Int64)
    return members


def _flag(code: str) -> str:
    # A cohort may be called as one of the columns that define it.
    return f"in {code}"


def _keys(cohorts: CohortSet) -> list[nw.Expr]:
    areas = [nw.col(f"{area}_{part}") for area in AREAS for part in ("code", "name")]
    return [*areas, *(_group(grouping).alias(grouping.column) for grouping in cohorts.groups)]


def _group(grouping: Grouping) -> nw.Expr:
    column = nw.col(grouping.column)
    if grouping.code_list is None:
        return column.cast(nw.String).fill_null(NOT_KNOWN)
    return column.replace_strict(dict(code_list(grouping.code_list).meanings), default=NOT_KNOWN, return_dtype=nw.String)


def _by(
    members: nw.LazyFrame, cohorts: CohortSet, period: Period, area: str, parent: str | None, grouping: Grouping | None = None, ages: Sequence[AgeBand] = ()
) -> nw.LazyFrame:
    """The cohorts by one kind of area, or by one kind of group within it."""
    flags = [_flag(cohort.code) for cohort in cohorts.cohorts]
    words = {
        "area_code": nw.col(f"{area}_code"),
        "area_name": nw.col(f"{area}_name"),
        "parent_code": nw.col(f"{parent or area}_code"),
        "group": nw.col(grouping.column) if grouping else nw.lit(ALL),
    }
    totals = members.select(*flags, **words).group_by(*words).agg(*(nw.col(flag).sum() for flag in flags))
    rows = totals.unpivot(on=flags, index=list(words), variable_name="flag", value_name="count")
    denominators = {cohort.code: cohort.among for cohort in cohorts.cohorts if cohort.among}
    place, measure = (nw.lit(area), nw.col("area_code"), period), nw.col("measure")
    return (
        rows.with_columns(
            measure=text_of(nw.col("flag"), {_flag(cohort.code): cohort.code for cohort in cohorts.cohorts}),
            measure_name=text_of(nw.col("flag"), {_flag(cohort.code): cohort.name for cohort in cohorts.cohorts}),
            area_type=nw.lit(area),
            group_type=nw.lit(grouping.column if grouping else ALL),
            period_start=nw.lit(period.start),
            period_end=nw.lit(period.end),
            split=nw.lit(grouping.column if grouping else AREA),
        )
        .with_columns(among=text_of(measure, denominators))
        .with_columns(
            unit=nw.when(nw.col("among").is_null()).then(nw.lit("count")).otherwise(nw.lit("percent")),
            node=node(_what(measure, cohorts, grouping, ages), *place),
            part_of=node(_what(measure, cohorts), nw.lit(parent), nw.col("parent_code"), period) if parent else nw.lit(None).cast(nw.String),
            among=node(_what(nw.col("among"), cohorts, grouping, ages), *place),
        )
        .select(*EXACT)
    )


def _what(code: nw.Expr, cohorts: CohortSet, grouping: Grouping | None = None, ages: Sequence[AgeBand] = ()) -> nw.Expr:
    """What a cohort of a group is, in words that are the same for cohorts of one meaning."""
    words = text_of(code, what_is_counted(cohorts.cohorts))
    if grouping is None:
        return words
    within = nw.concat_str(words, nw.lit(f"{grouping.column} is"), nw.col("group"), separator=" ")
    if grouping.column != "age_band" or not ages:
        return within
    joint = {
        f"{one} {name}": in_words(meaning((*meant, *of_age))) for one, meant in meanings(cohorts.cohorts).items() for name, of_age in _clauses(ages).items()
    }
    return nw.coalesce(text_of(nw.concat_str(code, nw.col("group"), separator=" "), joint), within)


def _clauses(ages: Sequence[AgeBand]) -> dict[str, tuple[Clause, ...]]:
    """What each band of age says of the age."""
    ends = [Clause("age", "below", band.from_age) for band in ages[1:]]
    return {band.name: (Clause("age", "at_least", band.from_age), *ends[n : n + 1]) for n, band in enumerate(ages)}

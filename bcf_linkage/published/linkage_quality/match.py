"""Who is matched: records, and the people behind them, by what the records tell of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import narwhals as nw

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.linkage_rules import Characteristic, QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.linkage_quality.tallies import REGISTER, tally

NOT_RECORDED = "Not recorded"
ELSEWHERE = "Another practice"
NUMBER_STATUS = "number_status"
SUPPLIED, DERIVED = "nhs_number_status_supplied", "nhs_number_status_derived"
CROSSED = " supplied, derived "
"""Stands between the two codes of a cell of the cross-table of statuses."""


def told_together(received: Mapping[str, nw.LazyFrame], rules: QualityRules, ages: Sequence[AgeBand], practices: Collection[str]) -> dict[str, nw.LazyFrame]:
    """Received rows of each source -> one row per combination of all that they tell: a column per characteristic, `linked` and `rows_traced`.

    Beside the characteristics stand the status of the NHS number as supplied and as derived, where the source supplies one.

    Millions of rows make some thousands, so that they are read once however many characteristics are counted by. Only as the
    source's own records tell it: what the register says of the linked would make the unlinked look unlike them.
    """
    linked, together = nw.when(nw.col("place") == Place.LINKED).then(1).otherwise(0), {}
    for extract, rows in received.items():
        if groups := {**{c.code: group(c, c.columns[extract], ages, practices) for c in rules.characteristics if extract in c.columns}, **_statuses(extract)}:
            told = rows.select(linked=linked, one=nw.lit(1), **groups).group_by(*groups)
            together[extract] = told.agg(linked=nw.col("linked").sum(), rows_traced=nw.col("one").sum())
    return together


def matches(told: Mapping[str, nw.LazyFrame], rules: QualityRules) -> nw.LazyFrame:
    """Of each source that is shared what `told_together` makes -> tallies of records traced and linked, by characteristic."""
    divided = [
        _divided(told[extract], extract, characteristic) for characteristic in rules.characteristics for extract in characteristic.columns if extract in told
    ]
    return nw.concat([*divided, *_positive_controls(told, rules), *(_by_status(told[extract], extract) for extract in told if _statuses(extract))])


def _statuses(extract: str) -> dict[str, nw.Expr]:
    """The columns of an extract that tell of the status of its NHS numbers; none where it supplies no status."""
    supplied = [column.name for column in EXTRACTS[extract].columns if column.codes and column.codes.name == "nhs_number_status"]
    return {SUPPLIED: nw.col(supplied[0]).fill_null("none"), DERIVED: nw.col(DERIVED)} if supplied else {}


def _by_status(told: nw.LazyFrame, extract: str) -> nw.LazyFrame:
    """Records by status, as supplied against as derived."""
    crossed = nw.concat_str(nw.col(SUPPLIED), nw.lit(CROSSED), nw.col(DERIVED))
    return tally(told, nw.lit(NUMBER_STATUS), nw.lit(extract), nw.col("rows_traced"), NUMBER_STATUS, crossed)


def _divided(told: nw.LazyFrame, extract: str, characteristic: Characteristic) -> nw.LazyFrame:
    long = told.select("linked", "rows_traced", group=nw.col(characteristic.code)).unpivot(
        on=["linked", "rows_traced"], index="group", variable_name="measure", value_name="count"
    )
    return tally(long, nw.col("measure"), nw.lit(extract), nw.col("count"), characteristic.code, nw.col("group"))


def _positive_controls(told: Mapping[str, nw.LazyFrame], rules: QualityRules) -> list[nw.LazyFrame]:
    """Records that name a practice of the locality as their person's, and those of them that are not linked."""
    practice = next(c for c in rules.characteristics if c.kind == "practice")
    found, missed = [], nw.col("rows_traced") - nw.col("linked")
    for extract in practice.columns:
        if extract in told:
            own = told[extract].filter(~nw.col(practice.code).is_in([ELSEWHERE, NOT_RECORDED]))
            counted = own.select(positive_control=nw.col("rows_traced"), positive_control_missed=missed)
            long = counted.unpivot(on=["positive_control", "positive_control_missed"], variable_name="measure", value_name="count")
            found.append(tally(long, nw.col("measure"), nw.lit(extract), nw.col("count")))
    return found


def group(characteristic: Characteristic, name: str, ages: Sequence[AgeBand], practices: Collection[str]) -> nw.Expr:
    """The group that a row belongs to by what its column of that name tells. Never null."""
    column = nw.col(name)
    if characteristic.kind == "age":
        return age_band(column, ages).fill_null(NOT_RECORDED)
    if characteristic.kind == "codes":
        none = characteristic.words.get("none", NOT_RECORDED)
        return column.replace_strict(dict(code_list(characteristic.code_list).meanings), default=none, return_dtype=nw.String)
    if characteristic.kind == "values":
        words, is_one = characteristic.words, column.is_in(list(characteristic.values))
        said = nw.when(is_one).then(nw.lit(words["yes"])).otherwise(nw.lit(words["no"]))
        return nw.when(~column.is_null()).then(said).otherwise(nw.lit(NOT_RECORDED))
    if characteristic.kind == "practice":
        named = nw.when(column.is_in(list(practices))).then(column).otherwise(nw.lit(ELSEWHERE))
        return nw.when(~column.is_null()).then(named).otherwise(nw.lit(NOT_RECORDED))
    return column.cast(nw.String).fill_null(NOT_RECORDED)


def age_band(age: nw.Expr, ages: Sequence[AgeBand]) -> nw.Expr:
    """The band that an age lies in, null if the age is not known."""
    band = nw.when(age >= ages[0].from_age).then(nw.lit(ages[0].name)).otherwise(nw.lit(None).cast(nw.String))
    for each in ages[1:]:
        band = nw.when(age >= each.from_age).then(nw.lit(each.name)).otherwise(band)
    return band


def sources(received: Mapping[str, nw.LazyFrame]) -> dict[str, nw.LazyFrame]:
    """The extracts that are linked to the register: all but the register itself."""
    return {extract: rows for extract, rows in received.items() if extract != REGISTER}

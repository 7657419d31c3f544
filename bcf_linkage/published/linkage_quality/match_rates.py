"""Match rates: records traced and linked, by the characteristics that they record."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import narwhals as nw

from bcf_linkage.definitions.ages import age_band
from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.linkage_rules import Characteristic, QualityRules
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.linkage_quality.tallies import REGISTER, tally

NOT_RECORDED = "Not recorded"
ELSEWHERE = "Another practice"
NUMBER_STATUS = "number_status"
SUPPLIED_STATUS, DERIVED_STATUS = "nhs_number_status_supplied", "nhs_number_status_derived"
STATUS_SEPARATOR = " supplied, derived "
"""Text between the two codes of a cell of the cross-table of statuses."""


def group_records(received: Mapping[str, nw.LazyFrame], rules: QualityRules, ages: Sequence[AgeBand], practices: Collection[str]) -> dict[str, nw.LazyFrame]:
    """Received rows of each source -> one row per combination of characteristics, with the numbers of rows `linked` and `rows_traced`.

    There is a column per characteristic and, where the source supplies a status of the NHS number, one each for the status supplied and
    derived. Millions of rows become some thousands, so that they are read once for all characteristics. Characteristics come from the
    source only: the register describes only linked people, so with it linked and unlinked people would differ for that reason alone.
    """
    linked, grouped = nw.when(nw.col("outcome") == Outcome.LINKED).then(1).otherwise(0), {}
    for extract, rows in received.items():
        if groups := {
            **{c.code: group_of_record(c, c.columns[extract], ages, practices) for c in rules.characteristics if extract in c.columns},
            **_status_columns(extract),
        }:
            combinations = rows.select(linked=linked, one=nw.lit(1), **groups).group_by(*groups)
            grouped[extract] = combinations.agg(linked=nw.col("linked").sum(), rows_traced=nw.col("one").sum())
    return grouped


def tally_matches(grouped: Mapping[str, nw.LazyFrame], rules: QualityRules) -> nw.LazyFrame:
    """Rows of `group_records`, by source -> tallies of records traced and linked, by characteristic; positive controls; statuses."""
    by_characteristic = [
        _tally_by_characteristic(grouped[extract], extract, characteristic)
        for characteristic in rules.characteristics
        for extract in characteristic.columns
        if extract in grouped
    ]
    return nw.concat(
        [
            *by_characteristic,
            *_tally_positive_controls(grouped, rules),
            *(_tally_by_status(grouped[extract], extract) for extract in grouped if _status_columns(extract)),
        ]
    )


def _status_columns(extract: str) -> dict[str, nw.Expr]:
    """Return the status columns of an extract: NHS number status supplied and derived. Empty if it supplies no status."""
    supplied = [column.name for column in EXTRACTS[extract].columns if column.codes and column.codes.name == "nhs_number_status"]
    return {SUPPLIED_STATUS: nw.col(supplied[0]).fill_null("none"), DERIVED_STATUS: nw.col(DERIVED_STATUS)} if supplied else {}


def _tally_by_status(grouped: nw.LazyFrame, extract: str) -> nw.LazyFrame:
    """Tally records by status, supplied against derived."""
    status_pair = nw.concat_str(nw.col(SUPPLIED_STATUS), nw.lit(STATUS_SEPARATOR), nw.col(DERIVED_STATUS))
    return tally(grouped, nw.lit(NUMBER_STATUS), nw.lit(extract), nw.col("rows_traced"), NUMBER_STATUS, status_pair)


def _tally_by_characteristic(grouped: nw.LazyFrame, extract: str, characteristic: Characteristic) -> nw.LazyFrame:
    long = grouped.select("linked", "rows_traced", group=nw.col(characteristic.code)).unpivot(
        on=["linked", "rows_traced"], index="group", variable_name="measure", value_name="count"
    )
    return tally(long, nw.col("measure"), nw.lit(extract), nw.col("count"), characteristic.code, nw.col("group"))


def _tally_positive_controls(grouped: Mapping[str, nw.LazyFrame], rules: QualityRules) -> list[nw.LazyFrame]:
    """Tally the positive control, records that name a practice of the locality, and those of them that are not linked."""
    practice = next(c for c in rules.characteristics if c.kind == "practice")
    tallies, missed = [], nw.col("rows_traced") - nw.col("linked")
    for extract in practice.columns:
        if extract in grouped:
            own_practices = grouped[extract].filter(~nw.col(practice.code).is_in([ELSEWHERE, NOT_RECORDED]))
            counted = own_practices.select(positive_control=nw.col("rows_traced"), positive_control_missed=missed)
            long = counted.unpivot(on=["positive_control", "positive_control_missed"], variable_name="measure", value_name="count")
            tallies.append(tally(long, nw.col("measure"), nw.lit(extract), nw.col("count")))
    return tallies


def group_of_record(characteristic: Characteristic, name: str, ages: Sequence[AgeBand], practices: Collection[str]) -> nw.Expr:
    """Return the group of a row by the value of its column of that name. Never null."""
    column = nw.col(name)
    if characteristic.kind == "age":
        return age_band(column, ages).fill_null(NOT_RECORDED)
    if characteristic.kind == "codes":
        unknown = characteristic.words.get("none", NOT_RECORDED)
        return column.replace_strict(dict(code_list(characteristic.code_list).meanings), default=unknown, return_dtype=nw.String)
    if characteristic.kind == "values":
        words, is_listed = characteristic.words, column.is_in(list(characteristic.values))
        label = nw.when(is_listed).then(nw.lit(words["yes"])).otherwise(nw.lit(words["no"]))
        return nw.when(~column.is_null()).then(label).otherwise(nw.lit(NOT_RECORDED))
    if characteristic.kind == "practice":
        practice = nw.when(column.is_in(list(practices))).then(column).otherwise(nw.lit(ELSEWHERE))
        return nw.when(~column.is_null()).then(practice).otherwise(nw.lit(NOT_RECORDED))
    return column.cast(nw.String).fill_null(NOT_RECORDED)


def linked_sources(received: Mapping[str, nw.LazyFrame]) -> dict[str, nw.LazyFrame]:
    """Return the extracts that are linked to the register: all but the register itself."""
    return {extract: rows for extract, rows in received.items() if extract != REGISTER}

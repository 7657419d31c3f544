"""How well records were linked, source by source, and where every row of the extracts ended."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.places import KEPT, Place
from bcf_linkage.definitions.rulebook import LinkageRules
from bcf_linkage.published.exact import ALL, EXACT, node, text_of

MEASURES = {Place.LINKED: "linked", Place.NOT_REGISTERED: "not_registered", Place.UNLINKED: "unlinked"}
TRACED, SOUND, UNSOUND, UNTRACED = "rows_traced", "sound_number", "unsound_number", "rows_not_traced"
DEPTH = 4


def linkage(ledger: nw.LazyFrame, seen: nw.LazyFrame, rules: LinkageRules, period: Period) -> nw.LazyFrame:
    """The exact ledger and the people seen by each extract -> exact counts, one row per source, figure and reason.

    Rows that went to trace are those with a sound NHS number and those without; the first are linked, not on the register, or
    unlinked for another reason. Both published tables, `linkage_quality` and `linkage_ledger`, are views of these counts, so
    that a number which one of them hides is not shown by the other. People are counted by pseudonym: somebody who was linked
    once and unlinked another time counts twice.
    """
    place, reason = nw.col("place"), nw.col("reason")
    places = {str(p): MEASURES.get(p, str(p)) for p in Place}
    is_unsound = (place == Place.UNLINKED) & ~reason.is_in(list(rules.sound_number_reasons))
    rows = ledger.with_columns(
        measure=text_of(place, places),
        is_traced=place.is_in([str(p) for p in KEPT]),
        soundness=nw.when(is_unsound).then(nw.lit(UNSOUND)).otherwise(nw.lit(SOUND)),
    )
    traced, measure = rows.filter(nw.col("is_traced")), nw.col("measure")
    matched = traced.filter(place != Place.UNLINKED)
    figures = [
        _rows(traced, 0, nw.lit(TRACED), nw.lit(None).cast(nw.String)),
        _rows(traced, 1, nw.col("soundness"), nw.lit(TRACED)),
        _rows(matched, 2, measure, nw.lit(SOUND)),
        _rows(matched, 3, measure, measure, by_reason=True),
        _rows(traced.filter(place == Place.UNLINKED), 2, measure, nw.col("soundness"), by_reason=True),
        _rows(rows.filter(~nw.col("is_traced")), 1, measure, nw.lit(UNTRACED), by_reason=True),
        _people(seen),
    ]
    return _described(nw.concat(figures), rules, period)


def _rows(rows: nw.LazyFrame, level: int, measure: nw.Expr, parent: nw.Expr, by_reason: bool = False) -> nw.LazyFrame:
    """Rows of the ledger -> one row per source and measure, and per reason if asked: how many rows, and of what they are a part."""
    group = nw.col("reason") if by_reason else nw.lit(ALL)
    keyed = rows.select("rows", area_code=nw.col("extract"), group=group, measure=measure, parent=parent)
    totals = keyed.group_by("area_code", "group", "measure", "parent").agg(count=nw.col("rows").sum())
    return totals.with_columns(
        group_type=nw.lit("reason" if by_reason else ALL),
        denominator=nw.when((nw.col("parent") != UNTRACED).fill_null(False)).then(nw.lit(TRACED)),
        level=nw.lit(level),
    ).select(*_FIGURE)


def _people(seen: nw.LazyFrame) -> nw.LazyFrame:
    """`extract`, `people`, `people_linked` -> two rows per source: people seen, and of them people linked."""
    is_part = nw.col("measure") == "people_linked"
    whole = nw.when(is_part).then(nw.lit("people"))
    return (
        seen.select("people", "people_linked", area_code=nw.col("extract"))
        .unpivot(on=["people", "people_linked"], index="area_code", variable_name="measure", value_name="count")
        .with_columns(group_type=nw.lit(ALL), group=nw.lit(ALL), parent=whole, denominator=whole, level=nw.when(is_part).then(1).otherwise(0))
        .select(*_FIGURE)
    )


_FIGURE = ("measure", "area_code", "group_type", "group", "count", "parent", "denominator", "level")


def _described(figures: nw.LazyFrame, rules: LinkageRules, period: Period) -> nw.LazyFrame:
    source, measure = nw.col("area_code"), nw.col("measure")
    return figures.with_columns(
        measure_name=text_of(measure, dict(rules.measures)),
        area_type=nw.lit("source"),
        area_name=source.str.replace_all("_", " ", literal=True),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=nw.when(nw.col("denominator").is_null()).then(nw.lit("count")).otherwise(nw.lit("percent")),
        node=node(measure, source, nw.col("group_type"), nw.col("group")),
        part_of=node(nw.col("parent"), source, nw.lit(ALL), nw.lit(ALL)),
        split=nw.lit("trace"),
        among=node(nw.col("denominator"), source, nw.lit(ALL), nw.lit(ALL)),
    ).select(*EXACT)


def linkage_quality(protected: nw.LazyFrame, rules: LinkageRules) -> nw.LazyFrame:
    """Protected linkage counts -> the figures that the rules name; reasons are told of unlinked rows only."""
    measure, by_reason = nw.col("measure"), nw.col("group_type") != ALL
    return protected.filter(measure.is_in(list(rules.measures)) & (~by_reason | (measure == MEASURES[Place.UNLINKED])))


def linkage_ledger(protected: nw.LazyFrame) -> nw.LazyFrame:
    """Protected linkage counts -> one row per extract, place and reason."""
    places = {MEASURES.get(p, str(p)): str(p) for p in Place}
    return protected.filter(nw.col("group_type") != ALL).select(
        "status",
        "period_start",
        "period_end",
        extract=nw.col("area_code"),
        place=text_of(nw.col("measure"), places),
        reason=nw.col("group"),
        rows=nw.col("numerator"),
    )

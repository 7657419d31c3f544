"""How well the extracts keep the declared rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.places import Place
from bcf_linkage.published.exact import ALL, EXACT, node

WORDS = ("extract", "column", "rule", "words", "consequence", "tolerance_percent")
READABLE, FAILED = "readable", "failed"


def rule_counts(counted: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """One row per extract, column and rule -> exact counts: the readable rows of each extract, and of them those that break each rule.

    Takes `extract`, `column`, `rule`, `words`, `consequence`, `tolerance_percent` (null where the rule does not gate), and the
    whole numbers `rows` (readable rows) and `failed` (rows that break the rule).
    """
    read = counted.group_by("extract").agg(count=nw.col("rows").max()).with_columns(measure=nw.lit(READABLE), group=nw.lit(ALL), unit=nw.lit("count"))
    failed = counted.select("extract", count=nw.col("failed"), measure=nw.lit(FAILED), group=_rule(), unit=nw.lit("percent"))
    figures = nw.concat([one.select("extract", "measure", "group", "unit", "count") for one in (read, failed)]).with_columns(area_code=nw.col("extract"))
    denominator = nw.when(nw.col("measure") == FAILED).then(nw.lit(READABLE))
    return figures.with_columns(
        measure_name=nw.col("measure").str.replace_all("_", " ", literal=True),
        area_type=nw.lit("source"),
        area_name=nw.col("area_code").str.replace_all("_", " ", literal=True),
        group_type=nw.when(nw.col("measure") == FAILED).then(nw.lit("rule")).otherwise(nw.lit(ALL)),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        node=_count(nw.col("measure"), nw.col("group"), period),
        part_of=nw.lit(None).cast(nw.String),
        split=nw.lit("rule"),
        among=_count(denominator, nw.lit(ALL), period),
    ).select(*EXACT)


def data_quality(counted: nw.LazyFrame, protected: nw.LazyFrame) -> nw.LazyFrame:
    """The rules and their protected counts -> one row per rule: rows, rows that break it, and their share."""
    failed = protected.filter(nw.col("measure") == FAILED).select(
        "status",
        "period_start",
        "period_end",
        failed=nw.col("numerator"),
        failed_percent=nw.col("value"),
        extract=nw.col("area_code"),
        group=nw.col("group"),
    )
    rows = protected.filter(nw.col("measure") == READABLE).select(extract=nw.col("area_code"), rows=nw.col("numerator"))
    rules = counted.select(*WORDS, group=_rule())
    return rules.join(failed, on=["extract", "group"], how="left").join(rows, on="extract", how="left").drop("group")


def _rule() -> nw.Expr:
    return nw.concat_str(nw.col("column"), nw.lit(": "), nw.col("rule"))


def _count(measure: nw.Expr, group: nw.Expr, period: Period) -> nw.Expr:
    return node(nw.concat_str(measure, group, separator=" "), nw.lit("source"), nw.col("area_code"), period)


def within_records(linked: Sequence[Mapping[str, Any]], checked: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Pairs of a node of exact counts and those that lie apart within it: readable records in those read, refused ones in those that break their rule."""
    checks = {(row["measure"], row["area_code"], row["group"]): row["node"] for row in checked}
    unreadable = {row["area_code"]: row["node"] for row in linked if row["measure"] == Place.UNREADABLE and row["group"] == ALL}
    for row in linked:
        area, group = row["area_code"], row["group"]
        if row["measure"] == "rows_read" and (readable := checks.get((READABLE, area, ALL))):
            yield row["node"], [readable, *filter(None, [unreadable.get(area)])]
        if row["measure"] == Place.REFUSED and (failed := checks.get((FAILED, area, group))):
            yield failed, [row["node"]]

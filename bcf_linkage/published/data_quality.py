"""Data quality: how many rows of each extract break each declared rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import narwhals as nw

from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.periods import Period
from bcf_linkage.published.exact_counts import ALL, EXACT_COLUMNS, ExactCount, Node, node_for

RULE_COLUMNS = ("extract", "column", "rule", "words", "consequence", "tolerance_percent")
READABLE, FAILED = "readable", "failed"


def count_rule_failures(totals: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """One row per extract, column and rule -> exact counts: readable rows of each extract, and the rows among them that break each rule.

    Needs `extract`, `column`, `rule`, `words`, `consequence`, `tolerance_percent` (null where the rule is not part of the gate), and the
    whole numbers `rows` (readable rows) and `failed` (rows that break the rule).
    """
    readable = totals.group_by("extract").agg(count=nw.col("rows").max()).with_columns(measure=nw.lit(READABLE), group=nw.lit(ALL), unit=nw.lit("count"))
    failed = totals.select("extract", count=nw.col("failed"), measure=nw.lit(FAILED), group=_rule_label(), unit=nw.lit("percent"))
    figures = nw.concat([frame.select("extract", "measure", "group", "unit", "count") for frame in (readable, failed)]).with_columns(
        area_code=nw.col("extract")
    )
    denominator = nw.when(nw.col("measure") == FAILED).then(nw.lit(READABLE))
    return figures.with_columns(
        measure_name=nw.col("measure").str.replace_all("_", " ", literal=True),
        area_type=nw.lit("source"),
        area_name=nw.col("area_code").str.replace_all("_", " ", literal=True),
        group_type=nw.when(nw.col("measure") == FAILED).then(nw.lit("rule")).otherwise(nw.lit(ALL)),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        node=_rule_node(nw.col("measure"), nw.col("group"), period),
        part_of=nw.lit(None).cast(nw.String),
        split=nw.lit("rule"),
        among=_rule_node(denominator, nw.lit(ALL), period),
    ).select(*EXACT_COLUMNS)


def build_data_quality(totals: nw.LazyFrame, protected: nw.LazyFrame) -> nw.LazyFrame:
    """The rules and their protected counts -> one row per rule: readable rows, rows that break it, and their percentage."""
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
    rules = totals.select(*RULE_COLUMNS, group=_rule_label())
    return rules.join(failed, on=["extract", "group"], how="left").join(rows, on="extract", how="left").drop("group")


def _rule_label() -> nw.Expr:
    return nw.concat_str(nw.col("column"), nw.lit(": "), nw.col("rule"))


def _rule_node(measure: nw.Expr, group: nw.Expr, period: Period) -> nw.Expr:
    return node_for(nw.concat_str(measure, group, separator=" "), nw.lit("source"), nw.col("area_code"), period)


def find_disjoint_records(linkage_rows: Sequence[ExactCount], check_rows: Sequence[ExactCount]) -> Iterator[tuple[Node, list[Node]]]:
    """Yield each node with the parts of it that do not overlap, from the counts on linkage and on data quality.

    Readable and unreadable records are parts of the records read. Records refused by a rule are part of those that break it.
    """
    nodes = {(row.measure, row.area_code, row.group): row.node for row in check_rows}
    unreadable = {row.area_code: row.node for row in linkage_rows if row.measure == Outcome.UNREADABLE and row.group == ALL}
    for row in linkage_rows:
        if row.measure == "rows_read" and (readable := nodes.get((READABLE, row.area_code, ALL))):
            yield row.node, [readable, *filter(None, [unreadable.get(row.area_code)])]
        if row.measure == Outcome.REFUSED and (failed := nodes.get((FAILED, row.area_code, row.group))):
            yield failed, [row.node]

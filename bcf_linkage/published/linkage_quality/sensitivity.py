"""How far what is published would move if links were held to a stricter or a looser rule."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.published.disclosure_control import SHOWN, SUPPRESSED
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.population import UNASSIGNED

STRICT, DEFAULT, LOOSE = "strict", "default", "loose"
RULES = (STRICT, DEFAULT, LOOSE)
ROW = ("table", "measure", "measure_name", "rule", "people", "moved", "moved_percent", "status", "period_start", "period_end")


def sensitivity(cohorts: Mapping[tuple[str, str], nw.LazyFrame]) -> nw.LazyFrame:
    """Protected cohort counts by (rule, published table) -> one row per cohort of the whole locality and rule.

    What moved is told from the rounded numbers, which blur a person or two; it is null where either number is suppressed.
    """
    every = nw.concat([_of_locality(frame, rule, table) for (rule, table), frame in cohorts.items()])
    default = every.filter(nw.col("rule") == DEFAULT).select("table", "measure", by_default=nw.col("people"))
    beside = every.join(default, on=["table", "measure"], how="left")
    moved = nw.col("people") - nw.col("by_default")
    some = nw.when(nw.col("by_default") > 0).then(nw.col("by_default")).cast(nw.Float64)
    return beside.with_columns(moved=moved, moved_percent=(100 * moved.cast(nw.Float64) / some).round(2)).select(*ROW)


def _of_locality(frame: nw.LazyFrame, rule: str, table: str) -> nw.LazyFrame:
    whole = (nw.col("area_type") == "locality") & (nw.col("group_type") == ALL) & (nw.col("area_code") != UNASSIGNED)
    return frame.filter(whole).select(
        "measure",
        "measure_name",
        "period_start",
        "period_end",
        table=nw.lit(table),
        rule=nw.lit(rule),
        people=nw.col("numerator"),
        status=nw.when(nw.col("numerator").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN)),
    )

"""How far what is published would move if links were held to a stricter or a looser rule."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.published.disclosure_control.figures import SHOWN, SUPPRESSED
from bcf_linkage.published.exact import ALL, EXACT
from bcf_linkage.published.population import UNASSIGNED

STRICT, UNSCORED, DEFAULT, LOOSE, BEFORE = "strict", "unscored", "default", "loose", "before"
RULES = (STRICT, UNSCORED, DEFAULT, LOOSE)
"""The rules of every run. `before` stands beside them only where links have changed: this run's people under the links of the run before."""

ROW = ("table", "measure", "measure_name", "rule", "people", "moved", "moved_percent", "status", "period_start", "period_end")


def of_locality(exact: nw.LazyFrame) -> nw.LazyFrame:
    """Exact cohort counts -> those of the whole locality, which stand by themselves."""
    return exact.filter(_is_whole()).with_columns(part_of=nw.lit(None).cast(nw.String))


def beside_default(recounted: nw.LazyFrame, default: nw.LazyFrame, rule: str) -> nw.LazyFrame:
    """Exact counts of the locality under another rule -> the same, named as counts of their own where they are not those of the default rule."""
    before = default.select("node", before=nw.col("count"))
    own_name = nw.concat_str(nw.lit(f"{rule} rule:"), nw.col("node"), separator=" ")
    named = recounted.join(before, on="node", how="left").with_columns(
        named=nw.when(nw.col("count") == nw.col("before")).then(nw.col("node")).otherwise(own_name)
    )
    denominators = named.select(among=nw.col("node"), named_among=nw.col("named"))
    placed = named.join(denominators, on="among", how="left").drop("node", "among")
    return placed.rename({"named": "node", "named_among": "among"}).select(*EXACT)


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
    return frame.filter(_is_whole()).select(
        "measure",
        "measure_name",
        "period_start",
        "period_end",
        table=nw.lit(table),
        rule=nw.lit(rule),
        people=nw.col("numerator"),
        status=nw.when(nw.col("numerator").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN)),
    )


def _is_whole() -> nw.Expr:
    return (nw.col("area_type") == "locality") & (nw.col("group_type") == ALL) & (nw.col("area_code") != UNASSIGNED)

"""Sensitivity of the published counts to the linkage rule: the same cohorts under a stricter or a looser rule."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.published.disclosure_control.figures import SHOWN, SUPPRESSED
from bcf_linkage.published.exact_counts import ALL, EXACT_COLUMNS
from bcf_linkage.published.population import UNASSIGNED

STRICT, UNSCORED, DEFAULT, LOOSE, BEFORE = "strict", "unscored", "default", "loose", "before"
RULES = (STRICT, UNSCORED, DEFAULT, LOOSE)
"""The rules of every run. If links have changed, there is also `before`: the people of this run under the links of the previous run."""

SENSITIVITY_COLUMNS = ("table", "measure", "measure_name", "rule", "people", "moved", "moved_percent", "status", "period_start", "period_end")


def keep_locality_counts(exact: nw.LazyFrame) -> nw.LazyFrame:
    """Exact cohort counts -> those of the whole locality, as wholes that are part of nothing."""
    return exact.filter(_is_whole_locality()).with_columns(part_of=nw.lit(None).cast(nw.String))


def rename_changed_counts(recounted: nw.LazyFrame, default: nw.LazyFrame, rule: str) -> nw.LazyFrame:
    """Exact counts of the locality under another rule -> the same, with a node of their own where they differ from the default rule.

    An equal count keeps the node of the default rule, so that disclosure control treats both as one number.
    """
    default_counts = default.select("node", before=nw.col("count"))
    own_name = nw.concat_str(nw.lit(f"{rule} rule:"), nw.col("node"), separator=" ")
    named = recounted.join(default_counts, on="node", how="left").with_columns(
        named=nw.when(nw.col("count") == nw.col("before")).then(nw.col("node")).otherwise(own_name)
    )
    denominators = named.select(among=nw.col("node"), named_among=nw.col("named"))
    renamed = named.join(denominators, on="among", how="left").drop("node", "among")
    return renamed.rename({"named": "node", "named_among": "among"}).select(*EXACT_COLUMNS)


def build_sensitivity(cohorts: Mapping[tuple[str, str], nw.LazyFrame]) -> nw.LazyFrame:
    """Protected cohort counts by (rule, published table) -> rows of `linkage_sensitivity` without their stamp: one per cohort and rule.

    `moved` is the difference of rounded numbers, so it can be off by the rounding. It is null where either number is suppressed.
    """
    counts = nw.concat([_locality_rows(frame, rule, table) for (rule, table), frame in cohorts.items()])
    default = counts.filter(nw.col("rule") == DEFAULT).select("table", "measure", by_default=nw.col("people"))
    with_default = counts.join(default, on=["table", "measure"], how="left")
    shift = nw.col("people") - nw.col("by_default")
    nonzero_default = nw.when(nw.col("by_default") > 0).then(nw.col("by_default")).cast(nw.Float64)
    return with_default.with_columns(moved=shift, moved_percent=(100 * shift.cast(nw.Float64) / nonzero_default).round(2)).select(*SENSITIVITY_COLUMNS)


def _locality_rows(frame: nw.LazyFrame, rule: str, table: str) -> nw.LazyFrame:
    """Protected cohort counts of one rule and table -> those of the whole locality."""
    return frame.filter(_is_whole_locality()).select(
        "measure",
        "measure_name",
        "period_start",
        "period_end",
        table=nw.lit(table),
        rule=nw.lit(rule),
        people=nw.col("numerator"),
        status=nw.when(nw.col("numerator").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN)),
    )


def _is_whole_locality() -> nw.Expr:
    return (nw.col("area_type") == "locality") & (nw.col("group_type") == ALL) & (nw.col("area_code") != UNASSIGNED)

"""Published figures: exact counts -> published numbers, rates and their 95% intervals."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.measures import UNITS
from bcf_linkage.published.exact_counts import LABEL_COLUMNS
from bcf_linkage.published.intervals import add_intervals

SHOWN, SUPPRESSED, NOT_APPLICABLE = "shown", "suppressed", "not applicable"
RATES = ("per 1,000", "per 100,000")
PROPORTIONS = ("percent", "per 10,000")


def build_figures(exact: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Exact counts, and the published `number` of each `node` (null if suppressed) -> the same rows as figures.

    Adds `numerator`, `denominator`, `value`, `lower`, `upper` and `status`. A row is suppressed if its number or its denominator is. It is
    not applicable if its denominator is 0. Rates use published numbers, not exact ones. A proportion has a Wilson interval and a rate of
    events a Byar interval. A rate of days has none: days of one stay are not independent events.
    """
    denominators = numbers.select(among=nw.col("node"), denominator=nw.col("number"))
    cells = exact.join(numbers.select("node", "number"), on="node", how="left").join(denominators, on="among", how="left")
    unit, is_rate = nw.col("unit"), ~nw.col("among").is_null()
    flagged = cells.with_columns(
        suppressed=nw.col("number").is_null() | (is_rate & nw.col("denominator").is_null()),
        empty=is_rate & (nw.col("denominator") == 0).fill_null(False),
        scale=unit.replace_strict(UNITS, default=None, return_dtype=nw.Float64),
        interval=nw.when(unit.is_in(list(PROPORTIONS))).then(nw.lit("wilson")).otherwise(nw.when(unit.is_in(list(RATES))).then(nw.lit("byar"))),
    )
    status = nw.when(nw.col("suppressed")).then(nw.lit(SUPPRESSED)).otherwise(nw.when(nw.col("empty")).then(nw.lit(NOT_APPLICABLE)).otherwise(nw.lit(SHOWN)))
    shown = flagged.with_columns(status=status, numerator=nw.when(~nw.col("suppressed")).then(nw.col("number")))
    shown = shown.with_columns(
        top=nw.col("numerator").cast(nw.Float64),
        bottom=nw.when(is_rate).then(nw.when(nw.col("denominator") > 0).then(nw.col("denominator"))).otherwise(nw.lit(1)).cast(nw.Float64),
    )
    return add_intervals(shown).select(*LABEL_COLUMNS, "numerator", "denominator", "value", "lower", "upper", "status")

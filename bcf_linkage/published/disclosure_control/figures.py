"""Published figures: exact counts with the numbers that were decided on, the rates made of them, and their intervals."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.measures import UNITS
from bcf_linkage.published.exact import WORDS
from bcf_linkage.published.intervals import with_intervals

SHOWN, SUPPRESSED, NOT_APPLICABLE = "shown", "suppressed", "not applicable"
RATES = ("per 1,000", "per 100,000")
PROPORTIONS = ("percent", "per 10,000")


def figures(exact: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Exact counts, and the `number` of each `node`, null if hidden -> the same rows with `numerator`, `denominator`, `value`, `lower`, `upper` and `status`.

    A row whose denominator is hidden is suppressed; one whose denominator is 0 is not applicable. Every rate is made of
    published numbers. Intervals are for shares (Wilson) and for rates of events (Byar); days come in clumps, so a rate of
    days has none.
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
    return with_intervals(shown).select(*WORDS, "numerator", "denominator", "value", "lower", "upper", "status")

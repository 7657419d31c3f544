"""How well the extracts keep the declared rules."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.rulebook import Disclosure
from bcf_linkage.published.disclosure_control import NOT_APPLICABLE, SHOWN, SUPPRESSED, is_small, rounded
from bcf_linkage.published.intervals import half_up

WORDS = ("extract", "column", "rule", "words", "consequence", "tolerance_percent")


def data_quality(rule_counts: nw.LazyFrame, rules: Disclosure, period: Period) -> nw.LazyFrame:
    """Exact counts, one row per extract, column and rule -> the same rows, rounded.

    Takes `extract`, `column`, `rule`, `words`, `consequence`, `tolerance_percent` (null where the rule does not gate), and the
    whole numbers `rows` (readable rows) and `failed` (rows that break the rule).
    """
    rows, failed = nw.col("rows"), nw.col("failed")
    few_rows = is_small(rows, rules)
    hidden = few_rows | is_small(failed, rules) | is_small(rows - failed, rules)
    status = nw.when(hidden).then(nw.lit(SUPPRESSED)).otherwise(nw.when(rows == 0).then(nw.lit(NOT_APPLICABLE)).otherwise(nw.lit(SHOWN)))
    shown = rule_counts.select(
        *WORDS,
        rows=nw.when(~few_rows).then(rounded(rows, rules)),
        failed=nw.when(~hidden).then(rounded(failed, rules)),
        status=status,
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
    )
    share = failed.cast(nw.Float64) / nw.when(rows > 0).then(rows.cast(nw.Float64))
    return shown.with_columns(failed_percent=half_up(share * 100, 2))

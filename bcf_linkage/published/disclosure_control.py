"""Disclosure control: what keeps a published count from telling about a person.

A number from 1 to the threshold is suppressed, and so is one that leaves such a number of its denominator. Zero is shown.
The others are rounded to the nearest multiple of the base, and every rate is made of rounded numbers.

**Second suppression.** Of parts that add up to a published whole, one suppressed part alone could be had by subtraction: then
the next smallest part is suppressed with it. If the whole is itself suppressed, at least one of its parts is, or their sum
would tell it.

**Totals.** The number of an area whose parts are all shown is the sum of the parts' rounded numbers: the table adds up, and the
total tells nothing that the parts do not. Where a part is suppressed the sum would be short by an unknown amount, so the exact
total is rounded instead; what is subtracted from it then is the sum of two or more hidden parts, blurred by every rounding.
Groups (ages, bands) divide a locality that is already added up from its areas; they are rounded by themselves.

The promise holds within one table and publication. How closely an attacker could bound a hidden number is not worked out here.
"""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.measures import UNITS
from bcf_linkage.definitions.rulebook import Disclosure
from bcf_linkage.published.exact import WORDS
from bcf_linkage.published.intervals import with_intervals

SHOWN, SUPPRESSED, NOT_APPLICABLE = "shown", "suppressed", "not applicable"
RATES = ("per 1,000", "per 100,000")
PROPORTIONS = ("percent", "per 10,000")


def protected(exact: nw.LazyFrame, rules: Disclosure, depth: int = 1) -> nw.LazyFrame:
    """Exact counts -> the same rows with published `numerator`, `denominator`, `value`, `lower`, `upper` and `status`.

    `depth` is the number of levels in the tree of counts. A row whose denominator is suppressed is suppressed; one whose
    denominator is 0 is not applicable. Intervals are for percentages (Wilson) and for rates of events (Byar); days come in
    clumps, so a rate of days has none.
    """
    of = exact.select(among=nw.col("node"), of=nw.col("count"))
    complement = nw.when(nw.col("unit") == "percent").then(nw.col("of") - nw.col("count"))
    tells = is_small(nw.col("count"), rules) | is_small(nw.col("of"), rules) | is_small(complement, rules)
    cells = numbers(exact.join(of, on="among", how="left").with_columns(hidden=tells), rules, depth)
    denominators = cells.select(among=nw.col("node"), denominator=nw.col("number"), denominator_hidden=nw.col("hidden"))
    return _figures(cells.join(denominators, on="among", how="left"))


def is_small(count: nw.Expr, rules: Disclosure) -> nw.Expr:
    """Whether the count is one that is suppressed. Never null."""
    return count.is_between(1, rules.threshold).fill_null(False)


def rounded(count: nw.Expr, rules: Disclosure) -> nw.Expr:
    """The count to the nearest multiple of the base, a half up."""
    return (count + rules.base // 2) // rules.base * rules.base


def numbers(cells: nw.LazyFrame, rules: Disclosure, depth: int = 1) -> nw.LazyFrame:
    """Counts with `hidden`, where the count itself must be suppressed -> the same with the published `number`, null where hidden."""
    cells = cells.with_columns(hidden=nw.when(nw.col("hidden")).then(1).otherwise(0))
    for level in range(depth):
        cells = _with_company(cells, level)
    cells = cells.with_columns(number=nw.when(nw.col("hidden") == 0).then(rounded(nw.col("count"), rules)))
    for level in reversed(range(1, depth)):
        cells = _added_up(cells, level)
    return cells.with_columns(hidden=nw.col("hidden") == 1).drop("family")


def _with_company(cells: nw.LazyFrame, level: int) -> nw.LazyFrame:
    """Suppress the smallest shown parts of a level too, until no hidden number can be had by subtraction within its family."""
    hidden, here = nw.col("hidden"), nw.col("level") == level
    cells = _in_families(cells, level).with_columns(
        parent_hidden=nw.when(nw.col("level") == level - 1).then(hidden).otherwise(0).max().over("family"),
        hidden_parts=nw.when(here).then(hidden).otherwise(0).sum().over("family", "split"),
        shown_part=nw.when(here).then(1 - hidden).otherwise(0),
        last_resort=nw.when(nw.col("count") == 0).then(1).otherwise(0),
    )
    turn = nw.col("shown_part").cum_sum().over("family", "split", order_by=["last_resort", "count", "node"])
    wanted = nw.when(nw.col("parent_hidden") == 1).then(1).otherwise(nw.when(nw.col("hidden_parts") > 0).then(2).otherwise(0))
    cells = cells.with_columns(turn=turn, lacking=wanted - nw.col("hidden_parts"))
    joins_them = (nw.col("shown_part") == 1) & (nw.col("turn") <= nw.col("lacking"))
    return cells.with_columns(hidden=nw.when(joins_them).then(1).otherwise(hidden)).drop(
        "parent_hidden", "hidden_parts", "shown_part", "last_resort", "turn", "lacking"
    )


def _added_up(cells: nw.LazyFrame, level: int) -> nw.LazyFrame:
    """Where all areas of a level are shown, give the area that they make up the sum of their numbers."""
    is_part = (nw.col("level") == level) & (nw.col("split") == "area")
    is_part = nw.when(is_part).then(1).otherwise(0)
    cells = _in_families(cells, level).with_columns(
        parts=is_part.sum().over("family"),
        hidden_parts=(is_part * nw.col("hidden")).sum().over("family"),
        total=(is_part * nw.col("number").fill_null(0)).sum().over("family"),
    )
    adds_up = (nw.col("level") == level - 1) & (nw.col("hidden") == 0) & (nw.col("parts") > 0) & (nw.col("hidden_parts") == 0)
    return cells.with_columns(number=nw.when(adds_up).then(nw.col("total")).otherwise(nw.col("number"))).drop("parts", "hidden_parts", "total")


def _in_families(cells: nw.LazyFrame, level: int) -> nw.LazyFrame:
    """`family` is the same for the counts of a level that are parts of one count, and for that count itself."""
    own, parents = nw.col("level") == level, nw.col("level") == level - 1
    others = nw.when(parents).then(nw.col("node")).otherwise(nw.lit("elsewhere"))
    return cells.with_columns(family=nw.when(own).then(nw.coalesce("part_of", "node")).otherwise(others))


def _figures(cells: nw.LazyFrame) -> nw.LazyFrame:
    """`number` and `denominator` -> the figure, its interval and its status."""
    unit, is_rate = nw.col("unit"), ~nw.col("among").is_null()
    # A total rounded by itself can pass one that was added up from its parts.
    excess = ((unit == "percent") & (nw.col("number") > nw.col("denominator"))).fill_null(False)
    flagged = cells.with_columns(
        suppressed=nw.col("hidden") | nw.col("denominator_hidden").fill_null(False),
        empty=is_rate & (nw.col("denominator") == 0).fill_null(False),
        numerator=nw.when(excess).then(nw.col("denominator")).otherwise(nw.col("number")),
        scale=unit.replace_strict(UNITS, default=None, return_dtype=nw.Float64),
        interval=nw.when(unit.is_in(list(PROPORTIONS))).then(nw.lit("wilson")).otherwise(nw.when(unit.is_in(list(RATES))).then(nw.lit("byar"))),
    )
    status = nw.when(nw.col("suppressed")).then(nw.lit(SUPPRESSED)).otherwise(nw.when(nw.col("empty")).then(nw.lit(NOT_APPLICABLE)).otherwise(nw.lit(SHOWN)))
    shown = flagged.with_columns(status=status, numerator=nw.when(~nw.col("suppressed")).then(nw.col("numerator")))
    shown = shown.with_columns(
        top=nw.col("numerator").cast(nw.Float64),
        bottom=nw.when(is_rate).then(nw.when(nw.col("denominator") > 0).then(nw.col("denominator"))).otherwise(nw.lit(1)).cast(nw.Float64),
    )
    return with_intervals(shown).select(*WORDS, "numerator", "denominator", "value", "lower", "upper", "status")

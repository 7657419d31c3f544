"""The bands of the registered population: how many people, at what cost."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.rulebook import Disclosure
from bcf_linkage.published.disclosure_control import SHOWN, SUPPRESSED, is_small, numbers
from bcf_linkage.published.intervals import half_up


def risk_bands(population: nw.LazyFrame, rules: Disclosure, period: Period) -> nw.LazyFrame:
    """One row per registered person -> one row per band: people, their share, mean and total cost in pounds.

    The mean is of exact numbers, in whole pounds; the share and the total are of rounded people. A band of 1 to 7 people shows nothing.
    """
    # Whole pence add up to the same sum in any order.
    pence = (nw.col("health_cost") * 100 + 0.5).floor().cast(nw.Int64)
    exact = population.select("band", pence=pence).group_by("band").agg(count=nw.len().cast(nw.Int64), pence=nw.col("pence").sum())
    whole = exact.select(count=nw.col("count").sum(), pence=nw.col("pence").sum()).with_columns(band=nw.lit("all"))
    cells = nw.concat([_cells(whole, 0), _cells(exact, 1)]).with_columns(hidden=is_small(nw.col("count"), rules))
    shown = numbers(cells, rules, depth=2)
    everybody = shown.filter(nw.col("level") == 0).select(everybody=nw.col("number"))
    people = nw.col("number").cast(nw.Float64)
    # In whole pounds: pence over people, a half up, all in integers.
    mean_cost = ((nw.col("pence") * 2 + nw.col("count") * 100) // (nw.col("count") * 200)).cast(nw.Float64)
    return (
        shown.filter(nw.col("level") == 1)
        .join(everybody, how="cross")
        .with_columns(mean_cost=nw.when(~nw.col("hidden")).then(mean_cost))
        .select(
            "band",
            people=nw.col("number"),
            share=half_up(people / nw.when(nw.col("everybody") > 0).then(nw.col("everybody").cast(nw.Float64)) * 100, 2),
            mean_cost=nw.col("mean_cost"),
            total_cost=people * nw.col("mean_cost"),
            status=nw.when(nw.col("hidden")).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN)),
            period_start=nw.lit(period.start),
            period_end=nw.lit(period.end),
        )
    )


def _cells(frame: nw.LazyFrame, level: int) -> nw.LazyFrame:
    parent = nw.lit("all") if level else nw.lit(None).cast(nw.String)
    return frame.select("band", "pence", "count", node=nw.col("band"), part_of=parent, split=nw.lit("band"), level=nw.lit(level))

"""Resource-utilisation bands by equal cost, and adults at high risk."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.rulebook import Bands, HighRisk


def assign_cost_bands(costs: nw.LazyFrame, bands: Bands) -> nw.LazyFrame:
    """Assign a band to each cost: one row per person (`pence`, `counted`) -> one row per distinct cost (`pence`, `band`).

    `counted` is 1 for people of the population and 0 for others. A person's band is the first band whose cumulative share of total
    cost is greater than the share of people who cost strictly more. So people of equal cost share a band, the higher one, and the
    order of rows makes no difference. People without cost are in the band of no cost. All arithmetic is in whole numbers.
    """
    distinct_costs = (
        costs.group_by("pence")
        .agg(people=nw.col("counted").sum())
        .with_columns(cost=nw.col("pence") * nw.col("people"))
        .with_columns(up_to_here=nw.col("cost").cum_sum().over(order_by="pence"), total=nw.col("cost").sum())
        .with_columns(costlier=nw.col("total") - nw.col("up_to_here"))
    )
    band = nw.lit(bands.cuts[-1][0])
    for name, percent in reversed(bands.cuts[:-1]):
        band = nw.when(nw.col("costlier") * 100 < nw.col("total") * percent).then(nw.lit(name)).otherwise(band)
    return distinct_costs.select("pence", band=nw.when(nw.col("pence") > 0).then(band).otherwise(nw.lit(bands.no_cost)))


def flag_high_risk(costs: nw.LazyFrame, rule: HighRisk) -> nw.LazyFrame:
    """Add `high_risk` to rows of one person each with `practice_code`, `pence` and `adult` (an adult of the population).

    An adult is at high risk if among the costliest `percent_of_adults` of the practice's adults. The number of people is rounded up.
    People of equal cost share the best rank. A person without cost is never at high risk.
    """
    peers = ("practice_code", "adult")
    ranked = costs.with_columns(
        rank=nw.col("pence").rank(method="min", descending=True).over(*peers).cast(nw.Int64),
        peers=nw.col("pence").count().over(*peers).cast(nw.Int64),
    )
    # Adding 99 before the division by 100 rounds the number of people up.
    among_costliest = nw.col("rank") <= (nw.col("peers") * rule.percent_of_adults + 99) // 100
    return ranked.with_columns(high_risk=nw.col("adult") & among_costliest & (nw.col("pence") > 0)).drop("rank", "peers")

"""Bands of use by equal cost, and who is at high risk."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.rulebook import Bands, HighRisk


def equal_cost(costs: nw.LazyFrame, bands: Bands) -> nw.LazyFrame:
    """`pence`, `counted` (1 if the person belongs to the population, else 0), one row per person -> `pence`, `band`, one row per cost.

    A person's band is the first whose share of total cost, with the bands above it, is greater than the share of those who cost
    strictly more. People of equal cost therefore always share a band, the higher one, and the order of rows decides nothing.
    Who costs nothing is in the band of no cost. All arithmetic is in whole numbers.
    """
    distinct = (
        costs.group_by("pence")
        .agg(people=nw.col("counted").sum())
        .with_columns(cost=nw.col("pence") * nw.col("people"))
        .with_columns(up_to_here=nw.col("cost").cum_sum().over(order_by="pence"), total=nw.col("cost").sum())
        .with_columns(costlier=nw.col("total") - nw.col("up_to_here"))
    )
    band = nw.lit(bands.cuts[-1][0])
    for name, percent in reversed(bands.cuts[:-1]):
        band = nw.when(nw.col("costlier") * 100 < nw.col("total") * percent).then(nw.lit(name)).otherwise(band)
    return distinct.select("pence", band=nw.when(nw.col("pence") > 0).then(band).otherwise(nw.lit(bands.no_cost)))


def high_risk(costs: nw.LazyFrame, rule: HighRisk) -> nw.LazyFrame:
    """`practice_code`, `pence`, `adult` (of the population), one row per person -> the same rows, with `high_risk`.

    High risk are the adults among the costliest share of their practice's adults. The share is rounded up to a whole person;
    people of equal cost share the best rank; who costs nothing is never at high risk.
    """
    peers = ("practice_code", "adult")
    ranked = costs.with_columns(
        rank=nw.col("pence").rank(method="min", descending=True).over(*peers).cast(nw.Int64),
        peers=nw.col("pence").count().over(*peers).cast(nw.Int64),
    )
    among_costliest = nw.col("rank") <= (nw.col("peers") * rule.percent_of_adults + 99) // 100
    return ranked.with_columns(high_risk=nw.col("adult") & among_costliest & (nw.col("pence") > 0)).drop("rank", "peers")

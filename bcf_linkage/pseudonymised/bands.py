"""Bands of use by equal cost, and who is at high risk."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.rulebook import Bands, HighRisk


def equal_cost(pence: nw.LazyFrame, bands: Bands) -> nw.LazyFrame:
    """`pence`, one row per person, whole pence of cost -> `pence`, `band`, one row per distinct cost.

    A person's band is the first whose share of total cost, with the bands above it, is greater than the share of those who cost
    strictly more. People of equal cost therefore always share a band, the higher one, and the order of rows decides nothing.
    Who costs nothing is in the band of no cost. All arithmetic is in whole numbers.
    """
    distinct = (
        pence.group_by("pence")
        .agg(people=nw.len())
        .with_columns(cost=nw.col("pence") * nw.col("people").cast(nw.Int64))
        .with_columns(up_to_here=nw.col("cost").cum_sum().over(order_by="pence"), total=nw.col("cost").sum())
        .with_columns(costlier=nw.col("total") - nw.col("up_to_here"))
    )
    band = nw.lit(bands.cuts[-1][0])
    for name, percent in reversed(bands.cuts[:-1]):
        band = nw.when(nw.col("costlier") * 100 < nw.col("total") * percent).then(nw.lit(name)).otherwise(band)
    return distinct.select("pence", band=nw.when(nw.col("pence") > 0).then(band).otherwise(nw.lit(bands.no_cost)))


def high_risk(adults: nw.LazyFrame, rule: HighRisk) -> nw.LazyFrame:
    """`person`, `practice_code`, `pence`, one row per adult -> `person` of those among the costliest share of their practice's adults.

    The share is rounded up to a whole person; people of equal cost share the best rank; who costs nothing is never at high risk.
    """
    rank = nw.col("pence").rank(method="min", descending=True).over("practice_code").cast(nw.Int64)
    practice_size = nw.col("person").count().over("practice_code").cast(nw.Int64)
    ranked = adults.with_columns(rank=rank, size=practice_size)
    return ranked.filter((nw.col("rank") <= (nw.col("size") * rule.percent_of_adults + 99) // 100) & (nw.col("pence") > 0)).select("person")

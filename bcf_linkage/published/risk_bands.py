"""The bands of the registered population: how many people, at what cost."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.meanings import in_words
from bcf_linkage.definitions.periods import Period
from bcf_linkage.published.disclosure_control.figures import SHOWN
from bcf_linkage.published.exact import ALL, AREA, EVERYWHERE, EXACT, node
from bcf_linkage.published.intervals import half_up


def band_counts(population: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """One row per registered person -> exact counts: all registered people, of whatever practice, and those of each band."""
    everybody = in_words(frozenset())
    bands = population.select(group=nw.col("band")).group_by("group").agg(count=nw.len().cast(nw.Int64))
    whole = population.select(count=nw.len().cast(nw.Int64)).with_columns(group=nw.lit(ALL))
    place = (nw.lit(EVERYWHERE), nw.lit(EVERYWHERE), period)
    of_band = nw.col("group") != ALL
    what = nw.when(of_band).then(nw.concat_str(nw.lit(f"{everybody} band is"), nw.col("group"), separator=" ")).otherwise(nw.lit(everybody))
    constant = {"measure": "registered", "measure_name": "Registered people", "area_type": "locality", "area_code": ALL, "area_name": ALL, "unit": "count"}
    return (
        nw.concat([frame.select("group", "count") for frame in (bands, whole)])
        .with_columns(**{name: nw.lit(value) for name, value in constant.items()})
        .with_columns(
            group_type=nw.when(of_band).then(nw.lit("band")).otherwise(nw.lit(ALL)),
            period_start=nw.lit(period.start),
            period_end=nw.lit(period.end),
            node=node(what, *place),
            part_of=nw.when(of_band).then(node(nw.lit(everybody), *place)),
            split=nw.when(of_band).then(nw.lit("band")).otherwise(nw.lit(AREA)),
            among=nw.lit(None).cast(nw.String),
        )
        .select(*EXACT)
    )


def risk_bands(population: nw.LazyFrame, protected: nw.LazyFrame, fewest: int) -> nw.LazyFrame:
    """One row per registered person, and the protected counts of the bands -> one row per band: people, their share, mean and total cost in pounds.

    The mean is of exact numbers, in whole pounds, and is shown where the people are shown and are the `fewest` at least; the
    share and the total are of rounded people.
    """
    # Whole pence add up to the same sum in any order.
    pence = (nw.col("health_cost") * 100 + 0.5).floor().cast(nw.Int64)
    costs = population.select("band", pence=pence).group_by("band").agg(exact=nw.len().cast(nw.Int64), pence=nw.col("pence").sum())
    everybody = protected.filter(nw.col("group_type") == ALL).select(everybody=nw.col("numerator"))
    people = nw.col("people").cast(nw.Float64)
    # In whole pounds: pence over people, a half up, all in integers.
    mean_cost = ((nw.col("pence") * 2 + nw.col("exact") * 100) // (nw.col("exact") * 200)).cast(nw.Float64)
    return (
        protected.filter(nw.col("group_type") == "band")
        .select("status", "period_start", "period_end", band=nw.col("group"), people=nw.col("numerator"))
        .join(costs, on="band", how="left")
        .join(everybody, how="cross")
        .with_columns(mean_cost=nw.when((nw.col("status") == SHOWN) & (nw.col("exact") >= fewest)).then(mean_cost))
        .select(
            "band",
            "people",
            "status",
            "period_start",
            "period_end",
            "mean_cost",
            share=half_up(people / nw.when(nw.col("everybody") > 0).then(nw.col("everybody").cast(nw.Float64)) * 100, 2),
            total_cost=people * nw.col("mean_cost"),
        )
    )

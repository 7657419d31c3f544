"""The risk bands of the registered population: people and cost."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.criteria import criteria_text
from bcf_linkage.definitions.periods import Period
from bcf_linkage.published.disclosure_control.figures import SHOWN
from bcf_linkage.published.exact_counts import ALL, ALL_LOCALITIES, AREA, EXACT_COLUMNS, node_for
from bcf_linkage.published.intervals import round_half_up


def count_by_band(population: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """One row per registered person -> exact counts: all registered people of any practice, and those of each band."""
    everybody = criteria_text(frozenset())
    bands = population.select(group=nw.col("band")).group_by("group").agg(count=nw.len().cast(nw.Int64))
    everyone_counted = population.select(count=nw.len().cast(nw.Int64)).with_columns(group=nw.lit(ALL))
    node_area = (nw.lit(ALL_LOCALITIES), nw.lit(ALL_LOCALITIES), period)
    is_band = nw.col("group") != ALL
    description = nw.when(is_band).then(nw.concat_str(nw.lit(f"{everybody} band is"), nw.col("group"), separator=" ")).otherwise(nw.lit(everybody))
    constant = {"measure": "registered", "measure_name": "Registered people", "area_type": "locality", "area_code": ALL, "area_name": ALL, "unit": "count"}
    return (
        nw.concat([frame.select("group", "count") for frame in (bands, everyone_counted)])
        .with_columns(**{name: nw.lit(value) for name, value in constant.items()})
        .with_columns(
            group_type=nw.when(is_band).then(nw.lit("band")).otherwise(nw.lit(ALL)),
            period_start=nw.lit(period.start),
            period_end=nw.lit(period.end),
            node=node_for(description, *node_area),
            part_of=nw.when(is_band).then(node_for(nw.lit(everybody), *node_area)),
            split=nw.when(is_band).then(nw.lit("band")).otherwise(nw.lit(AREA)),
            among=nw.lit(None).cast(nw.String),
        )
        .select(*EXACT_COLUMNS)
    )


def build_risk_bands(population: nw.LazyFrame, protected: nw.LazyFrame, min_people: int) -> nw.LazyFrame:
    """One row per registered person, and the protected counts of the bands -> one row per band: people, percentage, mean and total cost.

    The mean is of exact numbers, in whole pounds. It is shown where the number of people is shown and at least `min_people`. The
    percentage and the total use rounded people.
    """
    # Whole pence, because a sum of floats depends on the order of the rows.
    pence = (nw.col("health_cost") * 100 + 0.5).floor().cast(nw.Int64)
    costs = population.select("band", pence=pence).group_by("band").agg(exact=nw.len().cast(nw.Int64), pence=nw.col("pence").sum())
    everybody = protected.filter(nw.col("group_type") == ALL).select(everybody=nw.col("numerator"))
    people = nw.col("people").cast(nw.Float64)
    # Mean in whole pounds, a half up, in integers throughout: (pence / 100 / people) + 1/2, rounded down.
    mean_cost = ((nw.col("pence") * 2 + nw.col("exact") * 100) // (nw.col("exact") * 200)).cast(nw.Float64)
    return (
        protected.filter(nw.col("group_type") == "band")
        .select("status", "period_start", "period_end", band=nw.col("group"), people=nw.col("numerator"))
        .join(costs, on="band", how="left")
        .join(everybody, how="cross")
        .with_columns(mean_cost=nw.when((nw.col("status") == SHOWN) & (nw.col("exact") >= min_people)).then(mean_cost))
        .select(
            "band",
            "people",
            "status",
            "period_start",
            "period_end",
            "mean_cost",
            share=round_half_up(people / nw.when(nw.col("everybody") > 0).then(nw.col("everybody").cast(nw.Float64)) * 100, 2),
            total_cost=people * nw.col("mean_cost"),
        )
    )

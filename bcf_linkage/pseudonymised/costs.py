"""The cost of each person in each setting."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.pseudonymised_tables import COSTS
from bcf_linkage.pseudonymised.pence import from_pence, to_pence


def build_costs(activity: nw.LazyFrame, year: Period) -> nw.LazyFrame:
    """Build `costs` from `activity`: one row per person and setting, with the pounds of all months and of the months of the year."""
    pence = activity.select("person", "setting", "month", total=to_pence(nw.col("cost")))
    in_year = nw.when(nw.col("month").is_between(year.start, year.end)).then(nw.col("total")).otherwise(0)
    summed = pence.with_columns(year=in_year).group_by("person", "setting").agg(nw.col("total").sum(), nw.col("year").sum())
    return summed.with_columns(cost=from_pence(nw.col("total")), year_cost=from_pence(nw.col("year"))).select(*COSTS.names)

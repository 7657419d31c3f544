"""The registered population: each person with their strata, care and areas."""

from __future__ import annotations

import narwhals as nw

UNASSIGNED = "unassigned"


def build_population(people: nw.LazyFrame, strata: nw.LazyFrame, care: nw.LazyFrame, areas: nw.LazyFrame) -> nw.LazyFrame:
    """`people`, `strata`, `care` and the areas of the practices -> one row per registered person.

    People of a practice that the settings do not name are kept. The practice is counted under the cluster and the locality
    `unassigned`, so that the gap is visible.
    """
    registered = (
        people.filter(nw.col("population") == "registered")
        .join(strata, on="person", how="left")
        .join(care, on="person", how="left")
        .join(areas, on="practice_code", how="left")
    )
    area_columns = [nw.col(name).fill_null(UNASSIGNED) for name in ("cluster_code", "cluster_name", "locality_code", "locality_name")]
    return registered.with_columns(nw.coalesce("practice_name", "practice_code").alias("practice_name"), *area_columns)

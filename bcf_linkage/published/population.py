"""The registered population, each person with what is known of them and with the areas in which they are counted."""

from __future__ import annotations

import narwhals as nw

UNASSIGNED = "unassigned"


def population(people: nw.LazyFrame, strata: nw.LazyFrame, care: nw.LazyFrame, areas: nw.LazyFrame) -> nw.LazyFrame:
    """`people`, `strata`, `care` and the areas of the practices -> one row per registered person.

    A practice that the settings do not name keeps its people: it is counted by itself, under the cluster and the locality
    `unassigned`, where it cannot be overlooked.
    """
    placed = (
        people.filter(nw.col("population") == "registered")
        .join(strata, on="person", how="left")
        .join(care, on="person", how="left")
        .join(areas, on="practice_code", how="left")
    )
    unassigned = [nw.col(name).fill_null(UNASSIGNED) for name in ("cluster_code", "cluster_name", "locality_code", "locality_name")]
    return placed.with_columns(nw.coalesce("practice_name", "practice_code").alias("practice_name"), *unassigned)

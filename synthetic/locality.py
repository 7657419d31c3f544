"""A synthetic locality before faults: the people, and what each service recorded of them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Locality:
    """A clean locality.

    `people` has one row per person who was ever registered or seen. `extracts` has one frame per declared extract, one row
    per record, with every declared column as text (ISO dates, null where blank) and the integer `true_person`. `lookup` has
    one row per postcode: postcode, lsoa, deprivation_decile.
    """

    people: pl.DataFrame
    extracts: dict[str, pl.DataFrame]
    lookup: pl.DataFrame

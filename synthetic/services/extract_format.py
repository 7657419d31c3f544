"""Convert events to a service's extract: its declared columns, all as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic.rates import Integers

IDENTIFIER_NAMES = {
    "gender": "sex",
    "ethnicity": "ethnic_category",
    "ethnic_group": "ethnic_category",
    "practice_code_of_registered_gp": "practice_code",
    "gp_practice_code": "practice_code",
}
"""Column names of the extracts -> names in `Lives.identifiers`, where the two differ."""


def format_extract(extract: str, identifiers: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Return `facts` (true_person and text columns, one row per record) with the extract's declared columns and `true_person`.

    Columns missing from `facts` are taken from the person's identifiers, and are blank if these lack them too.
    """
    declared = EXTRACTS[extract].names
    personal = {name: IDENTIFIER_NAMES.get(name, name) for name in declared if name not in facts.columns}
    person_columns = identifiers.select(pl.col(source).alias(name) for name, source in personal.items() if source in identifiers.columns)
    rows = pl.concat([facts, person_columns[facts["true_person"]]], how="horizontal")
    blank = [pl.lit(None, pl.String).alias(name) for name in declared if name not in rows.columns]
    return rows.with_columns(blank).select(*declared, "true_person")


def record_numbers(letter: str, count: int) -> pl.Series:
    """Return a supplier's own record numbers, in order: a letter and nine digits."""
    return pl.Series(letter + pl.Series(np.arange(10**8, 10**8 + count)).cast(pl.String))


def select_codes(codes: Sequence[str | None], code_index: Integers) -> pl.Series:
    """Return the code at each position."""
    return pl.Series(codes, dtype=pl.String)[code_index]

"""From what happened to what a service wrote down: the declared columns of its extract, all as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic.rates import Integers

KNOWN_AS = {
    "gender": "sex",
    "ethnicity": "ethnic_category",
    "ethnic_group": "ethnic_category",
    "practice_code_of_registered_gp": "practice_code",
    "gp_practice_code": "practice_code",
}
"""The extracts' names for what `Lives.words` holds under another."""


def recorded(extract: str, words: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """`facts` (true_person and text columns, one row per record) as the extract declares it, and `true_person`.

    Columns that the facts lack are taken from what is known of the person, and are blank if that is nothing.
    """
    declared = EXTRACTS[extract].names
    personal = {name: KNOWN_AS.get(name, name) for name in declared if name not in facts.columns}
    known = words.select(pl.col(source).alias(name) for name, source in personal.items() if source in words.columns)
    rows = pl.concat([facts, known[facts["true_person"]]], how="horizontal")
    blank = [pl.lit(None, pl.String).alias(name) for name in declared if name not in rows.columns]
    return rows.with_columns(blank).select(*declared, "true_person")


def numbered(letter: str, count: int) -> pl.Series:
    """A supplier's own record numbers, in order: a letter and nine digits."""
    return pl.Series(letter + pl.Series(np.arange(10**8, 10**8 + count)).cast(pl.String))


def coded(codes: Sequence[str | None], which: Integers) -> pl.Series:
    """The code that each entry names by position."""
    return pl.Series(codes, dtype=pl.String)[which]

"""Fingerprints of rows, and steps that need the order of rows. Narwhals has neither, so these are for Polars only.

Each of millions of rows is kept as a few numbers: its identity and its key. Nothing is looked up by text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl


def row_fingerprint(columns: Sequence[str], seed: int) -> pl.Expr:
    """Return a 64-bit hash of the values of the columns. The same values under the same seed give the same hash."""
    return pl.struct(columns).hash(seed)


def are_distinct(rows: pl.DataFrame, columns: Sequence[str], seed: int) -> bool:
    """Whether these distinct rows all have different fingerprints under the seed. The first seed that is tried is nearly always enough."""
    return bool(rows.select(row_fingerprint(columns, seed).is_unique().all()).item())


def find_positions(fingerprints: pl.Series, known: pl.Series) -> pl.Series:
    """Return the position of each fingerprint in the known ones, from 0."""
    known_positions = pl.DataFrame({"fingerprint": known}).with_row_index("position")
    return fingerprints.to_frame("fingerprint").join(known_positions, on="fingerprint", how="left", maintain_order="left")["position"]


def flag_repeated_keys(keys: pl.DataFrame, usable: pl.Series) -> pl.Series:
    """Flag each usable row with the same key as an earlier usable row; false for rows that are not usable.

    A key is two fingerprints, together 128 bits, so two different keys do not collide in practice.
    """
    first = keys.to_series(0)
    ordered = np.sort(first.filter(usable).to_numpy())
    repeated_fingerprints = pl.Series(ordered[1:][ordered[1:] == ordered[:-1]]).unique()
    # Only rows whose first fingerprint repeats need a comparison of both, which is slow.
    suspects = keys.with_row_index("at").filter(usable & first.is_in(repeated_fingerprints.implode()))
    repeats = suspects.filter(~pl.struct(keys.columns).is_first_distinct())
    is_repeated = np.zeros(len(keys), dtype=bool)
    is_repeated[repeats["at"].to_numpy()] = True
    return pl.Series(is_repeated, dtype=pl.Boolean)


def add_entries(rows: pl.LazyFrame, position: str, entries: pl.DataFrame) -> pl.LazyFrame:
    """Add to each row the columns of the entry at its position. Rows keep their order, which a join does not guarantee."""
    contiguous = entries.rechunk()
    gathered = pl.col(position).map_batches(
        lambda at: contiguous.select(pl.all().gather(at)).to_struct(), return_dtype=pl.Struct(contiguous.schema), is_elementwise=True
    )
    return rows.with_columns(gathered.struct.unnest())

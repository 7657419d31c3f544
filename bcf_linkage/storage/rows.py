"""Steps on the rows of a delivery that need their order or a hash, which Narwhals has not. For Polars alone.

Millions of rows are held here as a few numbers each: which identity a row has, and which key. Nothing is looked up by text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl


def fingerprint(columns: Sequence[str], seed: int) -> pl.Expr:
    """64 bits that stand for the values of the columns, the same for the same values under the same seed."""
    return pl.struct(columns).hash(seed)


def tells_apart(rows: pl.DataFrame, columns: Sequence[str], seed: int) -> bool:
    """Whether no two of these different rows have one fingerprint under the seed. The very first seed nearly always does."""
    return bool(rows.select(fingerprint(columns, seed).is_unique().all()).item())


def positions(fingerprints: pl.Series, known: pl.Series) -> pl.Series:
    """Where each fingerprint stands among the known ones, from 0."""
    entries = pl.DataFrame({"fingerprint": known}).with_row_index("position")
    return fingerprints.to_frame("fingerprint").join(entries, on="fingerprint", how="left", maintain_order="left")["position"]


def repeated(keys: pl.DataFrame, usable: pl.Series) -> pl.Series:
    """Whether an earlier usable row has the same key; false for rows that are not usable.

    A key is two fingerprints: 128 bits, which no two different keys will ever share. Only rows whose first one repeats are looked
    at twice.
    """
    first = keys.to_series(0)
    in_order = np.sort(first.filter(usable).to_numpy())
    again = pl.Series(in_order[1:][in_order[1:] == in_order[:-1]]).unique()
    suspects = keys.with_row_index("at").filter(usable & first.is_in(again.implode()))
    later = suspects.filter(~pl.struct(keys.columns).is_first_distinct())
    found = np.zeros(len(keys), dtype=bool)
    found[later["at"].to_numpy()] = True
    return pl.Series(found, dtype=pl.Boolean)


def with_entries(rows: pl.LazyFrame, position: str, entries: pl.DataFrame) -> pl.LazyFrame:
    """Rows with the columns of the entry at the position that each names. They keep their order, which a join would not."""
    whole = entries.rechunk()
    found = pl.col(position).map_batches(lambda at: whole.select(pl.all().gather(at)).to_struct(), return_dtype=pl.Struct(whole.schema), is_elementwise=True)
    return rows.with_columns(found.struct.unnest())

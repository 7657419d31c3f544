"""How many rows hold each distinct value: what Great Expectations is shown in place of the rows.

One pass over a delivery, some rows at a time, so that a file is read once and never held whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

BATCH = 1_000_000
"""Rows tallied at a time."""

ROWS = "rows"
KEY_ROWS = "rows of the key"


@dataclass(frozen=True)
class View:
    """What a rule looks at in a row: the values of some columns together or, where blankness alone matters, their first characters."""

    columns: tuple[str, ...]
    first_character: bool = False

    def tally(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows -> one row per distinct value (or group of values), white space around it set aside and blanks null, with its `rows`."""
        bare = (pl.col(name).str.strip_chars() for name in self.columns)
        seen = [value.str.head(1) for value in bare] if self.first_character else [pl.col(name) for name in self.columns]
        return rows.group_by(seen).len(ROWS).with_columns(_or_null(name) for name in self.columns)


KEY = View((KEY_ROWS,))
"""What a table's key is judged by: how many rows share a key."""


def tallies(text: pl.LazyFrame, views: Sequence[View], key: Sequence[str]) -> tuple[int, dict[View, pl.DataFrame]]:
    """Rows of text -> how many there are, and for each view its distinct values with their `rows`.

    For `KEY` there is one row for each number of rows that share a key; its `rows` are those beyond the first of their key.
    """
    total, parts, keys = 0, defaultdict[View, list[pl.DataFrame]](list), []
    for batch in text.collect_batches(chunk_size=BATCH, maintain_order=False, engine="streaming"):
        total += batch.height
        rows = batch.lazy()
        *tallied, filled = pl.collect_all([*(view.tally(rows) for view in views), _keys(rows, key)], engine="streaming")
        for view, part in zip(views, tallied, strict=True):
            parts[view].append(part)
        keys.append(filled)
    return total, {**{view: _added_up(view, parts[view]) for view in views}, KEY: _key_groups(key, keys)}


def _or_null(name: str) -> pl.Expr:
    value = pl.col(name).str.strip_chars()
    return pl.when(value != "").then(value).alias(name)


def _keys(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """The keys of the rows that have one: no part of it is blank."""
    return rows.select(pl.col(name).str.strip_chars() for name in key).filter(pl.col(name) != "" for name in key)


def _added_up(view: View, parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema={**dict.fromkeys(view.columns, pl.String), ROWS: pl.UInt32})
    return pl.concat(parts).group_by(view.columns).agg(pl.col(ROWS).sum())


def _key_groups(key: Sequence[str], parts: list[pl.DataFrame]) -> pl.DataFrame:
    keys = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(key, pl.String))
    # A key whose hash no other has stands alone: only the others have to be told apart, which spares most of the work.
    hashes = keys.hash_rows()
    in_order = hashes.sort()
    suspects = keys.filter(hashes.is_in(in_order.filter(in_order == in_order.shift()).implode()))
    alone = pl.DataFrame({KEY_ROWS: [1], "keys": [keys.height - suspects.height]})
    shared = suspects.group_by(pl.all()).len(KEY_ROWS).group_by(KEY_ROWS).len("keys").sort(KEY_ROWS)
    groups = pl.concat([alone, shared.cast(pl.Int64)])
    return groups.select(KEY_ROWS, ((pl.col(KEY_ROWS) - 1) * pl.col("keys")).alias(ROWS))

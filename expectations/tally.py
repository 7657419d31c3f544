"""How many rows hold each distinct value: what Great Expectations is shown in place of the rows.

The plans are lazy, so that whoever reads a delivery anyway has it tallied in the same reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from bcf_linkage.definitions.schema import Constraint, NotBefore, Required, Table
from expectations.judged import Unique, judged

ROWS = "rows"
KEY_ROWS = "rows of the key"
HASHES = (0, 1)
"""The seeds of the hashes that stand for a key together: 128 bits, which no two different keys will ever share."""


@dataclass(frozen=True)
class View:
    """What a rule looks at in a row: the values of some columns together or, where blankness alone matters, their first characters."""

    columns: tuple[str, ...]
    first_character: bool = False

    def tally(self, tidied: pl.LazyFrame) -> pl.LazyFrame:
        """Rows, white space around their values gone and blanks null -> one row per distinct value (or group of values) with its `rows`."""
        seen = [pl.col(name).str.head(1) if self.first_character else pl.col(name) for name in self.columns]
        return tidied.group_by(seen).len(ROWS)


KEY = View((KEY_ROWS,))
"""What a table's key is judged by: how many rows share a key."""


@dataclass(frozen=True)
class Tallied:
    """What a delivery is judged by: how many rows it has, and for each view of its rules the distinct values with their `rows`.

    For `KEY` there is one row for each number of rows that share a key; its `rows` are those beyond the first of their key.
    """

    rows: int
    views: Mapping[View, pl.DataFrame]


def view(table: Table, column: str, rule: Constraint) -> View:
    """What a rule looks at in a row."""
    if isinstance(rule, Unique):
        return KEY
    if isinstance(rule, NotBefore):
        return View((column, rule.other))
    # A column of many values that must be filled in and no more, such as an identifier, is tallied by its first character.
    return View((column,), first_character=all(isinstance(other, Required) for other in table[column].rules))


def views(table: Table) -> tuple[View, ...]:
    """What the rules of a table look at, but for its key."""
    found = dict.fromkeys(view(table, column, rule) for column, rule in judged(table))
    return tuple(one for one in found if one != KEY)


def plans(table: Table, tidied: pl.LazyFrame) -> list[pl.LazyFrame]:
    """The tallies of `views`, in their order, as they are to be worked out of tidied rows."""
    return [one.tally(tidied) for one in views(table)]


def tallied(table: Table, rows: int, tallies: Sequence[pl.DataFrame], keys: pl.DataFrame) -> Tallied:
    """So many rows, what the plans came to, and two hashes of the key of each row that has one -> what is judged."""
    found = dict(zip(views(table), tallies, strict=True))
    return Tallied(rows, {**found, KEY: _key_groups(keys)} if table.key else found)


def tally(table: Table, text: pl.LazyFrame) -> Tallied:
    """Rows of text, as they came -> what is judged. One reading gives it all."""
    tidied = text.select(_tidied(name) for name in table.names)
    keyed = pl.all_horizontal(pl.col(table.key).is_not_null()) if table.key else pl.lit(False)
    hashes = [pl.when(keyed).then(pl.struct(table.key or table.names).hash(seed)).alias(str(seed)) for seed in HASHES]
    keys, *found = pl.collect_all([tidied.select(hashes), *plans(table, tidied)], engine="streaming")
    return tallied(table, keys.height, found, keys.drop_nulls())


def _tidied(name: str) -> pl.Expr:
    value = pl.col(name).str.strip_chars()
    return pl.when(value != "").then(value).alias(name)


def _key_groups(keys: pl.DataFrame) -> pl.DataFrame:
    # A key whose first hash no other has stands alone: only the others have to be told apart, which spares most of the work.
    first = keys.to_series(0)
    in_order = first.sort()
    suspects = keys.filter(first.is_in(in_order.filter(in_order == in_order.shift()).implode()))
    alone = pl.DataFrame({KEY_ROWS: [1], "keys": [keys.height - suspects.height]})
    shared = suspects.group_by(pl.all()).len(KEY_ROWS).group_by(KEY_ROWS).len("keys").sort(KEY_ROWS)
    groups = pl.concat([alone, shared.cast(pl.Int64)])
    return groups.select(KEY_ROWS, ((pl.col(KEY_ROWS) - 1) * pl.col("keys")).alias(ROWS))

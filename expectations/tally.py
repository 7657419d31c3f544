"""Tallies: the number of rows with each distinct value. Great Expectations checks tallies in place of rows.

The plans are lazy, so that a delivery can be tallied in the same pass in which it is read for other work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from bcf_linkage.definitions.schema import Constraint, NotBefore, Required, Table
from expectations.delivery_rules import Unique, list_rules

ROW_COUNT = "rows"
ROWS_PER_KEY = "rows of the key"
HASH_SEEDS = (0, 1)
"""The seeds of the two hashes that identify a key. Together they have 128 bits, so two different keys never share both."""


@dataclass(frozen=True)
class View:
    """The part of a row that a rule needs: the values of some columns or, where only blanks matter, their first characters."""

    columns: tuple[str, ...]
    first_character: bool = False

    def tally(self, tidied: pl.LazyFrame) -> pl.LazyFrame:
        """Tally rows that have been tidied (no outer white space, blanks as null): one row per distinct value (or values) with `rows`."""
        seen = [pl.col(name).str.head(1) if self.first_character else pl.col(name) for name in self.columns]
        return tidied.group_by(seen).len(ROW_COUNT)


KEY_VIEW = View((ROWS_PER_KEY,))
"""The view for the rule on a key: the number of rows that share it."""


@dataclass(frozen=True)
class RuleTallies:
    """The number of rows of a delivery and, for each view of its rules, the distinct values with their `rows`.

    The tally of `KEY_VIEW` has one row for each number of rows that share a key. Its `rows` are those after the first of each key.
    """

    rows: int
    views: Mapping[View, pl.DataFrame]


def view_for(table: Table, column: str, rule: Constraint) -> View:
    """Return the view that a rule on a column needs."""
    if isinstance(rule, Unique):
        return KEY_VIEW
    if isinstance(rule, NotBefore):
        return View((column, rule.other))
    # A column whose only rule is `Required`, such as an identifier, has many distinct values; first characters are enough.
    return View((column,), first_character=all(isinstance(other, Required) for other in table[column].rules))


def views_of(table: Table) -> tuple[View, ...]:
    """Return the views of the rules of a table, without the view of its key."""
    rule_views = dict.fromkeys(view_for(table, column, rule) for column, rule in list_rules(table))
    return tuple(rule_view for rule_view in rule_views if rule_view != KEY_VIEW)


def plan_tallies(table: Table, tidied: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Return the lazy tallies of `views_of`, in that order, from tidied rows."""
    return [rule_view.tally(tidied) for rule_view in views_of(table)]


def assemble_tallies(table: Table, rows: int, tallies: Sequence[pl.DataFrame], keys: pl.DataFrame) -> RuleTallies:
    """Build the tallies from the number of rows, the results of `plan_tallies`, and two hashes of each row that has a key."""
    by_view = dict(zip(views_of(table), tallies, strict=True))
    return RuleTallies(rows, {**by_view, KEY_VIEW: _key_groups(keys)} if table.key else by_view)


def tally_rows(table: Table, text: pl.LazyFrame) -> RuleTallies:
    """Tally rows of text as delivered. It reads the rows once."""
    tidied = text.select(_tidy_value(name) for name in table.names)
    has_key = pl.all_horizontal(pl.col(table.key).is_not_null()) if table.key else pl.lit(False)
    hashes = [pl.when(has_key).then(pl.struct(table.key or table.names).hash(seed)).alias(str(seed)) for seed in HASH_SEEDS]
    keys, *tallies = pl.collect_all([tidied.select(hashes), *plan_tallies(table, tidied)], engine="streaming")
    return assemble_tallies(table, keys.height, tallies, keys.drop_nulls())


def _tidy_value(name: str) -> pl.Expr:
    value = pl.col(name).str.strip_chars()
    return pl.when(value != "").then(value).alias(name)


def _key_groups(keys: pl.DataFrame) -> pl.DataFrame:
    # A key whose first hash is unique is unique. Only the others need the second hash, which avoids most of the work.
    first = keys.to_series(0)
    ordered = first.sort()
    suspects = keys.filter(first.is_in(ordered.filter(ordered == ordered.shift()).implode()))
    unique_keys = pl.DataFrame({ROWS_PER_KEY: [1], "keys": [keys.height - suspects.height]})
    shared = suspects.group_by(pl.all()).len(ROWS_PER_KEY).group_by(ROWS_PER_KEY).len("keys").sort(ROWS_PER_KEY)
    groups = pl.concat([unique_keys, shared.cast(pl.Int64)])
    return groups.select(ROWS_PER_KEY, ((pl.col(ROWS_PER_KEY) - 1) * pl.col("keys")).alias(ROW_COUNT))

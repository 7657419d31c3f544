"""Where candidates are looked for: a record is compared with the people who share one of its keys, and never with everybody.

A key that too many people share is skipped: a million copies of one name and date cost no more than any other million records.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.trace_rules import Blocking
from bcf_linkage.identifiable.trace.model import KEYS

BEGINNING = 3


def keys(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable rows with `id` and `claimed` -> one row for each key that a row has: `id`, `kind` (its position in `KEYS`) and `key`.

    A key is kept as its hash: two that fall together cost a comparison more, and nothing else.
    """
    given, family = pl.col("given"), pl.col("family")
    full_name = pl.when(given < family).then(pl.concat_str(given, family, separator=" ")).otherwise(pl.concat_str(family, given, separator=" "))
    described: pl.LazyFrame = rows.to_native()
    parts = described.with_columns(full_name=full_name, given_3=given.str.head(BEGINNING), family_3=family.str.head(BEGINNING))
    each = [
        parts.select("id", pl.lit(kind, pl.UInt8).alias("kind"), pl.concat_str(pl.lit(str(kind)), *fields, separator="|").alias("key"))
        for kind, fields in enumerate(KEYS)
    ]
    return nw.from_native(pl.concat(each).drop_nulls("key").with_columns(pl.col("key").hash()))


def meetings(people: nw.LazyFrame, records: nw.LazyFrame, limits: Blocking) -> nw.LazyFrame:
    """Keys of people and of records -> one row per key that both have: `kind`, `key`, `asked` (records), and whether it is `crowded`: to be skipped."""
    asked = records.group_by("kind", "key").agg(asked=nw.len())
    held = people.join(asked.select("key"), on="key", how="semi").group_by("key").agg(held=nw.len())
    both = asked.join(held, on="key", how="inner")
    crowded = (nw.col("held") > limits.largest_block) | (nw.col("held") * nw.col("asked") > limits.most_pairs)
    return both.select("kind", "key", "asked", crowded=crowded)


def pairs(people: nw.LazyFrame, records: nw.LazyFrame, meetings: nw.LazyFrame) -> nw.LazyFrame:
    """Keys of people and of records, and where they meet -> `entry` and `record`, the two ids of all who meet at a key that is not crowded, once each."""
    open_keys = meetings.filter(~nw.col("crowded")).select("key")
    known = people.join(open_keys, on="key", how="inner").select("key", entry="id")
    return known.join(records.select("key", record="id"), on="key", how="inner").select("entry", "record").unique()

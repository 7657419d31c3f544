"""Blocking: compare a record only with the people who share one of its blocking keys.

A key that too many people share is skipped. So the cost of a trace stays in proportion to the records, even for a million copies of one
name and date.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.trace_rules import Blocking
from bcf_linkage.identifiable.trace.splink_model import BLOCKING_KEYS

PREFIX_LENGTH = 3
"""Letters of a name in the keys `given_3` and `family_3`: enough to survive most spelling variants, few enough to find them. [D]"""


def build_blocking_keys(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Build the blocking keys: one standardised row with `id` and `claimed` -> one row per key: `id`, `kind` (position in `BLOCKING_KEYS`) and `key`.

    A key is stored as its hash. A hash collision adds a candidate pair and does no other harm.
    """
    given, family = pl.col("given"), pl.col("family")
    # The two names in alphabetical order, so that a record with its names in the wrong columns still has the key.
    full_name = pl.when(given < family).then(pl.concat_str(given, family, separator=" ")).otherwise(pl.concat_str(family, given, separator=" "))
    native: pl.LazyFrame = rows.to_native()
    with_parts = native.with_columns(full_name=full_name, given_3=given.str.head(PREFIX_LENGTH), family_3=family.str.head(PREFIX_LENGTH))
    keys_by_kind = [
        with_parts.select("id", pl.lit(kind, pl.UInt8).alias("kind"), pl.concat_str(pl.lit(str(kind)), *fields, separator="|").alias("key"))
        for kind, fields in enumerate(BLOCKING_KEYS)
    ]
    return nw.from_native(pl.concat(keys_by_kind).drop_nulls("key").with_columns(pl.col("key").hash()))


def build_shared_keys(people_keys: nw.LazyFrame, record_keys: nw.LazyFrame, limits: Blocking) -> nw.LazyFrame:
    """Count the keys that people and records share: one row per shared key, with `kind`, `key`, `records` and `crowded`.

    A key is crowded, and skipped, if more than `largest_block` people have it or it would make more than `most_pairs` pairs.
    """
    record_counts = record_keys.group_by("kind", "key").agg(records=nw.len())
    people_counts = people_keys.join(record_counts.select("key"), on="key", how="semi").group_by("key").agg(people=nw.len())
    shared = record_counts.join(people_counts, on="key", how="inner")
    is_crowded = (nw.col("people") > limits.largest_block) | (nw.col("people") * nw.col("records") > limits.most_pairs)
    return shared.select("kind", "key", "records", crowded=is_crowded)


def build_candidate_pairs(people_keys: nw.LazyFrame, record_keys: nw.LazyFrame, shared_keys: nw.LazyFrame) -> nw.LazyFrame:
    """Build the candidate pairs: `entry` and `record`, the ids of a register entry and a record with a common key that is not crowded, each pair once."""
    usable_keys = shared_keys.filter(~nw.col("crowded")).select("key")
    people_at_keys = people_keys.join(usable_keys, on="key", how="inner").select("key", entry="id")
    return people_at_keys.join(record_keys.select("key", record="id"), on="key", how="inner").select("entry", "record").unique()

"""Where candidates are looked for: a record is compared with the people who share one of its keys, and never with everybody.

A key that too many people share is skipped: a million copies of one name and date cost no more than any other million records.
"""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.trace_rules import Blocking
from bcf_linkage.identifiable.trace.model import KEYS

BEGINNING = 3
KEY = "key"


def key_parts(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable rows with `id` and `claimed` -> `id` and what keys are made of."""
    given, family = nw.col("given"), nw.col("family")
    full_name = nw.when(given < family).then(nw.concat_str(given, family, separator=" ")).otherwise(nw.concat_str(family, given, separator=" "))
    made = {"full_name": full_name, "given_3": given.str.slice(0, BEGINNING), "family_3": family.str.slice(0, BEGINNING)}
    parts = dict.fromkeys(part for key in KEYS for part in key)
    return rows.with_columns(**made).select("id", *parts)


def keyed(parts: nw.LazyFrame, fields: tuple[str, ...]) -> nw.LazyFrame:
    """`id` and key parts -> `id` and one `key`; rows that lack a part of it are left out."""
    return parts.select("id", nw.concat_str(*(nw.col(field) for field in fields), separator="|").alias(KEY)).filter(~nw.col(KEY).is_null())


def meetings(people: nw.LazyFrame, records: nw.LazyFrame, limits: Blocking) -> nw.LazyFrame:
    """Keyed people and records -> one row per key that both have: `key`, `asked` (records), and whether it is `crowded`, which is to be skipped."""
    held = people.group_by(KEY).agg(held=nw.len())
    both = records.group_by(KEY).agg(asked=nw.len()).join(held, on=KEY, how="inner")
    return both.select(KEY, "asked", crowded=(nw.col("held") > limits.largest_block) | (nw.col("held") * nw.col("asked") > limits.most_pairs))


def pairs(people: nw.LazyFrame, records: nw.LazyFrame, meetings: nw.LazyFrame) -> nw.LazyFrame:
    """Keyed people and records who meet at a key that is not crowded -> `entry` and `record`, their two ids."""
    known = people.join(meetings.filter(~nw.col("crowded")).select(KEY), on=KEY, how="inner").select(KEY, entry="id")
    return known.join(records.select(KEY, record="id"), on=KEY, how="inner").select("entry", "record")

"""To whom each client of a source is linked: the one thing about a record that can be held against the run before."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.places import KEPT
from bcf_linkage.definitions.trace_reasons import trace_reasons

LINKS = ("local_id", "person", "place", "trace_reason")


def links(identities: nw.LazyFrame, local_number: str) -> nw.LazyFrame:
    """Examined identities with their pseudonym `person`, and how many `rows` each has -> one row per client, with the columns `LINKS`.

    Where the records of a client ended apart, those count that were linked, before those of a number that the register does not hold,
    and those unlinked last; and of several people the one under whom most records are.
    """
    place = nw.col("reason").replace_strict({name: str(reason.place) for name, reason in trace_reasons().items()}, return_dtype=nw.String)
    rank = nw.col("place").replace_strict({str(kept): n for n, kept in enumerate(KEPT)}, return_dtype=nw.Int64)
    told = identities.select("person", "rows", local_id=nw.col(local_number), place=place, trace_reason=nw.col("reason"))
    counted = told.group_by(*LINKS).agg(fewer=-nw.col("rows").sum()).with_columns(rank=rank)
    return counted.unique("local_id", keep="first", order_by=["rank", "fewer", "person", "trace_reason"]).select(*LINKS)

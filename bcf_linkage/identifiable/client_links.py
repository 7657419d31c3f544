"""The person to whom each client of a source is linked. The next run compares its own links with these."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES
from bcf_linkage.definitions.trace_reasons import trace_reasons

LINK_COLUMNS = ("local_id", "person", "outcome", "trace_reason")


def build_client_links(identities: nw.LazyFrame, local_id_column: str) -> nw.LazyFrame:
    """Build the links: one row per traced identity with `person` (pseudonym) and `rows` (records) -> one row per client, with `LINK_COLUMNS`.

    If the records of a client have different outcomes, linked ones count first, then those seen but not registered, then unlinked ones.
    Of several people, the one with most records counts.
    """
    outcome = nw.col("reason").replace_strict({name: str(reason.outcome) for name, reason in trace_reasons().items()}, return_dtype=nw.String)
    rank = nw.col("outcome").replace_strict({str(kept): n for n, kept in enumerate(KEPT_OUTCOMES)}, return_dtype=nw.Int64)
    records = identities.select("person", "rows", local_id=nw.col(local_id_column), outcome=outcome, trace_reason=nw.col("reason"))
    # Negative, so that most records come first in ascending order.
    counted = records.group_by(*LINK_COLUMNS).agg(minus_rows=-nw.col("rows").sum()).with_columns(rank=rank)
    return counted.unique("local_id", keep="first", order_by=["rank", "minus_rows", "person", "trace_reason"]).select(*LINK_COLUMNS)

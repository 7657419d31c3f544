"""Tallies of the changes of links since the previous run."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.published.linkage_quality.tallies import tally

COMPARED = "links_compared"


def tally_link_changes(links: Mapping[str, nw.LazyFrame]) -> nw.LazyFrame:
    """Links of each source -> tallies of the clients of the previous run, by the change of their link. Nothing on a first run."""
    compared = nw.concat([rows.filter(~nw.col("change").is_null()).select("change", extract=nw.lit(extract)) for extract, rows in links.items()])
    extract, client_count = nw.col("extract"), nw.lit(1)
    return nw.concat([tally(compared, nw.lit(COMPARED), extract, client_count), tally(compared, nw.col("change"), extract, client_count)])

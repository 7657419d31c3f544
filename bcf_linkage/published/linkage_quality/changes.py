"""What became of links since the run before, in numbers."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.published.linkage_quality.tallies import tally

COMPARED = "links_compared"


def link_changes(links: Mapping[str, nw.LazyFrame]) -> nw.LazyFrame:
    """The links of each source -> tallies of the clients who were in the run before, by what became of their link. None on a first run."""
    known = nw.concat([rows.filter(~nw.col("change").is_null()).select("change", extract=nw.lit(extract)) for extract, rows in links.items()])
    extract, one = nw.col("extract"), nw.lit(1)
    return nw.concat([tally(known, nw.lit(COMPARED), extract, one), tally(known, nw.col("change"), extract, one)])

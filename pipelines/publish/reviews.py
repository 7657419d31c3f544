"""The results of clerical reviews, read from the audit log as counts for the report on linkage quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

import polars as pl

from bcf_linkage.identifiable import review_sample
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_quality.tallies import MATCH_PASS
from bcf_linkage.storage import trail
from bcf_linkage.storage.trail_entry import ReviewCount, TrailEntry
from pipelines.workspace.audit_log import EventKind
from pipelines.workspace.run_context import RunContext

TALLY_SCHEMA = {"measure": pl.String, "area_code": pl.String, "group_type": pl.String, "group": pl.String, "count": pl.Int64}


def latest_reviews(run: RunContext) -> dict[str, TrailEntry]:
    """Return the latest imported review of each source, by source.

    Reviews after the first publication of the run do not count, so that a repeated run publishes the same figures.
    """
    earlier_entries = takewhile(lambda entry: (entry.what, entry.run) != (EventKind.RUN_PUBLISHED, run.run_id), trail.read_entries(run.workspace.trail))
    return {entry.parties["source"]: entry for entry in earlier_entries if entry.what == EventKind.REVIEW_IMPORTED}


def tally_reviews(run: RunContext) -> pl.DataFrame:
    """Return the verdicts of the latest review of each source: one row per measure, source and match pass, and one for all match passes.

    A source without a review has no row.
    """
    rows = [row for source, entry in latest_reviews(run).items() for row in _tally_rows(source, entry.reviews)]
    by_match_pass = pl.DataFrame(rows, TALLY_SCHEMA, orient="row")
    totals = by_match_pass.with_columns(group_type=pl.lit(ALL), group=pl.lit(ALL)).group_by(*TALLY_SCHEMA.keys() - {"count"}).agg(pl.col("count").sum())
    return pl.concat([by_match_pass, totals.select(*TALLY_SCHEMA)])


def _tally_rows(source: str, reviews: Sequence[ReviewCount]) -> Iterator[tuple[str, str, str, str, int]]:
    """Yield the tallies of a review: measure, source, group type, match pass and pairs."""
    pairs = {(review.match_pass, review.verdict): review.pairs for review in reviews}
    for match_pass in sorted({match_pass for match_pass, _ in pairs}):
        same, another, unsure = (pairs.get((match_pass, verdict), 0) for verdict in review_sample.VERDICTS)
        for measure, count in (("reviewed", same + another), ("reviewed_another", another), ("reviewed_unsure", unsure)):
            yield measure, source, MATCH_PASS, match_pass, count

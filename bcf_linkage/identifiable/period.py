"""Whether a row lies in the period that the run covers. Dates are compared as ISO text, which stands in the order of time."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.periods import months_to, window_to
from bcf_linkage.definitions.schema import Table

AFTER, BEFORE = OUTSIDE = ("after_as_at", "before_window")

FRESH_MONTHS = 3
"""A delivery with no event in the months up to the as-at date is an old one."""


def out_of_period(table: Table, as_at: date) -> nw.Expr:
    """Why a tidied row that is not refused lies outside the period: `after_as_at`, `before_window`, or null if it lies within.

    A row that has not ended by the window's first day lies within, as does any earlier one where the table has a whole history.
    """
    if table.event_date is None:
        return nw.lit(None, dtype=nw.String)
    begins = nw.col(table.event_date)
    outcome = nw.when(begins > as_at.isoformat()).then(nw.lit(AFTER))
    if table.whole_history:
        return outcome
    start = window_to(as_at).start.isoformat()
    ended = begins < start
    if table.event_end is not None:
        ended = ended & (nw.col(table.event_end) < start).fill_null(False)
    return outcome.when(ended).then(nw.lit(BEFORE))


def is_fresh(table: Table, as_at: date) -> nw.Expr:
    """Whether a tidied row tells of something that began in the last months up to the as-at date."""
    if table.event_date is None:
        return nw.lit(True)
    start = months_to(as_at, FRESH_MONTHS).start
    return nw.col(table.event_date).is_between(nw.lit(start.isoformat()), nw.lit(as_at.isoformat())).fill_null(False)

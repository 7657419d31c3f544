"""Decide whether a row is in the period of the run. Dates are compared as ISO text, which sorts in the order of time."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.periods import months_to, window_to
from bcf_linkage.definitions.schema import Table

AFTER_AS_AT, BEFORE_WINDOW = OUTSIDE_REASONS = ("after_as_at", "before_window")

FRESH_MONTHS = 3
"""Months up to the as-at date in which a recent delivery has at least one event. [D]"""


def out_of_period_reason(table: Table, as_at: date) -> nw.Expr:
    """Return why a tidied row that is not refused is outside the period: `after_as_at`, `before_window`, or null if it is inside.

    A row that started earlier is inside if it has not ended before the first day of the window, or if the table has a whole history.
    """
    if table.event_date is None:
        return nw.lit(None, dtype=nw.String)
    start_date = nw.col(table.event_date)
    reason = nw.when(start_date > as_at.isoformat()).then(nw.lit(AFTER_AS_AT))
    if table.whole_history:
        return reason
    start = window_to(as_at).start.isoformat()
    ended_before = start_date < start
    if table.event_end is not None:
        ended_before = ended_before & (nw.col(table.event_end) < start).fill_null(False)
    return reason.when(ended_before).then(nw.lit(BEFORE_WINDOW))


def is_fresh(table: Table, as_at: date) -> nw.Expr:
    """Return whether the event of a tidied row began in the `FRESH_MONTHS` months up to the as-at date."""
    if table.event_date is None:
        return nw.lit(True)
    start = months_to(as_at, FRESH_MONTHS).start
    return nw.col(table.event_date).is_between(nw.lit(start.isoformat()), nw.lit(as_at.isoformat())).fill_null(False)

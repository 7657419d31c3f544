"""Choosing one row of several, the same one on every engine and whatever the order of rows."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw


def first_of_each(key: str, frame: nw.LazyFrame, order: Sequence[str]) -> nw.LazyFrame:
    """Rows -> the row of each key that comes first in the order, blanks first. Rows with a blank key are left out."""
    return frame.filter(nw.col(key).cum_count().over(key, order_by=list(order)) == 1)

"""Select one row of several: the same row on every engine and for any order of rows."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw


def first_of_each(key: str, frame: nw.LazyFrame, order: Sequence[str]) -> nw.LazyFrame:
    """Return one row per key, the first in the order, blanks first. Rows with a blank key are left out."""
    return frame.filter(nw.col(key).cum_count().over(key, order_by=list(order)) == 1)

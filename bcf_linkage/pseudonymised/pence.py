"""Money in whole pence, so that a sum is the same in any order of rows."""

from __future__ import annotations

import narwhals as nw


def to_pence(pounds: nw.Expr) -> nw.Expr:
    """Convert pounds to whole pence, rounding half a penny up."""
    return (pounds * 100 + 0.5).floor().cast(nw.Int64)


def from_pence(pence: nw.Expr) -> nw.Expr:
    """Convert whole pence to pounds."""
    # Engines divide by a constant in different ways; rounding gives the same nearest number on each.
    return (pence.cast(nw.Float64) / 100).round(2)

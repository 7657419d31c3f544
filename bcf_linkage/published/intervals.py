"""95% intervals: how far chance alone could move a figure."""

from __future__ import annotations

import narwhals as nw

Z = 1.959964
Interval = tuple[nw.Expr, nw.Expr]


def wilson(numerator: nw.Expr, denominator: nw.Expr) -> Interval:
    """Lower and upper end of a proportion (0 to 1), by Wilson's score method."""
    share, square = numerator / denominator, Z * Z / denominator
    middle = share + square / 2
    half = (share * (1 - share) * square + square * square / 4).sqrt()
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def byar(events: nw.Expr) -> Interval:
    """Lower and upper end of a count of events, by Byar's approximation to the exact Poisson interval."""
    one_more = events + 1
    lower = events * (1 - 1 / (9 * events) - Z / (3 * events.sqrt())) ** 3
    upper = one_more * (1 - 1 / (9 * one_more) + Z / (3 * one_more.sqrt())) ** 3
    return nw.when(events > 0).then(lower).otherwise(0.0), upper


def half_up(value: nw.Expr, decimals: int) -> nw.Expr:
    """The number, none below 0, to so many decimals, a half up.

    Engines round a half in different ways, and divide by a constant in different ways: the half is therefore settled in whole
    numbers, and what follows only finds the nearest number of so many decimals.
    """
    return ((value * 10**decimals + 0.5).floor() / 10**decimals).round(decimals)

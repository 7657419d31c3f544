"""The 95% confidence interval of a proportion (Wilson's score interval), in plain arithmetic.

`published/intervals.py` computes the same interval for the columns of a frame.
"""

from __future__ import annotations

from math import sqrt

Z = 1.959964
"""Standard normal deviate of a two-sided 95% interval."""


def wilson_interval(numerator: float, denominator: float) -> tuple[float, float]:
    """Return the lower and upper end of Wilson's 95% score interval for a proportion, both from 0 to 1. The denominator is above 0."""
    share, square = numerator / denominator, Z * Z / denominator
    # Floating point can leave the radicand just below 0 at a share of 0 or 1.
    half_width = sqrt(max(0.0, share * (1 - share) * square + square * square / 4))
    return (share + square / 2 - half_width) / (1 + square), (share + square / 2 + half_width) / (1 + square)

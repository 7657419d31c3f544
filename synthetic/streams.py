"""Random numbers: one stream for each part of the work, so that a change to one part leaves the draws of the others unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from synthetic.rates import Floats, Integers


def stream(seed: int, part: str) -> Generator:
    """Return the random number stream of a part. The same seed and part give the same numbers."""
    return Generator(PCG64(SeedSequence([seed, crc32(part.encode())])))


def evenly_spaced(rng: Generator, count: int) -> NDArray[np.float64]:
    """Return `count` numbers between 0 and 1, equally spaced and shuffled. Cutting them into shares gives exact proportions."""
    return (rng.permutation(count) + 0.5) / max(count, 1)


def allocate_by_share(rng: Generator, shares: NDArray[np.float64], count: int) -> Integers:
    """Return `count` positions in `shares`, in exactly those proportions."""
    return np.searchsorted(np.cumsum(shares)[:-1] / np.sum(shares), evenly_spaced(rng, count), side="right").astype(np.int32)


def normal_scores(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard normal scores (quantiles) of the shares, interpolated in a fine table."""
    scores = np.linspace(-6, 6, 4801)
    density = np.exp(-0.5 * scores**2)
    below = (np.cumsum(density) - density / 2) / density.sum()
    return np.interp(shares, below, scores)


def draw_positions(rng: Generator, odds: Iterable[float], count: int) -> Integers:
    """Draw `count` positions in `odds` at random, with those odds."""
    ends = np.cumsum(list(odds))
    drawn: Integers = np.searchsorted(ends[:-1], rng.random(count) * ends[-1], side="right").astype(np.int32)
    return drawn


def pick_columns(rng: Generator, weights: Floats) -> Integers:
    """Draw one column position for each row of weights, with those odds. A row of zero weights gives column 0."""
    ends = np.cumsum(weights, axis=1)
    # Rounding in float32 may put a mark on the last end, which would be one column too far.
    marks = np.minimum(rng.random(len(weights), np.float32) * ends[:, -1], np.nextafter(ends[:, -1], 0))
    picked: Integers = (ends[:, :-1] <= marks[:, None]).sum(axis=1).astype(np.int32)
    return picked

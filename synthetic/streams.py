"""Random numbers: one stream for each part of the work, so that a change to one part leaves the others' draws alone."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from synthetic.rates import Floats, Integers


def stream(seed: int, part: str) -> Generator:
    """The stream of random numbers that belongs to a part. The same seed and part give the same numbers."""
    return Generator(PCG64(SeedSequence([seed, crc32(part.encode())])))


def spread(rng: Generator, count: int) -> NDArray[np.float64]:
    """One number between 0 and 1 for each of `count`, equally spaced and shuffled: the shares they are cut by come out exactly."""
    return (rng.permutation(count) + 0.5) / max(count, 1)


def shared_out(rng: Generator, shares: NDArray[np.float64], count: int) -> Integers:
    """For each of `count`, one of the shares by position, in those proportions."""
    return np.searchsorted(np.cumsum(shares)[:-1] / np.sum(shares), spread(rng, count), side="right").astype(np.int32)


def normal_scores(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard normal scores below which such shares lie, read off a fine table."""
    scores = np.linspace(-6, 6, 4801)
    density = np.exp(-0.5 * scores**2)
    below = (np.cumsum(density) - density / 2) / density.sum()
    return np.interp(shares, below, scores)


def draw(rng: Generator, odds: Iterable[float], count: int) -> Integers:
    """For each of `count`, one of the odds by position."""
    ends = np.cumsum(list(odds))
    drawn: Integers = np.searchsorted(ends[:-1], rng.random(count) * ends[-1], side="right").astype(np.int32)
    return drawn


def pick(rng: Generator, weights: Floats) -> Integers:
    """For each row of weights, one column by position with those odds. A row without weight gives column 0."""
    ends = np.cumsum(weights, axis=1)
    marks = np.minimum(rng.random(len(weights), np.float32) * ends[:, -1], np.nextafter(ends[:, -1], 0))
    picked: Integers = (ends[:, :-1] <= marks[:, None]).sum(axis=1).astype(np.int32)
    return picked

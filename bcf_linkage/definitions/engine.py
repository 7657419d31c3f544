"""What a trace needs from an engine: frames in memory, and scores of candidate pairs. `storage` implements both for Polars and for Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import narwhals as nw
import polars as pl


class InMemoryEngine(Protocol):
    """An engine that converts small tables to lazy frames and back."""

    def frame(self, rows: pl.DataFrame) -> nw.LazyFrame:
        """Return a small table from memory as a lazy frame."""
        ...

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        """Return a result as a table in memory."""
        ...


@dataclass(frozen=True, repr=False)
class CandidatePairs:
    """Candidate pairs of records and register entries. The frames contain identifiers, so the class has no repr.

    `register` and `records` have one row per `id`, a whole number, and the columns to compare. `pairs` has one row per pair, with
    the ids as `entry` and `record`. `frequencies` has a table for each column whose rarity counts: one row per value, how common it is.
    """

    register: pl.DataFrame
    records: pl.DataFrame
    pairs: pl.DataFrame
    frequencies: Mapping[str, pl.DataFrame]


class PairScorer(Protocol):
    """A function that scores candidate pairs on an engine."""

    def __call__(self, candidates: CandidatePairs, settings: Mapping[str, object], min_score: float) -> pl.DataFrame:
        """Return the pairs that score at least `min_score`: one row per pair with `record`, `entry` and `score`, the match weight in bits.

        `gamma_<name>` is the level of each comparison. `settings` are Splink's settings, with all weights in them.
        """
        ...

"""Judges the rows of one extract by Great Expectations, and lets nothing out but how many rows break which rule.

Each distinct value is judged once and weighs as many rows as hold it, so that neither the size nor the order of a delivery
matters. What Great Expectations says is read for positions in its own batch alone: its results can hold values.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.schema import Table, Type
from expectations.judged import judged
from expectations.tally import KEY_ROWS, ROWS, View, tallies

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

TOGETHER = 2_000
"""Tallies of no more values than this are judged in one batch, as each batch costs Great Expectations time of its own."""

POSITIONS_ONLY = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "unexpected_index_column_names": ["position"],
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
    "include_unexpected_rows": False,
}


@dataclass(frozen=True)
class Verdict:
    """How many of an extract's rows break a rule on a column."""

    extract: str
    column: str
    rule: str
    rows: int
    failed: int

"""Judges the rows of one extract by Great Expectations, and lets nothing out but how many rows break which rule.

Each distinct value is judged once and weighs as many rows as hold it, so that neither the size nor the order of a delivery
matters. What Great Expectations says is read for positions in its own batch alone: its results can hold values.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.schema import Table, Type
from expectations.judged import judged
from expectations.tally import KEY, ROWS, Tallied, View, tally, view
from expectations.values import as_number

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = (0, 2_000, 60_000, sys.maxsize)
"""Tallies of a length between two of these are judged in one batch, as every batch costs Great Expectations time of its own."""

POSITION = "position"
POSITIONS_ONLY = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "unexpected_index_column_names": [POSITION],
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


def judge(table: Table, text: pl.LazyFrame) -> tuple[Verdict, ...]:
    """Readable rows of one extract, every declared column as text -> what `verdicts` says of their tallies."""
    return verdicts(table, tally(table, text))


def verdicts(table: Table, tallied: Tallied) -> tuple[Verdict, ...]:
    """The tallies of an extract -> one verdict for each rule of `judged`, in its order.

    The first call of a process imports Great Expectations, which takes seconds. Raises EnvironmentRefused if a rule cannot be judged.
    """
    prepare()
    failed: dict[tuple[str, str], int] = {}
    with _silence():
        for batch in _batches(tallied.views):
            failed |= _failed(table, batch)
    return tuple(Verdict(table.name, column, rule.rule, tallied.rows, failed.get((column, rule.rule), 0)) for column, rule in judged(table))


def prepare() -> None:
    """Import Great Expectations, if it is not yet there."""
    with _silence(), _without_spark():
        import expectations.suites  # noqa: F401


def _batches(tallied: Mapping[View, pl.DataFrame]) -> Iterator[dict[View, pl.DataFrame]]:
    """The tallies as they are judged: those of like length together, made equally long by repeating a value that weighs nothing."""
    for shorter, longest in pairwise(LENGTHS):
        alike = {view: tally for view, tally in tallied.items() if shorter < tally.height <= longest}
        if alike:
            height = max(tally.height for tally in alike.values())
            yield {view: _padded(tally, height) for view, tally in alike.items()}


def _padded(tally: pl.DataFrame, height: int) -> pl.DataFrame:
    weightless = tally.head(1).with_columns(pl.lit(0, dtype=tally.schema[ROWS]).alias(ROWS))
    return pl.concat([tally, weightless[[0] * (height - tally.height)]])


def _failed(table: Table, batch: Mapping[View, pl.DataFrame]) -> dict[tuple[str, str], int]:
    """A batch -> the rows that break each rule which looks at one of its views, by column and rule."""
    import pandas as pd

    from expectations.suites import suite

    frame = pd.DataFrame({name: values for v, tally in batch.items() for name, values in _shown(table, v, tally)})
    frame.index.name = POSITION
    weights = {v: tally[ROWS].to_numpy() for v, tally in batch.items()}
    rules = {(column, rule.rule): rule for column, rule in judged(table)}
    positions = _positions(table, frame, suite(table, batch.keys()))
    return {(column, rule): int(weights[view(table, column, rules[column, rule])][found].sum()) for (column, rule), found in positions.items()}


def _shown(table: Table, view: View, tally: pl.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """The columns in which Great Expectations sees a view: its text, and dates and numbers read as such beside it."""
    import pandas as pd

    from expectations.suites import numbers, shown

    for column, name in zip(view.columns, shown(view), strict=True):
        # Great Expectations is five times slower on pandas' newer kinds of text column.
        values = tally[column].to_list()
        yield name, pd.Series(values, dtype="int64" if view == KEY else "object")
        if view != KEY and (kind := table[column].type) in (Type.DATE, Type.INTEGER, Type.DECIMAL):
            yield numbers(name), pd.Series([as_number(value, kind) for value in values], dtype="float64")


def _positions(table: Table, frame: pd.DataFrame, suite: Any) -> dict[tuple[str, str], list[int]]:
    """Where in a frame each expectation fails. Nothing else of what Great Expectations says is looked at."""
    from great_expectations import get_context
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    kept_in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=kept_in_memory, progress_bars=ProgressBarsConfig(globally=False), analytics_enabled=False)
    asset = get_context(project_config=config, mode="ephemeral").data_sources.add_pandas(table.name).add_dataframe_asset(table.name)
    batch = asset.add_batch_definition_whole_dataframe(table.name).get_batch({"dataframe": frame})
    positions = {}
    for outcome in batch.validate(suite, result_format=POSITIONS_ONLY).results:
        column, rule = outcome.expectation_config.meta["column"], outcome.expectation_config.meta["rule"]
        if "unexpected_index_list" not in outcome.result:
            raise EnvironmentRefused(f"{table.name}: {column}: {rule} could not be judged by Great Expectations; `bcf doctor` looks at its version")
        positions[column, rule] = [position for found in outcome.result["unexpected_index_list"] for position in found[POSITION]]
    return positions


@contextmanager
def _without_spark() -> Iterator[None]:
    """Keeps Great Expectations from importing PySpark where it is installed, and not loaded yet.

    That takes time for nothing, and PySpark ends a process whose main module has no file, taking it for a run of its own doctests.
    """
    hidden = "pyspark" not in sys.modules
    if hidden:
        sys.modules["pyspark"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["pyspark"]


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps Great Expectations from writing warnings and logs, which can quote a value."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

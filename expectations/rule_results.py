"""Check the rows of one extract with Great Expectations. The only result is how many rows break each rule.

Each distinct value is checked once and counts for as many rows as have it, so neither the size nor the order of a delivery
matters. Of the results of Great Expectations only positions in its batch are read, because the results can contain values.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.schema import Table, Type
from expectations.delivery_rules import list_rules
from expectations.tally import KEY_VIEW, ROW_COUNT, RuleTallies, View, tally_rows, view_for
from expectations.values import parse_number

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite

BATCH_LENGTHS = (0, 2_000, 60_000, sys.maxsize)
"""Tallies with a length between two of these are checked in one batch, because Great Expectations needs time for every batch."""

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
class RuleResult:
    """The number of an extract's rows that break a rule on a column, of all its rows."""

    extract: str
    column: str
    rule: str
    rows: int
    failed: int


def check_rows(table: Table, text: pl.LazyFrame) -> tuple[RuleResult, ...]:
    """Check the readable rows of one extract, every declared column as text: one result per rule, as `check_tallies` returns them."""
    return check_tallies(table, tally_rows(table, text))


def check_tallies(table: Table, tallies: RuleTallies) -> tuple[RuleResult, ...]:
    """Check the tallies of an extract: one result per rule of `list_rules`, in its order.

    The first call of a process imports Great Expectations, which takes seconds. Raises EnvironmentFault if a rule cannot be checked.
    """
    import_great_expectations()
    failed: dict[tuple[str, str], int] = {}
    with _silence_logging():
        for batch in _batches(tallies.views):
            failed |= _count_failed_rows(table, batch)
    return tuple(RuleResult(table.name, column, rule.rule, tallies.rows, failed.get((column, rule.rule), 0)) for column, rule in list_rules(table))


def import_great_expectations() -> None:
    """Import Great Expectations, if it is not imported yet, with its usage statistics off."""
    # Great Expectations reads this when it is first imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _silence_logging(), _without_spark():
        import expectations.suites  # noqa: F401


def _batches(tallies: Mapping[View, pl.DataFrame]) -> Iterator[dict[View, pl.DataFrame]]:
    """Yield the tallies in batches of similar length, padded to equal length with a value that counts for no row."""
    for lower, upper in pairwise(BATCH_LENGTHS):
        similar = {view: tally for view, tally in tallies.items() if lower < tally.height <= upper}
        if similar:
            height = max(tally.height for tally in similar.values())
            yield {view: _pad_tally(tally, height) for view, tally in similar.items()}


def _pad_tally(tally: pl.DataFrame, height: int) -> pl.DataFrame:
    padding_row = tally.head(1).with_columns(pl.lit(0, dtype=tally.schema[ROW_COUNT]).alias(ROW_COUNT))
    return pl.concat([tally, padding_row[[0] * (height - tally.height)]])


def _count_failed_rows(table: Table, batch: Mapping[View, pl.DataFrame]) -> dict[tuple[str, str], int]:
    """Return the number of rows that break each rule on a view of the batch, by column and rule."""
    import pandas as pd

    from expectations.suites import build_suite

    frame = pd.DataFrame({name: values for v, tally in batch.items() for name, values in _labelled_columns(table, v, tally)})
    frame.index.name = POSITION
    weights = {v: tally[ROW_COUNT].to_numpy() for v, tally in batch.items()}
    rules = {(column, rule.rule): rule for column, rule in list_rules(table)}
    positions = _failing_positions(table, frame, build_suite(table, batch.keys()))
    return {(column, rule): int(weights[view_for(table, column, rules[column, rule])][failing].sum()) for (column, rule), failing in positions.items()}


def _labelled_columns(table: Table, view: View, tally: pl.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Yield the columns of a view for Great Expectations: the text and, for dates and numbers, a column of numbers as well."""
    import pandas as pd

    from expectations.suites import column_labels, number_label

    for column, name in zip(view.columns, column_labels(view), strict=True):
        # Great Expectations is five times slower on the newer text types of pandas than on objects.
        values = tally[column].to_list()
        yield name, pd.Series(values, dtype="int64" if view == KEY_VIEW else "object")
        if view != KEY_VIEW and (kind := table[column].type) in (Type.DATE, Type.INTEGER, Type.DECIMAL):
            yield number_label(name), pd.Series([parse_number(value, kind) for value in values], dtype="float64")


def _failing_positions(table: Table, frame: pd.DataFrame, suite: ExpectationSuite) -> dict[tuple[str, str], list[int]]:
    """Return the positions in a frame at which each expectation fails, by column and rule. No other part of the results is read."""
    from great_expectations import get_context
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    in_memory_stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=in_memory_stores, progress_bars=ProgressBarsConfig(globally=False), analytics_enabled=False)
    asset = get_context(project_config=config, mode="ephemeral").data_sources.add_pandas(table.name).add_dataframe_asset(table.name)
    batch = asset.add_batch_definition_whole_dataframe(table.name).get_batch({"dataframe": frame})
    positions = {}
    for result in batch.validate(suite, result_format=POSITIONS_ONLY).results:
        meta = (result.expectation_config.meta if result.expectation_config else None) or {}
        column, rule = meta["column"], meta["rule"]
        if "unexpected_index_list" not in result.result:
            raise EnvironmentFault(f"{table.name}: {column}: {rule} could not be checked by Great Expectations; run `bcf doctor` to check its version")
        positions[column, rule] = [position for unexpected in result.result["unexpected_index_list"] for position in unexpected[POSITION]]
    return positions


@contextmanager
def _without_spark() -> Iterator[None]:
    """Keep Great Expectations from importing PySpark, if PySpark is installed and not imported yet.

    The import takes time and has no use here. PySpark also ends a process whose main module has no file, because it takes that for
    a run of its own doctests.
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
def _silence_logging() -> Iterator[None]:
    """Keep Great Expectations from writing warnings and logs, because they can contain a value."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

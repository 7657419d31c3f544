"""Scoring candidates with Splink on DuckDB, in memory: neither a file nor the network is touched, and nothing is logged."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from threading import Lock
from typing import Any

import duckdb
import polars as pl

QUIET = logging.CRITICAL
PREDICTING = Lock()
REGISTER, RECORDS = "a_register", "b_records"
"""Splink puts the left of a pair first in the alphabet."""


def scored(
    register: pl.DataFrame, records: pl.DataFrame, pairs: pl.DataFrame, frequencies: Mapping[str, pl.DataFrame], settings: Mapping[str, Any], least: float
) -> pl.DataFrame:
    """Those of the pairs that reach the least score: `record`, `entry`, `score`, and `gamma_<name>` for the level of each comparison.

    Register and records have `id`, a whole number, by which `pairs` names them as `entry` and `record`, and the columns that the
    settings compare. `frequencies` tells, for columns whose value counts, how common each value is. The settings are Splink's own,
    with all weights in them.
    """
    gammas = [f"gamma_{comparison['output_column_name']}" for comparison in settings["comparisons"]]
    if pairs.is_empty():
        return pl.DataFrame(schema={"record": pl.Int64, "entry": pl.Int64, "score": pl.Float64, **dict.fromkeys(gammas, pl.Int32)})
    columns = ", ".join(["id_r as record", "id_l as entry", "match_weight as score", *gammas])
    theirs, ours = register.filter(pl.col("id").is_in(pairs["entry"].unique().implode())), records
    database = duckdb.connect(":memory:", config={"enable_external_access": "false", "temp_directory": ""})
    try:
        found = _predicted(database, theirs.select(ours.columns), ours, pairs, frequencies, settings, least)
        rows = pl.from_arrow(found.as_duckdbpyrelation().select(columns).to_arrow_table())
    finally:
        database.close()
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table is no column
    return rows.sort("record", "entry")


def _predicted(
    database: duckdb.DuckDBPyConnection,
    register: pl.DataFrame,
    records: pl.DataFrame,
    pairs: pl.DataFrame,
    frequencies: Mapping[str, pl.DataFrame],
    settings: Mapping[str, Any],
    least: float,
) -> Any:
    # Splink takes half a second to import, and most commands need it never.
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(database)
    tables = [api.register(frame.to_arrow(), dataset_display_name=name) for name, frame in ((REGISTER, register), (RECORDS, records))]
    linker = Linker(tables, dict(settings), log_level=QUIET, validate_settings=False)
    for column, values in frequencies.items():
        linker.table_management.register_term_frequency_lookup(api.register(values.to_arrow()), column)
    keys = {"join_key_l": pl.format(f"{REGISTER}-__-{{}}", "entry"), "join_key_r": pl.format(f"{RECORDS}-__-{{}}", "record")}
    blocked = pairs.select(pl.lit("0").alias("match_key"), **keys)
    linker.table_management.register_blocked_pairs_for_predict(api.register(blocked.to_arrow()))
    # Warnings are set aside for the whole process, so that one at a time may do it.
    with PREDICTING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linker.inference.predict(threshold_match_weight=least, warning_mode="never")

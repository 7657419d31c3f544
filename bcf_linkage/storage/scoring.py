"""Scoring candidates with Splink: on DuckDB, in memory, or on Spark where the run is on Spark. Nothing is logged, and nobody's value is left behind.

What is asked of a pair is plain SQL that both understand, and three functions of two texts that DuckDB answers for both: no two engines'
own measures of likeness are quite the same, and whom a record is linked to must not hang on where the run was made.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import duckdb
import polars as pl
import pyarrow as pa

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.storage.engine import ENCRYPTED, SparkEngine

QUIET = logging.CRITICAL
PREDICTING, ON_SPARK = Lock(), Lock()
REGISTER, RECORDS = "a_register", "b_records"
"""Splink puts the left of a pair first in the alphabet."""

HALF = "(least(length(a), length(b)) - 1) // 2"
OF_TWO_TEXTS = {
    # The distance is costly. What is cheap comes first: two places differ at most, or one is longer by one place and half of it is the same.
    "one_slip": "(case when a = b then true when strlen(a) = strlen(b) then hamming(a, b) <= 2"
    f" else abs(strlen(a) - strlen(b)) = 1 and (left(a, {HALF}) = left(b, {HALF}) or right(a, {HALF}) = right(b, {HALF})) end"
    " and damerau_levenshtein(a, b) <= 1)",
    "alike": "jaro_winkler_similarity(a, b)",
    "share_word": "list_has_any(string_split(a, ' '), string_split(b, ' '))",
}
"""Whether two texts are the same but for one place or one swap of two; how alike they are, from 0 to 1; whether they have a word in common."""


@dataclass(frozen=True, repr=False)
class Candidates:
    """Whom to compare with whom. It holds identifiers.

    Register and records have `id`, a whole number, by which `pairs` names them as `entry` and `record`, and the columns that are
    compared. `frequencies` tells, for columns whose value counts, how common each value is.
    """

    register: pl.DataFrame
    records: pl.DataFrame
    pairs: pl.DataFrame
    frequencies: Mapping[str, pl.DataFrame]


class Scoring(Protocol):
    """How candidates are scored, on one engine or another."""

    def __call__(self, candidates: Candidates, settings: Mapping[str, Any], least: float) -> pl.DataFrame:
        """Those of the pairs that reach the least score: `record`, `entry`, `score`, and `gamma_<name>` for the level of each comparison.

        The settings are Splink's own, with all weights in them.
        """
        ...


def scoring_on(engine: str) -> Scoring:
    """How a run on the engine of that name scores."""
    return scored_on_spark if engine == "spark" else scored_on_duckdb


def scored_on_duckdb(candidates: Candidates, settings: Mapping[str, Any], least: float) -> pl.DataFrame:
    """`Scoring` on DuckDB: neither a file nor the network is touched."""
    return _scored(on_duckdb, candidates, settings, least)


def scored_on_spark(candidates: Candidates, settings: Mapping[str, Any], least: float) -> pl.DataFrame:
    """`Scoring` on the running Spark session or a new one. Raises EnvironmentRefused."""
    return _scored(on_spark, candidates, settings, least)


def _scored(opened: Callable[[], AbstractContextManager[Any]], candidates: Candidates, settings: Mapping[str, Any], least: float) -> pl.DataFrame:
    gammas = [f"gamma_{comparison['output_column_name']}" for comparison in settings["comparisons"]]
    if candidates.pairs.is_empty():
        return pl.DataFrame(schema={"record": pl.Int64, "entry": pl.Int64, "score": pl.Float64, **dict.fromkeys(gammas, pl.Int32)})
    columns = ", ".join(["id_r as record", "id_l as entry", "match_weight as score", *gammas])
    with opened() as api:
        found = _predicted(api, candidates, settings, least)
        rows = pl.from_arrow(api.query_sql(f"select {columns} from {found.physical_name}", "splink_df").as_pyarrow_table())
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table is no column
    return rows.cast(dict.fromkeys(gammas, pl.Int32)).sort("record", "entry")


def _predicted(api: Any, candidates: Candidates, settings: Mapping[str, Any], least: float) -> Any:
    # Splink takes half a second to import, and most commands need it never.
    from splink import Linker

    def register(frame: pl.DataFrame, **named: str) -> Any:
        return api.register(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), **named)

    compared, pairs = candidates.records.columns, candidates.pairs
    asked = candidates.register.filter(pl.col("id").is_in(pairs["entry"].unique().implode())).select(compared)
    tables = [register(frame, dataset_display_name=name) for name, frame in ((REGISTER, asked), (RECORDS, candidates.records))]
    linker = Linker(tables, dict(settings), log_level=QUIET, validate_settings=False)
    for column, values in candidates.frequencies.items():
        linker.table_management.register_term_frequency_lookup(register(values), column)
    keys = {"join_key_l": pl.format(f"{REGISTER}-__-{{}}", "entry"), "join_key_r": pl.format(f"{RECORDS}-__-{{}}", "record")}
    linker.table_management.register_blocked_pairs_for_predict(register(pairs.select(pl.lit("0").alias("match_key"), **keys)))
    # Warnings are set aside for the whole process, so that one at a time may do it.
    with PREDICTING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linker.inference.predict(threshold_match_weight=least, warning_mode="never")


@contextmanager
def on_duckdb() -> Iterator[Any]:
    """Splink's door to a DuckDB in memory that knows the functions of two texts."""
    from splink import DuckDBAPI

    database = duckdb.connect(":memory:", config={"enable_external_access": "false", "temp_directory": ""})
    try:
        for name, meaning in OF_TWO_TEXTS.items():
            database.execute(f"create macro {name}(a, b) as {meaning}")
        yield DuckDBAPI(database)
    finally:
        database.close()


@contextmanager
def on_spark() -> Iterator[Any]:
    """Splink's door to Spark, whose workers ask DuckDB. Raises EnvironmentRefused unless Spark encrypts what it puts on disk."""
    # A session of its own on the same cluster: its views and functions go with it.
    session = SparkEngine().session.newSession()
    if session.conf.get(ENCRYPTED, "false") != "true":
        raise EnvironmentRefused(f"Spark would put identifiers on disk as they are; start it with {ENCRYPTED}=true, or run with --engine polars")
    from splink.backends.spark import SparkAPI

    # What Spark holds in memory is let go for all sessions at once, so that one at a time may score.
    with ON_SPARK:
        try:
            for name, meaning in OF_TWO_TEXTS.items():
                session.udf.register(name, _of_batches(meaning, "double" if name == "alike" else "boolean"))
            yield SparkAPI(spark_session=session, break_lineage_method="persist", register_udfs_automatically=False)  # type: ignore[no-untyped-call]
        finally:
            session.catalog.clearCache()


def _of_batches(meaning: str, returns: str) -> Any:
    """A function of two texts for Spark, which hands its workers the texts of many pairs at once."""
    from pyspark.sql.functions import arrow_udf  # type: ignore[attr-defined] # PySpark's types do not tell of it

    def told(a: pa.Array, b: pa.Array) -> pa.Array:
        return duckdb.from_arrow(pa.table({"a": a, "b": b})).project(meaning).to_arrow_table().column(0).combine_chunks()

    return arrow_udf(told, returns)

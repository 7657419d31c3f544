"""Scores candidate pairs with Splink, on DuckDB in memory or on Spark if the run uses Spark. Logs nothing and leaves no identifier behind.

Comparisons are plain SQL that both engines run, and three functions of two texts that DuckDB computes for both. Engines differ in their
own string similarity functions, and the link of a record must not depend on the engine.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, cast

import duckdb
import polars as pl
import pyarrow as pa

from bcf_linkage.definitions.engine import CandidatePairs, PairScorer
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.json_values import JsonObject
from bcf_linkage.storage.engine import SPARK_ENCRYPTION, SparkEngine

if TYPE_CHECKING:
    from pyspark.sql.udf import UserDefinedFunction
    from splink import DuckDBAPI
    from splink.backends.spark import SparkAPI
    from splink.internals.splink_dataframe import SplinkDataFrame

    SplinkAPI = DuckDBAPI | SparkAPI

SPLINK_LOG_LEVEL = logging.CRITICAL
PREDICTION_LOCK, SPARK_LOCK = Lock(), Lock()
REGISTER_TABLE, RECORDS_TABLE = "a_register", "b_records"
"""Splink makes the table whose name is first in the alphabet the left side of a pair, so the register is always on the left."""

HALF_LENGTH = "(least(length(a), length(b)) - 1) // 2"
TEXT_FUNCTIONS = {
    # The edit distance is slow, so cheap tests come first: at most two characters differ, or one text is a character longer and one half agrees.
    "one_slip": "(case when a = b then true when strlen(a) = strlen(b) then hamming(a, b) <= 2"
    f" else abs(strlen(a) - strlen(b)) = 1 and (left(a, {HALF_LENGTH}) = left(b, {HALF_LENGTH}) or right(a, {HALF_LENGTH}) = right(b, {HALF_LENGTH})) end"
    " and damerau_levenshtein(a, b) <= 1)",
    "alike": "jaro_winkler_similarity(a, b)",
    "share_word": "list_has_any(string_split(a, ' '), string_split(b, ' '))",
}
"""Whether two texts differ by at most one character or one swap of neighbours; their Jaro-Winkler similarity, 0 to 1; whether they share a word."""


def scorer_for(engine: str) -> PairScorer:
    """Return the scorer for the engine of that name."""
    return score_on_spark if engine == "spark" else score_on_duckdb


def score_on_duckdb(candidates: CandidatePairs, settings: Mapping[str, object], min_score: float) -> pl.DataFrame:
    """Score pairs on DuckDB, as `PairScorer` describes. Uses neither files nor the network."""
    return _score(open_duckdb_api, candidates, settings, min_score)


def score_on_spark(candidates: CandidatePairs, settings: Mapping[str, object], min_score: float) -> pl.DataFrame:
    """Score pairs on the running Spark session or a new one, as `PairScorer` describes. Raises EnvironmentFault."""
    return _score(open_spark_api, candidates, settings, min_score)


def _score(
    open_api: Callable[[], AbstractContextManager[SplinkAPI]], candidates: CandidatePairs, settings: Mapping[str, object], min_score: float
) -> pl.DataFrame:
    gammas = [f"gamma_{comparison['output_column_name']}" for comparison in cast(Sequence[JsonObject], settings["comparisons"])]
    if candidates.pairs.is_empty():
        return pl.DataFrame(schema={"record": pl.Int64, "entry": pl.Int64, "score": pl.Float64, **dict.fromkeys(gammas, pl.Int32)})
    columns = ", ".join(["id_r as record", "id_l as entry", "match_weight as score", *gammas])
    with open_api() as api:
        predictions = _predict(api, candidates, settings, min_score)
        rows = pl.from_arrow(api.query_sql(f"select {columns} from {predictions.physical_name}", "splink_df").as_pyarrow_table())
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table gives a frame, never a series
    return rows.cast(dict.fromkeys(gammas, pl.Int32)).sort("record", "entry")


def _predict(api: SplinkAPI, candidates: CandidatePairs, settings: Mapping[str, object], min_score: float) -> SplinkDataFrame:
    # Splink takes half a second to import, and most commands never need it.
    from splink import Linker

    def register_table(frame: pl.DataFrame, **options: str) -> SplinkDataFrame:
        return api.register(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), **options)

    columns, pairs = candidates.records.columns, candidates.pairs
    people = candidates.register.filter(pl.col("id").is_in(pairs["entry"].unique().implode())).select(columns)
    tables = [register_table(frame, dataset_display_name=name) for name, frame in ((REGISTER_TABLE, people), (RECORDS_TABLE, candidates.records))]
    linker = Linker(tables, dict(settings), log_level=SPLINK_LOG_LEVEL, validate_settings=False)
    for column, values in candidates.frequencies.items():
        linker.table_management.register_term_frequency_lookup(register_table(values), column)
    keys = {"join_key_l": pl.format(f"{REGISTER_TABLE}-__-{{}}", "entry"), "join_key_r": pl.format(f"{RECORDS_TABLE}-__-{{}}", "record")}
    linker.table_management.register_blocked_pairs_for_predict(register_table(pairs.select(pl.lit("0").alias("match_key"), **keys)))
    # Warning filters belong to the whole process, so one thread at a time may change them.
    with PREDICTION_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linker.inference.predict(threshold_match_weight=min_score, warning_mode="never")


@contextmanager
def open_duckdb_api() -> Iterator[DuckDBAPI]:
    """Yield a Splink API to a DuckDB in memory that has `TEXT_FUNCTIONS`."""
    from splink import DuckDBAPI

    database = duckdb.connect(":memory:", config={"enable_external_access": "false", "temp_directory": ""})
    try:
        for name, expression in TEXT_FUNCTIONS.items():
            database.execute(f"create macro {name}(a, b) as {expression}")
        yield DuckDBAPI(database)
    finally:
        database.close()


@contextmanager
def open_spark_api() -> Iterator[SparkAPI]:
    """Yield a Splink API to Spark, whose workers call DuckDB for `TEXT_FUNCTIONS`. Raises EnvironmentFault unless Spark encrypts what it spills to disk."""
    # A separate session on the same cluster, so that its views and functions end with it.
    session = SparkEngine().session.newSession()
    if session.conf.get(SPARK_ENCRYPTION, "false") != "true":
        raise EnvironmentFault(f"Spark would spill identifiers to disk without encryption; start it with {SPARK_ENCRYPTION}=true, or run with --engine polars")
    from splink.backends.spark import SparkAPI

    # clearCache empties the cache of all sessions, so one thread at a time may score.
    with SPARK_LOCK:
        try:
            for name, expression in TEXT_FUNCTIONS.items():
                session.udf.register(name, _batch_function(expression, "double" if name == "alike" else "boolean"))
            yield SparkAPI(spark_session=session, break_lineage_method="persist", register_udfs_automatically=False)  # type: ignore[no-untyped-call]
        finally:
            session.catalog.clearCache()


def _batch_function(expression: str, return_type: str) -> UserDefinedFunction:
    """Return a Spark function of two texts that takes many pairs at a time."""
    from pyspark.sql.functions import arrow_udf  # type: ignore[attr-defined] # missing from PySpark's type stubs

    def evaluate(a: pa.Array, b: pa.Array) -> pa.Array:
        return duckdb.from_arrow(pa.table({"a": a, "b": b})).project(expression).to_arrow_table().column(0).combine_chunks()

    function: UserDefinedFunction = arrow_udf(evaluate, return_type)
    return function

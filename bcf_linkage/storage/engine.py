"""The engines that run the stages: Polars on one machine, Spark for a locality that needs more than one.

Stages are the same on both. An engine reads and writes files, and collects frames into memory.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.atomic_files import replace_atomically
from bcf_linkage.definitions.engine import InMemoryEngine
from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.definitions.pseudonymised_tables import PERSON_COLUMN
from bcf_linkage.storage.store import raise_on_os_error
from bcf_linkage.storage.zones import refuse_undeclared_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Engine(InMemoryEngine, Protocol):
    """An engine as the steps of a run use it."""

    def scan(self, path: Path) -> nw.LazyFrame:
        """Return a table that `write` wrote, as a lazy frame."""
        ...

    def write(self, frame: nw.LazyFrame, path: Path) -> None:
        """Compute a frame and write it to Parquet, whole or not at all.

        Raises EnvironmentFault if the file cannot be written, or its columns are not declared for the zone of the path.
        """
        ...


PSEUDONYM_KEY_METADATA = "bcf_linkage.pseudonyms"
"""Name in a table's Parquet metadata of the id of the key of its pseudonyms. Spark writes it to the metadata of the column `person`."""

SPARK_ENCRYPTION = "spark.io.encryption.enabled"
"""The Spark setting that encrypts data spilled to disk."""

SPARK_LOGGING_OFF = f"-Dlog4j2.configurationFile={Path(__file__).with_name('spark_log4j2.properties')}"
"""Stops Spark from logging in this process. A cluster configures the logs of its own workers."""


def make_engine(name: str, pseudonym_key_id: str = "") -> Engine:
    """Return the engine of that name, `polars` or `spark`. It writes the key id to the metadata of every table. Raises UsageError for another name."""
    engines: dict[str, type[PolarsEngine | SparkEngine]] = {"polars": PolarsEngine, "spark": SparkEngine}
    if name not in engines:
        raise UsageError(f"unknown engine {name}; choose one of {', '.join(engines)}")
    return engines[name](pseudonym_key_id)


@dataclass(frozen=True)
class PolarsEngine:
    """Polars, lazy and streaming. Rows keep their order from scan to file, unless a stage joins or groups them."""

    pseudonym_key_id: str = ""

    def scan(self, path: Path) -> nw.LazyFrame:
        return nw.from_native(pl.scan_parquet(path, glob=False))

    def write(self, frame: nw.LazyFrame, path: Path) -> None:
        native: pl.LazyFrame = frame.to_native()
        refuse_undeclared_columns(path, native.collect_schema().names())
        metadata = {PSEUDONYM_KEY_METADATA: self.pseudonym_key_id} if self.pseudonym_key_id else None
        with _write_whole(path) as temporary:
            # Pseudonyms hardly compress and are never searched by range, so the lowest level without statistics is fastest and no larger.
            native.sink_parquet(temporary, compression="zstd", compression_level=1, statistics=False, metadata=metadata, engine="streaming")

    def frame(self, rows: pl.DataFrame) -> nw.LazyFrame:
        return nw.from_native(rows.lazy())

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        native: pl.LazyFrame = frame.to_native()
        return native.collect(engine="streaming")


POLARS = PolarsEngine()
"""For rows in memory, whichever engine a run uses. Tables that it writes name no key."""


@dataclass(frozen=True)
class SparkEngine:
    """Spark, on the cluster of the running session, or in this process if there is none."""

    pseudonym_key_id: str = ""

    @cached_property
    def session(self) -> SparkSession:
        """The running session, or a new one. Raises EnvironmentFault without PySpark or Java."""
        try:
            from pyspark.errors import PySparkException
        except ImportError:
            raise EnvironmentFault("PySpark is not installed; install bcf-linkage[spark], or run with --engine polars") from None
        try:
            session = spark_builder().getOrCreate()
            if (session.sparkContext.master or "").startswith("local"):
                # By default Spark cuts every shuffle into 200 parts. That suits a cluster; on one machine most parts wait for a processor.
                session.conf.set("spark.sql.shuffle.partitions", str(session.sparkContext.defaultParallelism))
            return session
        except (PySparkException, OSError):
            raise EnvironmentFault("Spark does not start; it needs Java 17 or newer: `bcf doctor` checks for Java, or run with --engine polars") from None

    def scan(self, path: Path) -> nw.LazyFrame:
        return nw.from_native(self.session.read.parquet(str(path)))

    def write(self, frame: nw.LazyFrame, path: Path) -> None:
        native = frame.to_native()
        refuse_undeclared_columns(path, native.columns)
        if self.pseudonym_key_id and PERSON_COLUMN.name in native.columns:
            native = native.withMetadata(PERSON_COLUMN.name, {PSEUDONYM_KEY_METADATA: self.pseudonym_key_id})
        with _write_whole(path) as temporary:
            native.write.parquet(str(temporary))

    def frame(self, rows: pl.DataFrame) -> nw.LazyFrame:
        return nw.from_native(self.session.createDataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest())))

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        rows = pl.from_arrow(frame.to_native().toArrow())
        assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table gives a frame, never a series
        return rows


def spark_builder() -> SparkSession.Builder:
    """Return the builder of a new session. A cluster's own settings are added to these."""
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    # PySpark prints errors with the value that caused them, which may be an identifier.
    PySparkLogger.getLogger("DataFrameQueryContextLogger").disabled = True
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    # Workers compare names with DuckDB, so they need a Python in which it is installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("bcf-linkage").config("spark.ui.showConsoleProgress", "false")
    # Spark spills to disk what does not fit in memory, and candidate pairs hold names.
    return builder.config(SPARK_ENCRYPTION, "true").config("spark.driver.extraJavaOptions", SPARK_LOGGING_OFF)


def materialise(engine: Engine, frame: nw.LazyFrame) -> nw.LazyFrame:
    """Compute a frame now and keep it in memory. For small frames that are read more than once."""
    return engine.frame(engine.collect(frame))


@contextmanager
def _write_whole(path: Path) -> Iterator[Path]:
    """Make the folder of a path, and yield a temporary path that is renamed to it. Raises EnvironmentFault."""
    with raise_on_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # A publication flushes all of its files to disk at its end, so each table need not.
        with replace_atomically(path, sync=False) as temporary:
            yield temporary

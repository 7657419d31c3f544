"""What carries the frames: Polars on one machine, Spark where a locality outgrows it.

The stages say what is to be done and are the same on both. Files, and what comes back into memory, are the engine's.
"""

from __future__ import annotations

import os
import shutil
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

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.definitions.pseudonymised_tables import PERSON
from bcf_linkage.storage.store import or_refused
from bcf_linkage.storage.zones import refuse_undeclared

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Engine(Protocol):
    """What a step of the river needs of an engine."""

    def scan(self, path: Path) -> nw.LazyFrame:
        """A table that `write` wrote, lazily."""
        ...

    def write(self, frame: nw.LazyFrame, path: Path) -> None:
        """Work a frame out into Parquet, aside and then renamed, so that half of it is never found. Raises EnvironmentRefused."""
        ...

    def frame(self, rows: pl.DataFrame) -> nw.LazyFrame:
        """A small table from memory."""
        ...

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        """A result into memory."""
        ...


PSEUDONYMS = "bcf_linkage.pseudonyms"
"""What the id of the key of a table's pseudonyms stands under in its Parquet metadata; with Spark, in those of the column."""


ENCRYPTED = "spark.io.encryption.enabled"
"""Whether Spark encrypts what it puts on disk."""

SILENT = f"-Dlog4j2.configurationFile={Path(__file__).with_name('spark_log4j2.properties')}"
"""Has Spark log nothing here; the logs of a cluster's workers are the cluster's."""


def engine_named(name: str, pseudonyms: str = "") -> Engine:
    """The engine of that name, `polars` or `spark`. It notes the id of the pseudonyms' key in all that it writes. Raises RequestRefused."""
    engines: dict[str, type[PolarsEngine | SparkEngine]] = {"polars": PolarsEngine, "spark": SparkEngine}
    if name not in engines:
        raise RequestRefused(f"no engine {name}; there are {', '.join(engines)}")
    return engines[name](pseudonyms)


@dataclass(frozen=True)
class PolarsEngine:
    """Polars, lazy and streaming. Rows keep their order from scan to file unless a stage joins or groups them."""

    pseudonyms: str = ""

    def scan(self, path: Path) -> nw.LazyFrame:
        return nw.from_native(pl.scan_parquet(path, glob=False))

    def write(self, frame: nw.LazyFrame, path: Path) -> None:
        native: pl.LazyFrame = frame.to_native()
        refuse_undeclared(path, native.collect_schema().names())
        noted = {PSEUDONYMS: self.pseudonyms} if self.pseudonyms else None
        with _aside(path) as aside:
            # Tokens hardly compress, and nothing is looked up by them: the lowest level without statistics is the fastest and no larger.
            native.sink_parquet(aside, compression="zstd", compression_level=1, statistics=False, metadata=noted, engine="streaming")

    def frame(self, rows: pl.DataFrame) -> nw.LazyFrame:
        return nw.from_native(rows.lazy())

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        native: pl.LazyFrame = frame.to_native()
        return native.collect(engine="streaming")


@dataclass(frozen=True)
class SparkEngine:
    """Spark, on whatever cluster the session finds itself on; in this process if there is none."""

    pseudonyms: str = ""

    @cached_property
    def session(self) -> SparkSession:
        """The running session, or a new one. Raises EnvironmentRefused without PySpark or Java."""
        try:
            from pyspark.errors import PySparkException
        except ImportError:
            raise EnvironmentRefused("PySpark is not installed; install bcf-linkage[spark], or run with --engine polars") from None
        try:
            session = spark().getOrCreate()
            if (session.sparkContext.master or "").startswith("local"):
                # Spark cuts every shuffle into 200 parts, which suits a cluster; here each is a task that waits for a processor.
                session.conf.set("spark.sql.shuffle.partitions", str(session.sparkContext.defaultParallelism))
            return session
        except (PySparkException, OSError):
            raise EnvironmentRefused("Spark does not start; it needs Java 17 or newer: `bcf doctor` looks for it, or run with --engine polars") from None

    def scan(self, path: Path) -> nw.LazyFrame:
        return nw.from_native(self.session.read.parquet(str(path)))

    def write(self, frame: nw.LazyFrame, path: Path) -> None:
        native = frame.to_native()
        refuse_undeclared(path, native.columns)
        if self.pseudonyms and PERSON.name in native.columns:
            native = native.withMetadata(PERSON.name, {PSEUDONYMS: self.pseudonyms})
        with _aside(path) as aside:
            native.write.parquet(str(aside))

    def frame(self, rows: pl.DataFrame) -> nw.LazyFrame:
        return nw.from_native(self.session.createDataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest())))

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        rows = pl.from_arrow(frame.to_native().toArrow())
        assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table is no column
        return rows


def spark() -> SparkSession.Builder:
    """A session as it is to be started; a cluster's own settings stand beside these."""
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    # PySpark tells of an error on the screen, with the value that Spark stumbled on.
    PySparkLogger.getLogger("DataFrameQueryContextLogger").disabled = True
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    # Workers ask DuckDB how alike two names are, so they need a Python that has it.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("bcf-linkage").config("spark.ui.showConsoleProgress", "false")
    # Spark puts on disk what does not fit in memory, and candidates are compared by name.
    return builder.config(ENCRYPTED, "true").config("spark.driver.extraJavaOptions", SILENT)


def held(engine: Engine, frame: nw.LazyFrame) -> nw.LazyFrame:
    """The frame worked out now and kept in memory: for what is small and read more than once."""
    return engine.frame(engine.collect(frame))


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A name beside the path to write under, which takes the path's place once all is written."""
    aside = path.with_name(f".{path.name}")
    with or_refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(aside)
        try:
            yield aside
            if path.is_dir():
                _remove(path)
            aside.replace(path)
        finally:
            _remove(aside)


def _remove(path: Path) -> None:
    """Remove a file, or the folder that Spark writes for one, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""One Spark for all the tests that need it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from bcf_linkage.storage.engine import SparkEngine

# Few rows: what costs time is the compiling of plans and code, so as little as possible is compiled.
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkEngine]:
    """The engine on a session with two local threads."""
    sessions = pytest.importorskip("pyspark.sql").SparkSession
    builder = sessions.builder.master("local[2]").appName("tests")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield SparkEngine()
    session.stop()

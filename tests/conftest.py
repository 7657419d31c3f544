"""A small synthetic locality, made once for each test process, workspaces copied from it, and one Spark for all the tests that need it."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bcf_linkage.storage import engine

# PySpark, which Great Expectations imports where it is there, takes a main module without a file for a run of its doctests, and
# ends the process. A worker of pytest-xdist has such a main module.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__

# What a property is worth does not hang on how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.load_profile("unhurried")

AS_AT = date(2014, 9, 30)
PEOPLE = 2_000
SEED = 7

# Few rows: what costs time is the compiling of plans and code, so as little as possible is compiled.
FEW_ROWS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": f"{engine.SILENT} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def locality(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic workspace with faults, as `bcf synth` writes it. Never changed by a test."""
    from pipelines.demo import synthesise
    from pipelines.screens import Screen

    folder = tmp_path_factory.mktemp("locality") / "southampton"
    synthesise("southampton", PEOPLE, SEED, folder, "csv", Screen(as_json=True))
    return folder


@pytest.fixture
def workspace(locality: Path, tmp_path: Path) -> Path:
    """A copy of the locality that a test may spoil."""
    return Path(shutil.copytree(locality, tmp_path / "southampton", symlinks=True))


@pytest.fixture(scope="session")
def small_workspace(locality: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the locality that runs may be published in."""
    return Path(shutil.copytree(locality, tmp_path_factory.mktemp("small") / "southampton", symlinks=True))


@pytest.fixture(scope="session")
def published(locality: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one run published plainly. Never changed by a test."""
    from pipelines.refresh import Request, refresh

    folder = Path(shutil.copytree(locality, tmp_path_factory.mktemp("published") / "southampton", symlinks=True))
    refresh(Request(folder, AS_AT))
    return folder


@pytest.fixture
def bcf(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command in this process and gives back its exit code and what it printed."""
    from pipelines.command_line import main

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Said(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def spark() -> Iterator[engine.SparkEngine]:
    """The engine on a session with two local threads."""
    pytest.importorskip("pyspark")
    builder = engine.spark().master("local[2]").appName("tests")
    for name, value in FEW_ROWS.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = builder.getOrCreate()
        yield engine.SparkEngine()
    session.stop()

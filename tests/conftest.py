"""Shared fixtures: one small synthetic locality per test process, workspaces copied from it, and one Spark session."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from bcf_linkage.storage import engine
from pipelines.receive import validation_worker
from pipelines.receive.validation_worker import ValidationWorker
from pipelines.workspace.audit_log import today
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.run_context import Request, RunContext, build_context
from pipelines.workspace.runs import Delivery
from pipelines.workspace.settings import read_settings

# Great Expectations imports PySpark where it is installed. PySpark takes a main module without a file for a run of its doctests and
# ends the process. A worker of pytest-xdist has such a main module.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__

# A property test must not fail because the machine is busy. The quick tests try the same examples each time, so that what passed once
# passes again; `make test-long` tries new ones (`--hypothesis-profile=explore`).
UNHURRIED = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
hypothesis_settings.register_profile("repeatable", UNHURRIED, derandomize=True)
hypothesis_settings.register_profile("explore", UNHURRIED)
hypothesis_settings.load_profile("repeatable")

AS_AT = date(2014, 9, 30)
PEOPLE = 2_000
SEED = 7

# With few rows most time goes into compiling plans and code, so these settings compile as little as possible.
FEW_ROWS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": f"{engine.SPARK_LOGGING_OFF} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def context_of(workspace: Path, run_id: str, deliveries: tuple[Delivery, ...] = ()) -> RunContext:
    """Return the context of a run of that name in a workspace, outside of any real run."""
    settings = read_settings(workspace)
    return build_context(Request(workspace, AS_AT), settings, vault_of(workspace, settings), today(), deliveries, run_id)


@dataclass(frozen=True)
class CommandResult:
    """Exit code, standard output and standard error of a command."""

    code: int
    out: str
    err: str


class SharedWorker(ValidationWorker):
    """One validation worker for all runs of a test process, because importing Great Expectations takes seconds."""

    def close(self) -> None:
        """Keep the worker when its run ends."""


@pytest.fixture(scope="session", autouse=True)
def shared_worker() -> Iterator[None]:
    """Let all runs of this process share one worker. Tests of the worker's start and end use the real `start_worker`."""
    workers: list[SharedWorker] = []

    def start_shared(run: RunContext) -> ValidationWorker:
        if not workers or workers[-1].has_ended:
            workers.append(SharedWorker())
        return workers[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation_worker, "start_worker", start_shared)
        yield
    for worker in workers:
        ValidationWorker.close(worker)


@pytest.fixture(scope="session")
def locality(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic workspace with faults, as `bcf synth` writes it. Tests never change it."""
    from pipelines.cli.demo import write_synthetic_workspace
    from pipelines.cli.screens import Screen

    folder = tmp_path_factory.mktemp("locality") / "southampton"
    write_synthetic_workspace("southampton", PEOPLE, SEED, folder, "csv", Screen(as_json=True))
    return folder


@pytest.fixture
def workspace(locality: Path, tmp_path: Path) -> Path:
    """A copy of the locality that a test may change."""
    return Path(shutil.copytree(locality, tmp_path / "southampton", symlinks=True))


@pytest.fixture(scope="session")
def small_workspace(locality: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the locality in which tests may publish runs."""
    return Path(shutil.copytree(locality, tmp_path_factory.mktemp("small") / "southampton", symlinks=True))


@pytest.fixture(scope="session")
def published(locality: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one published run, without Prefect. Tests never change it."""
    from pipelines.refresh import Request, refresh

    folder = Path(shutil.copytree(locality, tmp_path_factory.mktemp("published") / "southampton", symlinks=True))
    refresh(Request(folder, AS_AT))
    return folder


@pytest.fixture
def bcf(capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run a command in this process and return its exit code and output."""
    from pipelines.cli.command_line import main

    def run(*arguments: object) -> CommandResult:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return CommandResult(int(exit_info.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def spark() -> Iterator[engine.SparkEngine]:
    """The Spark engine, on a session with two local threads."""
    pytest.importorskip("pyspark")
    builder = engine.spark_builder().master("local[2]").appName("tests")
    for name, value in FEW_ROWS.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = builder.getOrCreate()
        yield engine.SparkEngine()
    session.stop()

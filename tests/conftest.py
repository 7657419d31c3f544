"""A small synthetic locality, made once for each test process, and workspaces copied from it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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

"""Run the tests of a module against one mutant of it, in a process forked from one that has imported the libraries and nothing of ours."""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.mutation.mutants import Mutant

# The libraries that the tests import. Polars, Arrow and Great Expectations start no thread before they are used.
LIBRARIES = (
    "_hypothesis_pytestplugin",
    "hypothesis",
    "numpy",
    "polars",
    "narwhals",
    "pandas",
    "pyarrow",
    "duckdb",
    "scipy.sparse.csgraph",
    "highspy",
    "splink",
    "cryptography.fernet",
)
# A mutant may take this many seconds, and this many times as long as the tests without it, before it counts as timed out.
SECONDS, TIMES = 20, 4
# A process that waits uses no time of the processor: this many times the limit on the clock, and it is ended too.
CLOCK_TIMES = 15
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"


@dataclass
class Baseline:
    """What the tests of a group do without a mutant: seconds of each test, and the tests that run each line of a module."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests_of_line: dict[str, dict[int, list[str]]] = field(default_factory=dict)


@dataclass
class Trial:
    """A mutant whose tests are running."""

    mutant: Mutant
    process: int
    folder: Path
    ends: float


class _MutantLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class _MutantFinder(MetaPathFinder):
    """Gives the mutant where the module is imported."""

    def __init__(self, root: Path, mutant: Mutant) -> None:
        self.path, self.code = root / mutant.module, mutant.code
        self.name = mutant.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        is_package = self.path.name == "__init__.py"
        loader = _MutantLoader(fullname, str(self.path), self.code)
        return spec_from_file_location(fullname, self.path, loader=loader, submodule_search_locations=[str(self.path.parent)] if is_package else None)


class _Sorted:
    """Runs tests in this order, and those that are not named after them."""

    def __init__(self, order: Sequence[str]) -> None:
        self.places = {test: position for position, test in enumerate(order)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.places.get(item.nodeid, len(self.places)))


class _Measured:
    """Measures each test: its seconds and the lines that it runs."""

    def __init__(self, coverage: Any) -> None:
        self.coverage, self.seconds = coverage, defaultdict[str, float](float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


def prepare(bytecode: Path) -> None:
    """Import the libraries, with one thread each: a process that has started threads must not be forked."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS", "POLARS_ALLOW_FORKING_THREAD"):
        os.environ[name] = "1"
    # Compile our own modules once for all mutants, apart from the bytecode of other runs.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(bytecode)
    for name in LIBRARIES:
        importlib.import_module(name)


def measure(root: Path, modules: Sequence[str], files: Sequence[str]) -> Baseline:
    """Run the tests once without a mutant. Raises SystemExit with what pytest said if one of them fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = os.fork()
        if not process:
            _leave(lambda: _measure_here(root, modules, files, folder), folder)
        _, status = os.waitpid(process, 0)
        if status:
            raise SystemExit(f"The tests fail without a mutant:\n{(folder / 'output').read_text(encoding='utf-8')[-3000:]}")
        report = json.loads((folder / "baseline.json").read_text(encoding="utf-8"))
    lines = {module: {int(line): tests for line, tests in each.items()} for module, each in report["lines"].items()}
    return Baseline(report["seconds"], lines)


def _measure_here(root: Path, modules: Sequence[str], files: Sequence[str], folder: Path) -> int:
    from coverage import Coverage

    coverage = Coverage(data_file=None, include=[str(root / module) for module in modules], config_file=False)
    coverage.start()
    measured = _Measured(coverage)
    code = _run_pytest(files, folder, [measured])
    coverage.stop()
    data = coverage.get_data()
    lines = {module: data.contexts_by_lineno(str(root / module)) for module in modules}
    (folder / "baseline.json").write_text(json.dumps({"seconds": measured.seconds, "lines": lines}), encoding="utf-8")
    return code


def order_tests(mutant: Mutant, files: Sequence[str], baseline: Baseline) -> list[str]:
    """The tests of these files (or the tests named): first those that run the line, the quickest before the others."""
    running = set(baseline.tests_of_line.get(mutant.module, {}).get(mutant.line, ()))
    beginnings = tuple(f"{file}{after}" for file in files for after in ("::", "["))
    of_files = [test for test in baseline.seconds if test in files or test.startswith(beginnings)]
    return sorted(of_files, key=lambda test: (test not in running, baseline.seconds[test]))


def start(root: Path, mutant: Mutant, files: Sequence[str], baseline: Baseline) -> Trial:
    """Start the tests of these files against a mutant."""
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    order = order_tests(mutant, files, baseline)
    limit = SECONDS + round(TIMES * sum(baseline.seconds[test] for test in order))
    process = os.fork()
    if not process:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        sys.meta_path.insert(0, _MutantFinder(root, mutant))
        _leave(lambda: _run_pytest(files, folder, [_Sorted(order)]), folder)
    return Trial(mutant, process, folder, time.monotonic() + CLOCK_TIMES * limit)


def outcome(trial: Trial) -> str | None:
    """How the tests ended; None while they run."""
    process, status = os.waitpid(trial.process, os.WNOHANG)
    if not process:
        if time.monotonic() < trial.ends:
            return None
        os.killpg(trial.process, signal.SIGKILL)
        os.waitpid(trial.process, 0)
        status = signal.SIGKILL
    output = trial.folder / "output"
    report = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    shutil.rmtree(trial.folder, ignore_errors=True)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXCPU):
        return TIMED_OUT
    if status and "no tests ran" in report and "error" not in report.lower():
        raise SystemExit(f"No test ran against {trial.mutant.key}:\n{report[-2000:]}")
    return KILLED if status else SURVIVED


def _run_pytest(files: Sequence[str], folder: Path, plugins: Sequence[object]) -> int:
    # No assertion is explained and no plugin of another library loaded: half the time of a mutant is the start of pytest.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "-x", "--tb=line", "--assert=plain", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"]
    return int(pytest.main([*options, f"--basetemp={folder / 'tests'}", *files], plugins=list(plugins)))


def _leave(work: Any, folder: Path) -> None:
    """Do the work of a forked process, with its output in a file, and end the process there."""
    code = 3
    try:
        os.setsid()
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def files_of(tests: Mapping[str, Sequence[str]], modules: Sequence[str]) -> list[str]:
    """The files of tests of several modules, each once."""
    return sorted({file for module in modules for file in tests[module]})

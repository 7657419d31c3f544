"""Mutation testing of the code where a wrong number would do most harm: `make mutation`.

Each mutant is one small change to one module. Its tests must fail. The report shows, for each module, how many mutants the tests
killed, how many survived and how many timed out (which counts as killed). The command fails if a survivor is not listed with its
reason in `survivors.toml`, or if less than 85% of the mutants of a group of modules are killed.

Why not a library. `mutmut` 3.8 and `cosmic-ray` 8.7 were tried on these modules:
- `mutmut` changes only the inside of functions without decorators: no constant of a module, no property and no cached function, and
  the numbers of this project are constants. It makes 8,800 mutants here, most of them of column names ("XXpersonXX") that every test
  kills; at a second or more for each, a run takes three hours or more.
- `cosmic-ray` makes 6,300 mutants, edits the files in place and starts a new Python for each (three seconds before the first test),
  and leaves out no call, no element and no keyword, while a stage here is a chain of calls.
Neither keeps reasons for survivors. The mutants come from `ast`, and Coverage.py shows which tests run a line.

Usage: python -m tests.mutation [--jobs N] [--resume] [GROUP or MODULE ...]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.mutation import runner
from tests.mutation.mutants import Mutant, find_mutants
from tests.mutation.runner import KILLED, SURVIVED, TIMED_OUT, Trial

ROOT = Path(__file__).parents[2]
GROUPS = Path(__file__).with_name("groups.toml")
SURVIVORS = Path(__file__).with_name("survivors.toml")
RESULTS = ROOT / "build" / "mutation.json"
LEAST_KILLED = 85.0
Key = tuple[str, str, str]


def main(arguments: Sequence[str]) -> int:
    """Test the mutants of the groups or modules that are named, of all without a name. Returns 1 for a survivor without a reason or too few killed."""
    options = _read_options(arguments)
    groups = {
        name: {module: files for module, files in tests.items() if not options.names or name in options.names or module in options.names}
        for name, tests in tomllib.loads(GROUPS.read_text(encoding="utf-8")).items()
    }
    runner.prepare(ROOT / "build" / "mutation-bytecode")
    outcomes: dict[str, list[tuple[Mutant, str]]] = {}
    for name, tests in groups.items():
        if tests:
            outcomes[name] = list(_test_group(tests, options.jobs, options.resume))
    return report(outcomes, read_reasons(), are_all=not options.names)


def read_reasons() -> dict[Key, str]:
    """The survivors that are known, by module, text of the line and change -> why each is harmless."""
    listed = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"]
    return {(each["module"], each["line"], each["mutation"]): each["reason"] for each in listed}


def report(outcomes: Mapping[str, Sequence[tuple[Mutant, str]]], reasons: Mapping[Key, str], *, are_all: bool) -> int:
    """Print the figures of each module and group and the survivors without a reason; 1 if the command must fail."""
    faults = []
    for group, tested in outcomes.items():
        _say(f"\n{group}: mutants, killed, timed out, survived with a reason, survived without")
        for module in sorted({mutant.module for mutant, _ in tested}):
            _say(f"  {_figures([each for each in tested if each[0].module == module], reasons)}  {module}")
        percent = 100 * sum(outcome != SURVIVED for _, outcome in tested) / max(len(tested), 1)
        _say(f"  {_figures(tested, reasons)}  {percent:.1f}% killed")
        if percent < LEAST_KILLED:
            faults.append(f"{group}: {percent:.1f}% of the mutants are killed, at least {LEAST_KILLED:g}% must be")
    survivors = [mutant for tested in outcomes.values() for mutant, outcome in tested if outcome == SURVIVED]
    faults += [f"{m.module}:{m.line} survives ({m.kind})\n    {m.text}\n    {m.change}" for m in survivors if m.key not in reasons]
    if are_all:
        _say("".join(f"\nlisted in survivors.toml, but it does not survive: {key}" for key in reasons if key not in {m.key for m in survivors}))
    _say("\n".join(faults))
    return int(bool(faults))


def _figures(tested: Sequence[tuple[Mutant, str]], reasons: Mapping[Key, str]) -> str:
    counts = Counter(outcome for _, outcome in tested)
    with_reason = sum(outcome == SURVIVED and mutant.key in reasons for mutant, outcome in tested)
    return f"{len(tested):5} {counts[KILLED]:5} {counts[TIMED_OUT]:5} {with_reason:5} {counts[SURVIVED] - with_reason:5}"


def _test_group(tests: Mapping[str, Sequence[str]], jobs: int, resume: bool) -> Iterator[tuple[Mutant, str]]:
    """Each mutant of the modules with its outcome."""
    modules, known = list(tests), _read_results() if resume else {}
    baseline = runner.measure(ROOT, modules, runner.files_of(tests, modules))
    mutants = [mutant for module in modules for mutant in find_mutants(ROOT, module)]
    running: list[Trial] = []
    for number, mutant in enumerate(mutants, 1):
        name = _name_of(mutant)
        if known.get(name) in (KILLED, TIMED_OUT):
            yield mutant, known[name]
            continue
        while len(running) >= jobs:
            yield from _finished_trials(running, known)
        running.append(runner.start(ROOT, mutant, tests[mutant.module], baseline))
        if number % 50 == 0:
            _say(f"{number} of {len(mutants)}: {mutant.module}")
    while running:
        yield from _finished_trials(running, known)


def _finished_trials(running: list[Trial], known: dict[str, str]) -> Iterator[tuple[Mutant, str]]:
    time.sleep(0.02)
    for trial in [*running]:
        outcome = runner.outcome(trial)
        if outcome:
            running.remove(trial)
            known[_name_of(trial.mutant)] = outcome
            RESULTS.parent.mkdir(parents=True, exist_ok=True)
            part = RESULTS.with_suffix(".part")
            part.write_text(json.dumps({**_read_results(), **known}), encoding="utf-8")
            part.replace(RESULTS)
            yield trial.mutant, outcome


def _name_of(mutant: Mutant) -> str:
    """A mutant and the text of its module: `--resume` takes the outcome of an earlier run while the module is unchanged."""
    text = (ROOT / mutant.module).read_bytes()
    return f"{hashlib.sha256(text).hexdigest()[:16]} {mutant.line} {' '.join(mutant.key)}"


def _read_results() -> dict[str, str]:
    return dict(json.loads(RESULTS.read_text(encoding="utf-8"))) if RESULTS.exists() else {}


def _read_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation testing; see the module's docstring.")
    parser.add_argument("names", nargs="*", help="groups of groups.toml, or modules in them; all without a name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants tested at a time")
    parser.add_argument("--resume", action="store_true", help="take the mutants that an earlier run killed as killed, while their module is unchanged")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))

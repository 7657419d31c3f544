"""Deliveries judged beside the run, in a process of their own.

Great Expectations is Python through and through and takes seconds to import: beside a run it costs none of the run's time. The
process is told which files to judge, and answers with how many rows break which rule; neither a value nor a message of a library
comes back. It ends with the process that began it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any

from bcf_linkage.definitions.errors import DataRefused, EnvironmentRefused, MayPass, Refusal, RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import opened
from expectations.check import Verdict, judge, prepare
from pipelines.receive import readable, reading
from pipelines.runs import Run

Answer = dict[str, Any]


class Bench:
    """The judging process, asked and answering in turn. `ask` returns at once, `verdicts` when the answer is there."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        self._answers = _lines(self._process.stdout)
        self._answered: dict[int, Answer] = {}
        self._asked = 0

    def ask(self, extract: str, files: Sequence[Path]) -> int:
        """Have the deliveries of an extract judged. Gives back the number under which the answer will come."""
        self._asked += 1
        question = {"number": self._asked, "extract": extract, "files": [str(file) for file in files]}
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        with suppress(BrokenPipeError):  # Whoever waits for the answer is told.
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._asked

    def verdicts(self, number: int) -> tuple[Verdict, ...]:
        """What the question of that number came to. Raises the Refusal that it ended with, and MayPass where the process has ended."""
        while number not in self._answered:
            answer = next(self._answers, None)
            if answer is None:
                raise MayPass("the process that judges deliveries has ended; try again, and see that the machine has memory enough")
            self._answered[answer["number"]] = answer
        answer = self._answered.pop(number)
        if "refused" in answer:
            raise _REFUSALS[answer["refused"]](answer["message"])
        return tuple(Verdict(answer["extract"], *verdict) for verdict in answer["verdicts"])

    def end(self) -> None:
        """End the process, and with it whatever it has not answered."""
        self._process.kill()
        self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether the process is there no more."""
        return self._process.poll() is not None


def bench() -> Bench:
    """The judging process of this one: begun when it is first asked for, and again if it has ended."""
    if _begun().ended:
        _begun.cache_clear()
    return _begun()


def begin(run: Run) -> None:
    """Have all extracts of a run judged, in their order, while the run goes on. The second time nothing is done."""
    _asked(run)


def verdicts(run: Run, extract: str) -> tuple[Verdict, ...]:
    """The verdicts on one extract of a run, as soon as they are there. Raises what `Bench.verdicts` raises."""
    asked = _asked(run)
    # The process that was asked answers, or has ended: another would never answer.
    judging, number = asked.pop(extract) if extract in asked else _ask(run, extract)
    try:
        return judging.verdicts(number)
    except MayPass:
        _asked.cache_clear()
        raise


@cache
def _begun() -> Bench:
    return Bench()


@lru_cache(maxsize=1)
def _asked(run: Run) -> dict[str, tuple[Bench, int]]:
    return {extract: _ask(run, extract) for extract in run.extracts}


def _ask(run: Run, extract: str) -> tuple[Bench, int]:
    judging = bench()
    return judging, judging.ask(extract, run.files(extract))


_REFUSALS: dict[str, type[Refusal]] = {kind.__name__: kind for kind in (DataRefused, RequestRefused, EnvironmentRefused, MayPass)}


def _lines(stream: IO[str] | None) -> Iterator[Answer]:
    return (json.loads(line) for line in stream or ())


def _judged(question: Answer) -> Answer:
    table, files = EXTRACTS[question["extract"]], [Path(file) for file in question["files"]]
    try:
        deliveries = opened(table, files)
        with reading(deliveries):
            found = judge(table, readable(deliveries))
    except Refusal as refusal:
        return {"refused": type(refusal).__name__, "message": str(refusal)}
    except Exception as error:
        return {"refused": MayPass.__name__, "message": f"{table.name}: could not be judged ({type(error).__name__}); `bcf doctor` looks at the machine"}
    return {"extract": table.name, "verdicts": [[one.column, one.rule, one.rows, one.failed] for one in found]}


def _sit() -> None:
    """Answer every question of standard input on standard output, where nothing else is to be written."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    prepare()
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps({"number": question["number"], **_judged(question)}), file=answers, flush=True)


if __name__ == "__main__":
    _sit()

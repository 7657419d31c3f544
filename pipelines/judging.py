"""Deliveries judged beside the run, in a process of their own.

Great Expectations is Python through and through and takes seconds to import: beside a run it costs none of the run's time. The
process is told the tallies of a delivery by a pipe, and answers with how many rows break which rule; neither a value nor a message
of a library comes back. It ends with the process that began it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from itertools import count
from threading import Lock, Thread
from typing import IO, Any

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused, MayPass, Refusal
from bcf_linkage.definitions.extracts import EXTRACTS
from expectations.check import Verdict, prepare
from expectations.check import verdicts as verdicts_on
from expectations.tally import Tallied, View
from pipelines.runs import Run

Answer = dict[str, Any]
ENDED = "the process that judges deliveries has ended; try again, and see that the machine has memory enough"


class Bench:
    """The judging process, asked and answering in turn. `ask` returns at once, `verdicts` when the answer is there."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._answers = (json.loads(line) for line in self._process.stdout or ())
        self._answered: dict[int, Answer] = {}
        self._numbers = count(1)
        self._asking = Lock()

    def ask(self, extract: str, tallied: Tallied) -> int:
        """Have the deliveries of an extract judged. Gives back the number under which the answer will come."""
        number = next(self._numbers)
        # A pipe holds little, and the process may be a while before it listens.
        Thread(target=self._tell, args=(_question(number, extract, tallied),), daemon=True).start()
        return number

    def verdicts(self, number: int) -> tuple[Verdict, ...]:
        """What the question of that number came to. Raises the Refusal that it ended with, and MayPass where the process has ended."""
        while number not in self._answered:
            answer = next(self._answers, None)
            if answer is None:
                raise MayPass(ENDED)
            self._answered[answer["number"]] = answer
        answer = self._answered[number]
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

    def _tell(self, question: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        # Whoever waits for the answer is told that the process has ended.
        with self._asking, suppress(BrokenPipeError):
            self._process.stdin.write(question)
            self._process.stdin.flush()


def bench() -> Bench:
    """The judging process of this one: begun when it is first asked for, and again if it has ended."""
    if _begun().ended:
        _begun.cache_clear()
    return _begun()


def ask(run: Run, extract: str, tallied: Tallied) -> None:
    """Have an extract of a run judged while the run goes on."""
    _cases(run)[extract] = tallied
    _asked(run)[extract] = bench(), bench().ask(extract, tallied)


def verdicts(run: Run, extract: str) -> tuple[Verdict, ...]:
    """The verdicts on an extract of a run that was asked about, as soon as they are there. Raises what `Bench.verdicts` raises.

    Where the process has ended, another is asked the next time.
    """
    if extract not in _asked(run):
        ask(run, extract, _cases(run)[extract])
    judging, number = _asked(run)[extract]
    try:
        return judging.verdicts(number)
    except MayPass:
        _asked(run).clear()
        raise


def close() -> None:
    """Let go of what was to be judged: it holds identifiers."""
    _cases.cache_clear()
    _asked.cache_clear()


@cache
def _begun() -> Bench:
    return Bench()


@lru_cache(maxsize=1)
def _cases(run: Run) -> dict[str, Tallied]:
    return {}


@lru_cache(maxsize=1)
def _asked(run: Run) -> dict[str, tuple[Bench, int]]:
    return {}


def _question(number: int, extract: str, tallied: Tallied) -> bytes:
    """A line that says what follows it, and the tallies one after the other."""
    packed = [_packed(tally) for tally in tallied.views.values()]
    views = [[list(view.columns), view.first_character, len(bytes_)] for view, bytes_ in zip(tallied.views, packed, strict=True)]
    said = json.dumps({"number": number, "extract": extract, "rows": tallied.rows, "views": views})
    return b"".join([said.encode(), b"\n", *packed])


def _packed(tally: pl.DataFrame) -> bytes:
    packed = io.BytesIO()
    tally.write_ipc_stream(packed)
    return packed.getvalue()


def _questions(stream: IO[bytes]) -> Iterator[tuple[int, str, Tallied]]:
    for line in stream:
        said = json.loads(line)
        views = {View(tuple(columns), first): pl.read_ipc_stream(io.BytesIO(stream.read(length))) for columns, first, length in said["views"]}
        yield said["number"], said["extract"], Tallied(said["rows"], views)


_REFUSALS: dict[str, type[Refusal]] = {kind.__name__: kind for kind in (EnvironmentRefused, MayPass)}


def _judged(extract: str, tallied: Tallied) -> Answer:
    try:
        found = verdicts_on(EXTRACTS[extract], tallied)
    except EnvironmentRefused as refusal:
        return {"refused": type(refusal).__name__, "message": str(refusal)}
    except Exception as error:
        return {"refused": MayPass.__name__, "message": f"{extract}: could not be judged ({type(error).__name__}); `bcf doctor` looks at the machine"}
    return {"extract": extract, "verdicts": [[one.column, one.rule, one.rows, one.failed] for one in found]}


def _sit() -> None:
    """Answer every question of standard input on standard output, where nothing else is to be written."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    prepare()
    for number, extract, tallied in _questions(sys.stdin.buffer):
        print(json.dumps({"number": number, **_judged(extract, tallied)}), file=answers, flush=True)


if __name__ == "__main__":
    _sit()

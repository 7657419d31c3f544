"""Validate deliveries with Great Expectations in a process of its own.

Great Expectations takes seconds to import. In a second process these seconds cost the run nothing. The run sends the tallies of a
delivery through a pipe. The process answers with the number of rows that break each rule; no value and no library message comes
back. It ends with the run.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from threading import Lock, Thread
from typing import IO, Any, NamedTuple

import polars as pl

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault, TransientError
from bcf_linkage.definitions.extracts import EXTRACTS
from expectations.rule_results import RuleResult, check_tallies, import_great_expectations
from expectations.tally import RuleTallies, View
from pipelines.support.process_environment import child_environment, prepare_environment
from pipelines.workspace.run_context import RunContext

WORKER_ENDED = "the process that validates deliveries has ended; try again, and check that the machine has enough memory"


class WorkerAnswer(NamedTuple):
    """The answer on one extract: its rule results, or the error class and message that validating it raised."""

    results: tuple[RuleResult, ...] = ()
    error: str = ""
    message: str = ""


class ValidationWorker:
    """A process that runs the Great Expectations suites. Several threads may ask at once; each waits for its own answer."""

    def __init__(self) -> None:
        environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._answers: Iterator[bytes] = iter(self._process.stdout or ())
        self._answered: dict[int, WorkerAnswer] = {}
        self._numbers = count(1)
        self._writing, self._reading = Lock(), Lock()

    def verdicts(self, extract: str, tallies: RuleTallies) -> tuple[RuleResult, ...]:
        """Validate the tallies of an extract's deliveries. One result per rule.

        Raises the error that the suite raised, and TransientError if the process has ended.
        """
        number = next(self._numbers)
        # A pipe buffers little and the process may still be importing: writing in a thread does not block the caller.
        Thread(target=self._send, args=(_encode_question(number, extract, tallies),), daemon=True).start()
        answer = self._answer(number)
        if answer.error:
            raise _ERRORS[answer.error](answer.message)
        return answer.results

    def close(self) -> None:
        """End the process. Questions without an answer are lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            # Closing flushes bytes that the ended process never read, which fails.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def _answer(self, number: int) -> WorkerAnswer:
        with self._reading:
            while number not in self._answered:
                line = next(self._answers, None)
                if line is None:
                    raise TransientError(WORKER_ENDED)
                answered, answer = _decode_answer(line)
                self._answered[answered] = answer
            return self._answered.pop(number)

    def _send(self, question: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        # If the process has ended, the caller finds out when it reads the answer.
        with self._writing, suppress(OSError, ValueError):
            self._process.stdin.write(question)
            self._process.stdin.flush()


def start_worker(run: RunContext) -> ValidationWorker:
    """Start the run's worker, which ends with the run. Call through `RunContext.once`."""
    worker = ValidationWorker()
    run.cache.call_on_close(worker.close)
    return worker


def stop_worker(run: RunContext) -> None:
    """End the run's worker once all extracts are validated."""
    run.once(start_worker).close()
    run.cache.forget(start_worker)


def validate(run: RunContext, extract: str, tallies: RuleTallies) -> tuple[RuleResult, ...]:
    """Validate an extract. One result per rule. Raises TransientError if the worker has ended; the next call starts another."""
    if run.once(start_worker).has_ended:
        run.cache.forget(start_worker)
    return run.once(start_worker).verdicts(extract, tallies)


def _encode_question(number: int, extract: str, tallies: RuleTallies) -> bytes:
    """Encode a question: a line of JSON with the length of each tally, then the tallies as Arrow streams."""
    packed = [_pack(tally) for tally in tallies.views.values()]
    views = [[list(view.columns), view.first_character, len(stream)] for view, stream in zip(tallies.views, packed, strict=True)]
    header = json.dumps({"number": number, "extract": extract, "rows": tallies.rows, "views": views})
    return b"".join([header.encode(), b"\n", *packed])


def _pack(tally: pl.DataFrame) -> bytes:
    packed = io.BytesIO()
    tally.write_ipc_stream(packed)
    return packed.getvalue()


def _read_questions(stream: IO[bytes]) -> Iterator[tuple[int, str, RuleTallies]]:
    for line in stream:
        header = json.loads(line)
        views = {View(tuple(columns), first): pl.read_ipc_stream(io.BytesIO(stream.read(length))) for columns, first, length in header["views"]}
        yield header["number"], header["extract"], RuleTallies(header["rows"], views)


_ERRORS: dict[str, type[BcfError]] = {kind.__name__: kind for kind in (EnvironmentFault, TransientError)}


"""Error classes by the name that an answer has."""


def _encode_answer(number: int, answer: WorkerAnswer) -> str:
    results = [[result.extract, result.column, result.rule, result.rows, result.failed] for result in answer.results]
    return json.dumps({"number": number, "results": results, "error": answer.error, "message": answer.message})


def _decode_answer(line: bytes) -> tuple[int, WorkerAnswer]:
    document: dict[str, Any] = json.loads(line)
    results = tuple(
        RuleResult(extract=extract, column=column, rule=rule, rows=rows, failed=failed) for extract, column, rule, rows, failed in document["results"]
    )
    return document["number"], WorkerAnswer(results, document["error"], document["message"])


def _validate_extract(extract: str, tallies: RuleTallies) -> WorkerAnswer:
    try:
        return WorkerAnswer(tuple(check_tallies(EXTRACTS[extract], tallies)))
    except EnvironmentFault as error:
        return WorkerAnswer(error=type(error).__name__, message=str(error))
    except Exception as error:
        # The message of a library may quote a value: only the error's type leaves the process.
        message = f"{extract}: could not be validated ({type(error).__name__}); run `bcf doctor` to check the machine"
        return WorkerAnswer(error=TransientError.__name__, message=message)


def _serve() -> None:
    """Answer each question from standard input on standard output."""
    # Great Expectations may print. Only answers may reach standard output, so everything else goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    prepare_environment()
    import_great_expectations()
    for number, extract, tallies in _read_questions(sys.stdin.buffer):
        print(_encode_answer(number, _validate_extract(extract, tallies)), file=answers, flush=True)


if __name__ == "__main__":
    _serve()

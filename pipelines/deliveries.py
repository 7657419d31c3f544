"""Steps at the gate: deliveries are received, and each is judged as a whole. `bcf check` judges one file and stops there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import opened
from bcf_linkage.storage import ledger
from bcf_linkage.storage.scoring import scoring_on
from expectations.gate import gate, hold, tolerances
from pipelines import judging, national_trace, noting
from pipelines.custody import pseudonym_key
from pipelines.evidence import weigh
from pipelines.objecting import Objections, note_left_out, objections_of, refuse_unchecked
from pipelines.publish import exact_ledger
from pipelines.receive import ReceiveContext, Received, areas_of, read_through, register_of, write
from pipelines.registering import note_numbers
from pipelines.runs import Run
from pipelines.settings import kind_of
from pipelines.tokens import Tokens
from pipelines.tracing import Register

REGISTER = "gp_registrations"


def receive_extract(run: Run, extract: str) -> Received:
    """Read the deliveries of one extract, and write what is kept. Raises a Refusal; nothing of the extract is written then.

    What it holds is tallied in the same reading, and judged while the run goes on: `judge` waits for the verdict.
    """
    judging.bench()
    table, settings = EXTRACTS[extract], run.settings()
    deliveries = opened(table, run.files(extract))
    objections = _objections(run)
    sample = run.rulebook().linkage.experiments.sample
    kind, areas, answers = kind_of(settings), areas_of(settings.postcodes), national_trace.answers_about(run, extract)
    context = ReceiveContext(kind, run.as_at, _tokens(run), areas, _register(run), objections.frame, sample, answers)
    through = read_through(table, deliveries, context)
    judging.ask(run, extract, through.rows.tallied)
    refuse_unchecked(through, objections)
    weigh(run, through, context)
    noting.note(run, through, context)
    note_left_out(run, through)
    if extract == REGISTER:
        note_numbers(run, through.rows.people)
        context.register.prepare()
    return write(through, context, run.received(extract))


def judge(run: Run) -> None:
    """Raises DataRefused for the first extract whose deliveries break a rule more often than is tolerated.

    A file of another kind or period was told so before: here it would only be counted how often it breaks the rules.
    """
    borne = tolerances(run.settings().tolerances)
    for extract in run.extracts:
        hold(gate(judging.verdicts(run, extract), borne), _named(run.files(extract)))
    judging.close()


@lru_cache(maxsize=1)
def _register(run: Run) -> Register:
    """The run's register, read once for all extracts. It holds identifiers, so it is let go as soon as all is received."""
    return register_of(run.files(REGISTER), kind_of(run.settings()), run.as_at, scoring_on(run.request.engine))


@lru_cache(maxsize=1)
def _objections(run: Run) -> Objections:
    """Who objects, found out once for all extracts and let go with the register."""
    return objections_of(run, _register(run))


@lru_cache(maxsize=1)
def _tokens(run: Run) -> Tokens:
    """The tokens made so far, kept for all extracts and let go with the register."""
    return Tokens(pseudonym_key(run.request.workspace))


def balance(run: Run, received: Sequence[Received]) -> None:
    """Raises DataRefused unless the ledger accounts for every row that was read."""
    _register.cache_clear()
    _objections.cache_clear()
    _tokens.cache_clear()
    ledger.balance(exact_ledger(received), {one.extract: one.rows_read for one in received})


def _named(files: Sequence[Path]) -> str:
    return ", ".join(str(file) for file in files)

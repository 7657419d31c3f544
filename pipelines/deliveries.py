"""Steps at the gate: a delivery is judged as a whole, and received if it passes. `bcf check` judges one file and stops there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.nhs_number import Kind
from bcf_linkage.identifiable.parse import opened
from bcf_linkage.storage import ledger
from expectations.gate import gate, hold, tolerances
from pipelines import judging
from pipelines.custody import pseudonym_key
from pipelines.evidence import weigh
from pipelines.publish import exact_ledger
from pipelines.receive import ReceiveContext, Received, areas_of, read_through, register_of, write
from pipelines.registering import note_numbers
from pipelines.runs import Run
from pipelines.tracing import Register

REGISTER = "gp_registrations"


def receive_extract(run: Run, extract: str) -> Received:
    """Read the deliveries of one extract, judge them, and write what is kept. Raises a Refusal; nothing of the extract is written then.

    A file of another kind or period is told so before the gate could only count how often it breaks the rules.
    """
    table, settings = EXTRACTS[extract], run.settings()
    deliveries = opened(table, run.files(extract))
    key, sample = pseudonym_key(run.request.workspace), run.rulebook().linkage.experiments.sample
    context = ReceiveContext(_kind(run), run.as_at, key, areas_of(settings.postcodes), _register(run), sample)
    judging.begin(run)
    through = read_through(table, deliveries, context)
    verdicts = judging.verdicts(run, extract)
    hold(gate(verdicts, tolerances(settings.tolerances)), _named(run.files(extract)))
    weigh(run, through, context)
    if extract == REGISTER:
        note_numbers(run, through.rows.people)
    return write(through, context, run.received(extract))


@lru_cache(maxsize=1)
def _register(run: Run) -> Register:
    """The run's register, read once for all extracts. It holds identifiers, so it is let go as soon as all is received."""
    return register_of(run.files(REGISTER), _kind(run), run.as_at)


def _kind(run: Run) -> Kind:
    return "synthetic" if run.settings().kind == "synthetic" else "live"


def balance(run: Run, received: Sequence[Received]) -> None:
    """Raises DataRefused unless the ledger accounts for every row that was read."""
    _register.cache_clear()
    ledger.balance(exact_ledger(received), {one.extract: one.rows_read for one in received})


def _named(files: Sequence[Path]) -> str:
    return ", ".join(str(file) for file in files)

"""Steps that receive deliveries: each extract is received, then validated, and only then written. `bcf check` validates one file and writes nothing."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.storage import ledger
from bcf_linkage.storage.scoring import scorer_for
from expectations.gate import find_breaches, raise_on_breaches, tolerances
from pipelines.receive import validation_worker
from pipelines.receive.linkage_evidence import write_linkage_evidence
from pipelines.receive.objections import Objections, raise_on_unchecked, read_objections, write_opt_out_counts
from pipelines.receive.receive import (
    ProcessedExtract,
    ReceiveContext,
    ledger_entries,
    process_extract,
    received_extracts,
    received_folder,
    write_received,
    write_received_counts,
)
from pipelines.receive.register import load_register, read_areas
from pipelines.receive.reidentification_register import store_numbers
from pipelines.receive.sealed_outputs import mps_answers_for, write_sealed_outputs
from pipelines.receive.tokens import TokenCache
from pipelines.workspace.run_context import RunContext
from pipelines.workspace.settings import kind_of

REGISTER = "gp_registrations"


def receive_extract(run: RunContext, extract: str) -> None:
    """Read the deliveries of one extract, validate them, and write the rows that are kept.

    Raises a BcfError for a delivery that fails a check. Then nothing of the extract is written, in the vault or elsewhere.
    """
    # Great Expectations takes seconds to import: the worker starts before the rows are read.
    run.once(validation_worker.start_worker)
    table = EXTRACTS[extract]
    context = _context(run, extract)
    processed = process_extract(table, open_deliveries(table, run.files(extract)), context)
    raise_on_unchecked(processed, run.once(make_objections))
    _raise_on_breaches(run, processed)
    _persist(run, processed, context)


def balance_ledger(run: RunContext) -> None:
    """Write the exact ledger, and drop the register, the objections and the tokens.

    Raises DataQualityError unless the ledger accounts for every row that was read.
    """
    # All extracts are received: nothing after this step needs an identifier in memory.
    run.cache.forget(make_register, make_objections, make_token_cache, make_areas)
    validation_worker.stop_worker(run)
    extracts = received_extracts(run)
    exact = ledger.exact_ledger(ledger_entries(extracts))
    ledger.check_balance(exact, {extract.extract: extract.rows_read for extract in extracts})
    ledger.write_ledger(exact, run.staging.audit)


def make_register(run: RunContext) -> Register:
    """Read the GP register, once for all extracts. It contains identifiers."""
    return load_register(run.files(REGISTER), kind_of(run.settings), run.as_at, scorer_for(run.request.engine))


def make_objections(run: RunContext) -> Objections:
    """Read the objections in force, once for all extracts. They contain identifiers."""
    return read_objections(run, run.once(make_register))


def make_token_cache(run: RunContext) -> TokenCache:
    """Make the cache of tokens that all extracts share. It contains identifiers."""
    return TokenCache(run.key)


def make_areas(run: RunContext) -> nw.LazyFrame:
    """Read the postcode lookup, once for all extracts."""
    return read_areas(run.settings.postcodes)


def _context(run: RunContext, extract: str) -> ReceiveContext:
    return ReceiveContext(
        kind=kind_of(run.settings),
        as_at=run.as_at,
        tokens=run.once(make_token_cache),
        areas=run.once(make_areas),
        register=run.once(make_register),
        objections=run.once(make_objections).frame,
        sample_size=run.rulebook.linkage.validation.holdout_sample,
        answers=mps_answers_for(run, extract),
    )


def _raise_on_breaches(run: RunContext, processed: ProcessedExtract) -> None:
    """Raise DataQualityError if the deliveries break a rule in more rows than its tolerance allows."""
    extract = processed.extract.name
    verdicts = validation_worker.validate(run, extract, processed.rows.tallies)
    raise_on_breaches(find_breaches(verdicts, tolerances(run.settings.tolerances)), ", ".join(str(file) for file in run.files(extract)))


def _persist(run: RunContext, processed: ProcessedExtract, context: ReceiveContext) -> None:
    """Write every output of an extract that passed the gate."""
    write_linkage_evidence(run, processed, context)
    write_sealed_outputs(run, processed, context)
    write_opt_out_counts(run, processed)
    if processed.extract.name == REGISTER:
        store_numbers(run, processed.rows.people)
        # The other extracts are traced two at a time: build the register's lookups once, before they start.
        context.register.precompute()
    write_received_counts(write_received(processed, context, run.received(processed.extract.name)), received_folder(run))

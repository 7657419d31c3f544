"""Outputs of a run for each source: the work-list, the trace request to MPS, the sample for clerical review, and the links.

All but the links are sealed in the vault. Commands of `pipelines.admin` export them after the run.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import identity_stages, review_sample
from bcf_linkage.identifiable.trace import mps_exchange
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.identifiable.vault.source_lists import RUN_LISTS, SourceListKind, read_mps_answers, remove_source_list, source_list_names, write_source_list
from bcf_linkage.identifiable.work_list import build_work_list
from bcf_linkage.storage.engine import POLARS
from pipelines.receive import links
from pipelines.receive.receive import TRACED_REASONS, ProcessedExtract, ReceiveContext, identities_with_rows
from pipelines.workspace.run_context import RunContext


def write_sealed_outputs(run: RunContext, processed: ProcessedExtract, context: ReceiveContext) -> None:
    """Write all of these for an extract that passed the gate. The GP register has none: the others are traced to it."""
    if processed.extract.name == identity_stages.REGISTER_EXTRACT:
        return
    _remove_unpublished_lists(run, processed.extract.name)
    people = identities_with_rows(processed, TRACED_REASONS)
    write_work_list(run, processed.extract, people)
    write_trace_request(run, processed.extract, people)
    write_review_sample(run, processed.extract, people, context.register)
    links.write_links(run, processed.extract, people, context.tokens.key)


def write_work_list(run: RunContext, table: Table, people: pl.DataFrame) -> None:
    """Write the work-list of a source, sealed. One row per identity with its number of `rows` -> one row per client to act on."""
    rows = POLARS.collect(build_work_list(POLARS.frame(people), str(table.identity(Identity.LOCAL_ID))))
    write_source_list(run.vault, SourceListKind.WORK_LISTS, table.name, run.run_id, rows)


def write_trace_request(run: RunContext, table: Table, people: pl.DataFrame) -> None:
    """Write the trace request of a source, sealed. One row per identity with its number of `rows` -> one row per person to ask MPS about."""
    requests = POLARS.collect(mps_exchange.build_trace_requests(POLARS.frame(people), table))
    write_source_list(run.vault, SourceListKind.REQUESTS, table.name, run.run_id, requests)


def write_review_sample(run: RunContext, table: Table, people: pl.DataFrame, register: Register) -> None:
    """Write the clerical-review sample of a source, sealed. One row per identity, and the register -> one row per sampled pair."""
    rules = run.rulebook.linkage
    pairs = POLARS.collect(
        review_sample.build_review_sample(POLARS.frame(people), POLARS.frame(register.descriptions), rules.strict_reasons, rules.validation.clerical_sample)
    )
    write_source_list(run.vault, SourceListKind.REVIEW_PAIRS, table.name, run.run_id, pairs)


def mps_answers_for(run: RunContext, extract: str) -> nw.LazyFrame:
    """Read what MPS answered about a source's people: `identity` and `national_number`."""
    return POLARS.frame(read_mps_answers(run.vault, extract))


def _remove_unpublished_lists(run: RunContext, extract: str) -> None:
    """Remove the lists of runs that failed after they had written them. Retention works on published runs and never finds these."""
    vault = run.vault
    for list_kind in RUN_LISTS:
        for name in source_list_names(vault, list_kind, extract):
            if name != run.run_id and not run.workspace.audit(name).is_dir():
                remove_source_list(vault, list_kind, extract, name)

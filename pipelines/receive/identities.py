"""Trace the identities of an extract to people on the GP register."""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.nhs_number import WorkspaceKind
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import identity_stages
from bcf_linkage.identifiable.trace import validation
from bcf_linkage.identifiable.trace.mps_answers import match_on_mps_answers
from bcf_linkage.identifiable.trace.tracing import Register, match_deterministically, match_own_entries, score_and_select, trace_records


def trace_identities(
    identities: pl.DataFrame, table: Table, lookups: identity_stages.TraceContext, register: Register, sample_size: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Trace each distinct identity of an extract once, and validate the linkage on a hold-out sample.

    One row per identity -> the same rows with the trace's result and the columns of the person found; and the counts of the
    validation, with the columns of `VALIDATION_SCHEMA`. No validation where `sample_size` is 0 or the extract has no names.
    """
    records = _prepare_records(identities, table, lookups.kind, register)
    validation_counts = pl.DataFrame(schema=validation.VALIDATION_SCHEMA)
    if table.name == identity_stages.REGISTER_EXTRACT:
        traced_identities = match_own_entries(records, register)
    elif not sample_size or table.identity(Identity.FAMILY_NAME) is None:
        traced_identities = trace_records(records, register).records
    else:
        deterministic = match_deterministically(records, register)
        objecting = register.engine.collect(lookups.objections.select("number"))["number"]
        samples = validation.build_validation_samples(deterministic, records, identity_stages.identity_columns(table), objecting, sample_size)
        # Splink takes most of a second to start: the actual records and both samples are scored in one call.
        actual, holdout, decoys = score_and_select([deterministic, *samples])
        traced_identities, validation_counts = actual.records, validation.count_validation_results(holdout, decoys, lookups.as_at)
    if lookups.mps_answers is not None:
        traced_identities = match_on_mps_answers(traced_identities, records, table, register, register.engine.collect(lookups.mps_answers))
    return register.engine.collect(identity_stages.add_person_columns(register.engine.frame(traced_identities.drop("id")), table, lookups)), validation_counts


def _prepare_records(identities: pl.DataFrame, table: Table, kind: WorkspaceKind, register: Register) -> pl.DataFrame:
    """Number the identities as `id`, and add the columns that a trace reads."""
    numbered = identities.with_row_index("id").cast({"id": pl.Int64})
    return register.engine.collect(identity_stages.add_trace_columns(register.engine.frame(numbered), table, kind))

"""Trace unlinked records again with the NHS number that the Master Person Service (MPS) found. Its answer alone links nobody.

The number found replaces the record's own, and all match passes run again. The record is linked if the register confirms the new number.
It is never linked if its own number belongs to another person on the register.
"""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable.trace import mps_exchange
from bcf_linkage.identifiable.trace.register import Register
from bcf_linkage.identifiable.trace.tracing import trace_records

LINKED_BY_ANSWER, CONFLICT = "national_trace", "national_trace_conflict"
ANSWER_COLUMNS = ("trace_reason", "person_number", "score", "margin", "pattern")


def match_on_mps_answers(traced_records: pl.DataFrame, records: pl.DataFrame, table: Table, register: Register, answers: pl.DataFrame) -> pl.DataFrame:
    """Apply the answers of the MPS: one row per traced record -> the same rows, some with a new result.

    `records` are the same records before the trace. `answers` has `identity` and `national_number`. A record that is linked already stays
    as it is. So does a record for which the MPS found a number that is not on the register.
    """
    if answers.is_empty():
        return traced_records
    unmatched = traced_records.filter(~pl.col("trace_reason").is_in(reasons_for(Outcome.LINKED))).select("id")
    identified = register.engine.collect(register.engine.frame(records).with_columns(identity=mps_exchange.identity_text(table)))
    to_retrace = identified.join(unmatched, on="id", how="semi").join(answers, on="identity", how="inner").drop("identity")
    if to_retrace.is_empty():
        return traced_records
    retrace_input = to_retrace.with_columns(nhs_number="national_number", number="national_number", number_state=pl.lit(nhs_number.SOUND)).drop(
        "national_number"
    )
    retraced = trace_records(retrace_input, register).records.filter(pl.col("trace_reason") != "not_on_register").select("id", *ANSWER_COLUMNS)
    conflicting_ids = _ids_of_other_people(to_retrace, retraced, register)
    is_linked = pl.col("trace_reason").is_in(reasons_for(Outcome.LINKED)) & ~pl.col("id").is_in(conflicting_ids.implode())
    updates = retraced.with_columns(
        pl.when(is_linked).then(pl.lit(LINKED_BY_ANSWER)).otherwise(pl.lit(CONFLICT)).alias("trace_reason"),
        pl.when(is_linked).then("person_number").alias("person_number"),
    )
    return traced_records.update(updates, on="id", include_nulls=True) if updates.height else traced_records


def _ids_of_other_people(to_retrace: pl.DataFrame, retraced: pl.DataFrame, register: Register) -> pl.Series:
    """Return the `id` of records whose own sound number belongs, on the register, to another person than the one found."""
    listed_numbers = register.numbers.filter("listed").select("number", own_person="person_number")
    own_numbers = to_retrace.filter(pl.col("number_state") == nhs_number.SOUND).join(listed_numbers, on="number", how="inner").select("id", "own_person")
    return retraced.join(own_numbers, on="id", how="inner").filter(pl.col("own_person") != pl.col("person_number"))["id"]

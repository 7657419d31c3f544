"""The rung of the trace that goes by what the national service answered. Its word alone links nobody.

The number that it found is put in the place of the record's own, and the record is traced again: it is linked if the register confirms
that number by the very rungs that confirm a source's, and never where the record bears the number of somebody else on the register.
"""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable.trace import nationally
from pipelines.tracing import ENGINE, Register, traced

LINKED_BY_ANSWER, CONFLICT = "national_trace", "national_trace_conflict"
ANSWER = ("trace_reason", "person_number", "score", "margin", "pattern")


def answered_nationally(found: pl.DataFrame, records: pl.DataFrame, table: Table, register: Register, answers: pl.DataFrame) -> pl.DataFrame:
    """Traced records, the same as they were asked, and `identity` and `national_number` of all answers -> the records, some with another answer.

    Whoever the register's own trace linked stays so, and so does whoever is said to have a number that the register does not hold.
    """
    if answers.is_empty():
        return found
    missed = found.filter(~pl.col("trace_reason").is_in(reasons_for(Place.LINKED))).select("id")
    identified = ENGINE.collect(ENGINE.frame(records).with_columns(identity=nationally.identity(table)))
    asked = identified.join(missed, on="id", how="semi").join(answers, on="identity", how="inner").drop("identity")
    if asked.is_empty():
        return found
    again = asked.with_columns(nhs_number="national_number", number="national_number", number_state=pl.lit(nhs_number.SOUND)).drop("national_number")
    told = traced(again, register).records.filter(pl.col("trace_reason") != "not_on_register").select("id", *ANSWER)
    another = _of_somebody_else(asked, told, register)
    linked = pl.col("trace_reason").is_in(reasons_for(Place.LINKED)) & ~pl.col("id").is_in(another.implode())
    judged = told.with_columns(
        pl.when(linked).then(pl.lit(LINKED_BY_ANSWER)).otherwise(pl.lit(CONFLICT)).alias("trace_reason"),
        pl.when(linked).then("person_number").alias("person_number"),
    )
    return found.update(judged, on="id", include_nulls=True) if judged.height else found


def _of_somebody_else(asked: pl.DataFrame, told: pl.DataFrame, register: Register) -> pl.Series:
    """The `id` of records whose own sound number the register holds for another person than the one who was found."""
    known = register.numbers.filter("listed").select("number", own_person="person_number")
    own = asked.filter(pl.col("number_state") == nhs_number.SOUND).join(known, on="number", how="inner").select("id", "own_person")
    return told.join(own, on="id", how="inner").filter(pl.col("own_person") != pl.col("person_number"))["id"]

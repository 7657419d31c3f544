"""The objections in force: the NHS numbers that they apply to, and the records that they exclude."""

from __future__ import annotations

from collections.abc import Collection

import narwhals as nw

from bcf_linkage.definitions.sharing import Objection

OBJECTION_RANK = {str(objection): rank for rank, objection in enumerate(Objection)}
"""Objections in the order in which they are declared: a person with several is counted under the first."""


def build_objections(numbers: nw.LazyFrame, list_objections: nw.LazyFrame, in_force: Collection[Objection]) -> nw.LazyFrame:
    """Build the objections: the register by number (`trace.register_numbers`), and `number`, `objection` of the lists -> one row per number.

    An objection under any number of a person applies to all numbers that the register has for that person. A person with several
    objections has the first in the order of `Objection`.
    """
    type_1_objections = numbers.filter(nw.col("opted_out")).select("number", objection=nw.lit(str(Objection.TYPE_1)))
    objectors = list_objections.join(numbers.select("number", "person_number"), on="number", how="inner").select("person_number", "objection")
    objectors_numbers = objectors.join(numbers.select("number", "person_number"), on="person_number", how="inner").select("number", "objection")
    combined = nw.concat([type_1_objections, objectors_numbers, list_objections.select("number", "objection")])
    ranked = combined.filter(nw.col("objection").is_in([str(objection) for objection in in_force])).select(
        "number", rank=nw.col("objection").replace_strict(OBJECTION_RANK, return_dtype=nw.Int64)
    )
    first_objection = ranked.group_by("number").agg(rank=nw.col("rank").min())
    return first_objection.select(
        "number", objection=nw.col("rank").replace_strict({rank: code for code, rank in OBJECTION_RANK.items()}, return_dtype=nw.String)
    )


def add_objection(records: nw.LazyFrame, objections: nw.LazyFrame) -> nw.LazyFrame:
    """Add `objection` to traced records: that of the person found, or else of the record's own number; null if none is in force. Order is not kept."""
    number_objections = objections.select("number", own_objection="objection")
    person_objections = objections.select(person_number="number", person_objection="objection")
    joined = records.join(number_objections, on="number", how="left").join(person_objections, on="person_number", how="left")
    return joined.with_columns(objection=nw.coalesce("person_objection", "own_objection")).drop("person_objection", "own_objection")

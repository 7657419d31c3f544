"""Which numbers an objection holds for, and whose records therefore go no further."""

from __future__ import annotations

from collections.abc import Collection

import narwhals as nw

from bcf_linkage.definitions.sharing import Objection

RANK = {str(objection): rank for rank, objection in enumerate(Objection)}


def objections(numbers: nw.LazyFrame, listed: nw.LazyFrame, holding: Collection[Objection]) -> nw.LazyFrame:
    """The register by number (`trace.numbers.register`) and `number`, `objection` of the lists -> one row per number for which one holds.

    An objection made under any number of a person holds for all numbers that the register knows of them. Who objects in several ways
    is told by the first.
    """
    of_register = numbers.filter(nw.col("opted_out")).select("number", objection=nw.lit(str(Objection.TYPE_1)))
    persons = listed.join(numbers.select("number", "person_number"), on="number", how="inner").select("person_number", "objection")
    all_numbers = persons.join(numbers.select("number", "person_number"), on="person_number", how="inner").select("number", "objection")
    every = nw.concat([of_register, all_numbers, listed.select("number", "objection")])
    ranked = every.filter(nw.col("objection").is_in([str(objection) for objection in holding])).select(
        "number", rank=nw.col("objection").replace_strict(RANK, return_dtype=nw.Int64)
    )
    first = ranked.group_by("number").agg(rank=nw.col("rank").min())
    return first.select("number", objection=nw.col("rank").replace_strict({rank: code for code, rank in RANK.items()}, return_dtype=nw.String))


def marked(records: nw.LazyFrame, objections: nw.LazyFrame) -> nw.LazyFrame:
    """Traced records -> the same with `objection`, null where none holds: of the person found, or of the number that the record bears. In no order."""
    own = objections.select("number", own_objection="objection")
    persons = objections.select(person_number="number", person_objection="objection")
    found = records.join(own, on="number", how="left").join(persons, on="person_number", how="left")
    return found.with_columns(objection=nw.coalesce("person_objection", "own_objection")).drop("person_objection", "own_objection")

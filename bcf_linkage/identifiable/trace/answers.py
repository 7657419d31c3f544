"""What the rungs of a trace found, brought together: one answer for each record."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.trace_reasons import reasons_for

FOUND = ("id", "reason", "person", "likely", "score", "margin", "pattern")
"""What a rung gives of each record that it answers; `likely` is whom it would name if less evidence would do."""

UNWEIGHED = {"likely": nw.lit(None, dtype=nw.String), "score": nw.lit(None, dtype=nw.Float64), "margin": nw.lit(None, dtype=nw.Float64)}
NOT_ON_REGISTER, TWIN = "not_on_register", "twin"
LOOKED_AT = {"cross_check": "N=D=", "superseded_number": "N=D=", "cross_check_partial": "N=D2", "exact_demographics": "F=D=S="}
"""The pattern of the rungs that look at a few fields alone."""


def climbing(first: nw.LazyFrame) -> nw.LazyFrame:
    """Records answered by their number -> those for whom a further rung is worth while: not linked, and not by a number of two people's."""
    settled = [*reasons_for(Place.LINKED), "number_shared"]
    return first.filter(~nw.col("trace_reason").is_in(settled))


def found_by(rung: str, matched: nw.LazyFrame) -> nw.LazyFrame:
    """`id` and `person` -> what a rung found, with the columns `FOUND`."""
    return matched.select("id", "person", reason=nw.lit(rung), pattern=nw.lit(LOOKED_AT[rung]), **UNWEIGHED).select(*FOUND)


def refused_as_twins(ids: nw.LazyFrame) -> nw.LazyFrame:
    """`id` of records that bear a twin's name -> what is found of them, with the columns `FOUND`."""
    return ids.select("id", reason=nw.lit(TWIN), person=nw.lit(None, dtype=nw.String), pattern=nw.lit("N=G-D="), **UNWEIGHED).select(*FOUND)


def weaknesses(compared: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable records -> `id` and what weakens each. A vague date or a communal home is worth a word beside a name alone."""
    named = ~nw.col("given").is_null() | ~nw.col("family").is_null()
    return compared.select("id", "junk_name", default_date=nw.col("default_date") & named, communal=nw.col("communal") & named)


def answered(first: nw.LazyFrame, found: nw.LazyFrame, weaknesses: nw.LazyFrame) -> nw.LazyFrame:
    """Records with the answer of their number, what further rungs found of some, and what weakens those -> the records with one answer each.

    The columns `trace_reason` and `person_number` are those of the last word; `likely`, `score`, `margin` and `pattern` are added.
    A record whose sound number the register does not hold stays that, unless it is found to be somebody's.
    """
    better = first.join(found, on="id", how="left").join(weaknesses, on="id", how="left")
    linked = ~nw.col("person").is_null()
    keeps = (nw.col("trace_reason") == NOT_ON_REGISTER) & ~linked
    told = nw.when(keeps).then(nw.col("trace_reason")).otherwise(nw.coalesce(_explained(), "trace_reason"))
    twin = nw.col("reason").fill_null("") == TWIN
    number = nw.when(linked).then(nw.col("person")).when(~(twin & ~keeps)).then(nw.col("person_number"))
    answers = better.with_columns(person_number=number, pattern=nw.coalesce("pattern", _looked_at()), trace_reason=told)
    return answers.drop("reason", "person", "claimed", "junk_name", "default_date", "communal")


def _explained() -> nw.Expr:
    """The reason found, or in place of a mere lack of evidence that which weakened it."""
    lacking = nw.col("reason").is_null() | (nw.col("reason") == "below_threshold")
    weak = (
        nw.when(lacking & nw.col("junk_name"))
        .then(nw.lit("junk_name"))
        .when(lacking & nw.col("default_date"))
        .then(nw.lit("default_birth_date"))
        .when(lacking & nw.col("communal"))
        .then(nw.lit("communal_postcode"))
    )
    return nw.coalesce(weak, "reason")


def _looked_at() -> nw.Expr:
    pattern = nw.lit(None, dtype=nw.String)
    for rung, fields in LOOKED_AT.items():
        pattern = nw.when(nw.col("trace_reason") == rung).then(nw.lit(fields)).otherwise(pattern)
    return pattern

"""Finding or confirming whose record it is, against the GP register.

A trace climbs a ladder of rungs. Each rung is a function of the records and the register that answers for the records which
no rung before it has linked, with a `trace_reason` and the `person_number`, the number that the person now has. One rung is
there: the NHS number, confirmed by the full date of birth. A guess is never made: a number alone confirms nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.identifiable import opt_outs

Rung = Callable[[nw.LazyFrame, nw.LazyFrame], nw.LazyFrame]


def register(registrations: nw.LazyFrame, as_at: date, kind: nhs_number.Kind) -> nw.LazyFrame:
    """One tidied row of gp_registrations with `refused` -> one NHS number that the register knows, now or from before.

    `person_number` is the number that its person now has, `birth_date` theirs, `listed` whether a row that is not refused
    says so, `shared` whether two people stand behind it, `opted_out` whether the person objects under any of their numbers.
    """
    numbers = nw.concat([_entries(registrations, kind), _former(registrations, as_at, kind)]).group_by("number").agg(
        nw.col("listed").any(),
        nw.col("opted_out").any(),
        nw.col("superseded").any(),
        birth_date=nw.col("birth_date").max(),
        other_birth_date=nw.col("birth_date").min(),
        replacement=nw.col("replacement").max(),
        other_replacement=nw.col("replacement").min(),
    )
    numbers = numbers.select(
        "number",
        "listed",
        "superseded",
        "birth_date",
        "opted_out",
        person_number=nw.coalesce("replacement", "number"),
        shared=_differ("birth_date", "other_birth_date") | _differ("replacement", "other_replacement"),
    )
    people = numbers.group_by("person_number").agg(
        person_opted_out=nw.col("opted_out").any(),
        person_shared=(nw.col("shared") & (nw.col("number") == nw.col("person_number"))).any(),
    )
    return numbers.join(people, on="person_number", how="left").select(
        "number",
        "person_number",
        "birth_date",
        "listed",
        "superseded",
        shared=nw.col("shared") | nw.col("person_shared"),
        opted_out=nw.col("person_opted_out"),
    )


def _entries(registrations: nw.LazyFrame, kind: nhs_number.Kind) -> nw.LazyFrame:
    """The numbers that people have. A refused row counts for its objection alone."""
    numbered = registrations.with_columns(number=nhs_number.canonical(nw.col("nhs_number")), state=nhs_number.state(nw.col("nhs_number"), kind))
    return numbered.filter(nw.col("state") == nhs_number.SOUND).select(
        "number",
        replacement=nw.lit(None, dtype=nw.String),
        birth_date=nw.when(~nw.col("refused")).then(nw.col("birth_date")),
        listed=~nw.col("refused"),
        superseded=nw.lit(False),
        opted_out=opt_outs.objects(),
    )


def _former(registrations: nw.LazyFrame, as_at: date, kind: nhs_number.Kind) -> nw.LazyFrame:
    """The numbers that people had before and that are superseded by the as-at date."""
    by_then = nw.col("replaced_nhs_number_date").fill_null("") <= as_at.isoformat()
    former = nw.col("replaced_nhs_number")
    numbered = registrations.filter(~nw.col("refused") & by_then).with_columns(
        former=nhs_number.canonical(former),
        number=nhs_number.canonical(nw.col("nhs_number")),
        former_state=nhs_number.state(former, kind),
        state=nhs_number.state(nw.col("nhs_number"), kind),
    )
    sound = (nw.col("former_state") == nhs_number.SOUND) & (nw.col("state") == nhs_number.SOUND)
    return numbered.filter(sound).select(
        "birth_date",
        number=nw.col("former"),
        replacement=nw.col("number"),
        listed=nw.lit(True),
        superseded=nw.lit(True),
        opted_out=opt_outs.objects(),
    ).select("number", "replacement", "birth_date", "listed", "superseded", "opted_out")


def _differ(one: str, other: str) -> nw.Expr:
    return (nw.col(one) != nw.col(other)).fill_null(False)

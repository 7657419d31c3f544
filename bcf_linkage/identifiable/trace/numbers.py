"""The register by NHS number: who has it now, who had it before, and whether it is one person's."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.trace_rules import Guards
from bcf_linkage.identifiable.opt_outs import type_1

NUMBERS = ("number", "person_number", "birth_date", "listed", "superseded", "shared", "opted_out")
"""The columns of the register as `register` makes it: one row per NHS number that it knows."""

ALIKE = ("family_name", "given_name", "birth_date", "sex", "postcode", "address_line_1")
"""Who agrees in all of these with the entry of another number is that person, whom the register holds twice."""

GATHERED = ("number", "objects", "replacement", "birth_date", "listed", "doubled")

FURTHER_REPLACEMENTS = 2
"""How often the replacement of a superseded number may itself have been replaced."""


def numbers(registrations: nw.LazyFrame, as_at: date, kind: nhs_number.Kind, guards: Guards) -> nw.LazyFrame:
    """One tidied row of gp_registrations with `birth_date` (null if not a date) and `refused` -> one sound NHS number, present or former.

    `replacement` is the number that took its place by the as-at date, `listed` whether a row that is not refused names it, `shared`
    whether two people stand behind it (two dates of birth, or two replacements), and `objects` whether a row of its person objects.
    `doubled` says that no number took its place: its person has two, and `replacement` is the one under which they are known here.
    """
    entries = registrations.with_columns(
        number=nhs_number.canonical(nw.col("nhs_number")),
        number_state=nhs_number.state(nw.col("nhs_number"), kind),
        former=nhs_number.canonical(nw.col("replaced_nhs_number")),
        former_state=nhs_number.state(nw.col("replaced_nhs_number"), kind),
        objects=type_1.objects(),
    ).filter(nw.col("number_state") == nhs_number.SOUND)
    grouped = (
        nw.concat([each.select(*GATHERED) for each in (_current(entries), _former(entries, as_at), _doubled(entries, guards))])
        .group_by("number")
        .agg(
            nw.col("listed").any(),
            nw.col("objects").any(),
            nw.col("doubled").any(),
            nw.col("birth_date").max(),
            nw.col("replacement").max(),
            first_birth_date=nw.col("birth_date").min(),
            first_replacement=nw.col("replacement").min(),
        )
    )
    return grouped.select("number", "listed", "objects", "doubled", "birth_date", "replacement", shared=_differ("birth_date") | _differ("replacement"))


def _differ(name: str) -> nw.Expr:
    return (nw.col(name) != nw.col(f"first_{name}")).fill_null(False)


def _current(entries: nw.LazyFrame) -> nw.LazyFrame:
    """The number that each entry's person has. A refused entry counts for its objection alone."""
    return entries.select(
        "number",
        "objects",
        replacement=nw.lit(None, dtype=nw.String),
        birth_date=nw.when(~nw.col("refused")).then(nw.col("birth_date")),
        listed=~nw.col("refused"),
        doubled=nw.lit(False),
    )


def _former(entries: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    """The number that each entry's person had before, if it is superseded by the as-at date."""
    by_then = nw.col("replaced_nhs_number_date").fill_null("") <= as_at.isoformat()
    return entries.filter(~nw.col("refused") & _names_another() & by_then).select(
        nw.col("former").alias("number"),
        "objects",
        nw.col("number").alias("replacement"),
        "birth_date",
        listed=nw.lit(True),
        doubled=nw.lit(False),
    )


def _names_another() -> nw.Expr:
    return ((nw.col("former_state") == nhs_number.SOUND) & (nw.col("former") != nw.col("number"))).fill_null(False)


def _doubled(entries: nw.LazyFrame, guards: Guards) -> nw.LazyFrame:
    """The second number of each person whom two entries tell of in the same words, all of `ALIKE`; a name or date that stands for none says nothing.

    Of a number that another replaces, or is to replace, the register has spoken itself.
    """
    plain = {name: nw.col(name).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "") for name in ALIKE}
    replaced = entries.filter(_names_another()).select("former").unique()
    standing = entries.filter(~nw.col("refused") & ~_names_another()).join(replaced, left_on="number", right_on="former", how="anti")
    told = standing.filter(~nw.col("birth_date").is_in(guards.placeholder_dates)).with_columns(**plain)
    named = told.filter(*(~nw.col(name).is_in(["", *guards.junk_names]) & (nw.col(name).str.len_chars() > 1) for name in ("family_name", "given_name")))
    people = named.group_by(*ALIKE, drop_null_keys=True).agg(numbers=nw.col("number").n_unique(), replacement=nw.col("number").min())
    second = named.join(people.filter(nw.col("numbers") == 2), on=list(ALIKE), how="inner").filter(nw.col("number") != nw.col("replacement"))
    return second.with_columns(birth_date=nw.lit(None, dtype=nw.String), listed=nw.lit(True), doubled=nw.lit(True))


def register(numbers: nw.LazyFrame) -> nw.LazyFrame:
    """The numbers, worked out beforehand as they are read several times -> what a trace is made against, with the columns `NUMBERS`.

    `person_number` is the number that its person has in the end; `opted_out` says that they object under any of their numbers, and
    `shared` that two people stand behind the number or behind the person's own.
    """
    followed = numbers.with_columns(person_number=nw.coalesce("replacement", "number"), superseded=~nw.col("replacement").is_null() & ~nw.col("doubled"))
    for _ in range(FURTHER_REPLACEMENTS):
        following = numbers.select(nw.col("number").alias("replaced"), nw.col("replacement").alias("following"))
        followed = followed.join(following, left_on="person_number", right_on="replaced", how="left")
        followed = followed.with_columns(person_number=nw.coalesce("following", "person_number")).drop("following")
    people = followed.group_by("person_number").agg(
        opted_out=nw.col("objects").any(),
        person_shared=(nw.col("shared") & (nw.col("number") == nw.col("person_number"))).any(),
    )
    return followed.join(people, on="person_number", how="left").with_columns(shared=nw.col("shared") | nw.col("person_shared")).select(*NUMBERS)

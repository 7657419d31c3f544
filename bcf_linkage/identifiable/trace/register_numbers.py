"""The register by NHS number: who has the number now, who had it before, and whether it belongs to one person."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.trace_rules import Guards
from bcf_linkage.identifiable.opt_outs import type_1

REGISTER_NUMBER_COLUMNS = ("number", "person_number", "birth_date", "listed", "superseded", "shared", "opted_out")
"""The columns of `build_number_register`: one row per NHS number on the register, present or former."""

SAME_PERSON_COLUMNS = ("family_name", "given_name", "birth_date", "sex", "postcode", "address_line_1")
"""Two entries with different numbers that agree in all of these are one person, who is on the register twice."""

GROUPED_COLUMNS = ("number", "objects", "replacement", "birth_date", "listed", "doubled")

MAX_FURTHER_REPLACEMENTS = 2
"""How often a replacement may itself have been replaced. The limit bounds the work and ends a chain that runs in a circle. [D]"""

DUPLICATE_NUMBERS = 2
"""So many numbers with identical entries are one person's. With three or more, nobody can say whether they are one person. [D]"""


def build_numbers(registrations: nw.LazyFrame, as_at: date, kind: nhs_number.WorkspaceKind, guards: Guards) -> nw.LazyFrame:
    """Build the numbers: one tidied row of gp_registrations with `birth_date` (null if not a date) and `refused` -> one row per sound NHS number.

    The numbers are present and former ones. `replacement` is the number that replaced it by the as-at date. `listed` says that a row that is
    not refused names it. `shared` says that it belongs to two people (two dates of birth, or two replacements). `objects` says that a row
    of its person has an objection. `doubled` says that its person is on the register under two numbers; then `replacement` is the one used.
    """
    entries = registrations.with_columns(
        number=nhs_number.canonical(nw.col("nhs_number")),
        number_state=nhs_number.state(nw.col("nhs_number"), kind),
        former=nhs_number.canonical(nw.col("replaced_nhs_number")),
        former_state=nhs_number.state(nw.col("replaced_nhs_number"), kind),
        objects=type_1.has_objection(),
    ).filter(nw.col("number_state") == nhs_number.SOUND)
    grouped = (
        nw.concat(
            [
                numbers_of_kind.select(*GROUPED_COLUMNS)
                for numbers_of_kind in (_build_current_numbers(entries), _build_superseded_numbers(entries, as_at), _build_duplicate_numbers(entries, guards))
            ]
        )
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
    return grouped.select(
        "number", "listed", "objects", "doubled", "birth_date", "replacement", shared=_has_two_values("birth_date") | _has_two_values("replacement")
    )


def _has_two_values(name: str) -> nw.Expr:
    return (nw.col(name) != nw.col(f"first_{name}")).fill_null(False)


def _build_current_numbers(entries: nw.LazyFrame) -> nw.LazyFrame:
    """Select the present number of each entry. A refused entry counts for its objection only."""
    return entries.select(
        "number",
        "objects",
        replacement=nw.lit(None, dtype=nw.String),
        birth_date=nw.when(~nw.col("refused")).then(nw.col("birth_date")),
        listed=~nw.col("refused"),
        doubled=nw.lit(False),
    )


def _build_superseded_numbers(entries: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    """Select the former number of each entry, if it was superseded by the as-at date."""
    # A replacement without a date counts as effective. Dates in ISO text are in the order of time.
    is_effective = nw.col("replaced_nhs_number_date").fill_null("") <= as_at.isoformat()
    return entries.filter(~nw.col("refused") & _has_former_number() & is_effective).select(
        nw.col("former").alias("number"),
        "objects",
        nw.col("number").alias("replacement"),
        "birth_date",
        listed=nw.lit(True),
        doubled=nw.lit(False),
    )


def _has_former_number() -> nw.Expr:
    return ((nw.col("former_state") == nhs_number.SOUND) & (nw.col("former") != nw.col("number"))).fill_null(False)


def _build_duplicate_numbers(entries: nw.LazyFrame, guards: Guards) -> nw.LazyFrame:
    """Select the second number of each person who has two entries that agree in all of `SAME_PERSON_COLUMNS`, case and punctuation aside.

    Entries with a junk name or a placeholder date are left out. So are numbers that replace another or are replaced: the register itself
    says whose they are.
    """
    folded = {name: nw.col(name).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "") for name in SAME_PERSON_COLUMNS}
    replaced = entries.filter(_has_former_number()).select("former").unique()
    unreplaced = entries.filter(~nw.col("refused") & ~_has_former_number()).join(replaced, left_on="number", right_on="former", how="anti")
    with_usable_date = unreplaced.filter(~nw.col("birth_date").is_in(guards.placeholder_dates)).with_columns(**folded)
    with_usable_name = with_usable_date.filter(
        *(~nw.col(name).is_in(["", *guards.junk_names]) & (nw.col(name).str.len_chars() > 1) for name in ("family_name", "given_name"))
    )
    people = with_usable_name.group_by(*SAME_PERSON_COLUMNS, drop_null_keys=True).agg(numbers=nw.col("number").n_unique(), replacement=nw.col("number").min())
    duplicates = people.filter(nw.col("numbers") == DUPLICATE_NUMBERS)
    second_numbers = with_usable_name.join(duplicates, on=list(SAME_PERSON_COLUMNS), how="inner").filter(nw.col("number") != nw.col("replacement"))
    return second_numbers.with_columns(birth_date=nw.lit(None, dtype=nw.String), listed=nw.lit(True), doubled=nw.lit(True))


def build_number_register(numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Follow replacements: numbers from `build_numbers`, collected before because they are read several times -> the same rows, `REGISTER_NUMBER_COLUMNS`.

    `person_number` is the last number in the chain of replacements. `opted_out` says that the person objects under any of their numbers.
    `shared` says that the number, or the person's last number, belongs to two people.
    """
    resolved = numbers.with_columns(person_number=nw.coalesce("replacement", "number"), superseded=~nw.col("replacement").is_null() & ~nw.col("doubled"))
    for _ in range(MAX_FURTHER_REPLACEMENTS):
        next_replacement = numbers.select(nw.col("number").alias("replaced"), nw.col("replacement").alias("following"))
        resolved = resolved.join(next_replacement, left_on="person_number", right_on="replaced", how="left")
        resolved = resolved.with_columns(person_number=nw.coalesce("following", "person_number")).drop("following")
    people = resolved.group_by("person_number").agg(
        opted_out=nw.col("objects").any(),
        person_shared=(nw.col("shared") & (nw.col("number") == nw.col("person_number"))).any(),
    )
    return (
        resolved.join(people, on="person_number", how="left").with_columns(shared=nw.col("shared") | nw.col("person_shared")).select(*REGISTER_NUMBER_COLUMNS)
    )

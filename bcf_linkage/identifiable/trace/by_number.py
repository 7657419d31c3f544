"""The rungs of a trace that go by the NHS number: confirmed by the full date of birth, or by part of it and something more."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable.trace.numbers import NUMBERS

ANSWER = ("trace_reason", "person_number", "claimed")
TELLING = tuple(name for name in NUMBERS if name not in ("number", "opted_out"))


def cross_checked(records: nw.LazyFrame, numbers: nw.LazyFrame, placeholder_dates: Sequence[str]) -> nw.LazyFrame:
    """Records with `number`, `number_state` and `birth_date` -> the same with the columns `ANSWER`: the number confirmed by the full date.

    `claimed` is the person whom the number leads to, confirmed or not. A date that stands for one not known confirms nothing.
    """
    ours, theirs = nw.col("birth_date"), nw.col("register_birth_date")
    confirmed = (
        nw.when(ours.is_null() | theirs.is_null())
        .then(nw.lit("birth_date_missing"))
        .when(ours.is_in(placeholder_dates))
        .then(nw.lit("default_birth_date"))
        .when(ours != theirs)
        .then(nw.lit("birth_date_conflict"))
        .otherwise(_kind_of_number())
    )
    return _answered(_looked_up(records, numbers), confirmed)


def own_entry(records: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Rows of the register itself, which need no second fact -> the same with the columns `ANSWER`."""
    return _answered(_looked_up(records, numbers), _kind_of_number())


def _looked_up(records: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    return records.join(numbers.select("number", *(nw.col(name).alias(f"register_{name}") for name in TELLING)), on="number", how="left")


def _kind_of_number() -> nw.Expr:
    return nw.when(nw.col("register_superseded")).then(nw.lit("superseded_number")).otherwise(nw.lit("cross_check"))


def _answered(found: nw.LazyFrame, answer: nw.Expr) -> nw.LazyFrame:
    """Records beside their entry in the register -> the records; `answer` counts where the number is sound, listed and one person's."""
    sound = nw.col("number_state") == nhs_number.SOUND
    listed = nw.col("register_listed").fill_null(False)
    reason = (
        nw.when(~sound)
        .then(nw.col("number_state"))
        .when(~listed)
        .then(nw.lit("not_on_register"))
        .when(nw.col("register_shared"))
        .then(nw.lit("number_shared"))
        .otherwise(answer)
    )
    person = nw.when(~nw.col("trace_reason").is_in(reasons_for(Place.UNLINKED))).then(nw.coalesce("register_person_number", "number"))
    return (
        found.with_columns(
            trace_reason=reason,
            claimed=nw.when(sound & listed).then(nw.col("register_person_number")),
        )
        .with_columns(person_number=person)
        .drop(*(f"register_{name}" for name in TELLING))
    )


def partly_checked(compared: nw.LazyFrame, entries: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable records with `id` and `claimed` -> `id` and `person` of those whom the number, part of the date and something more confirm.

    Two of day, month and year agree, or day and month stand in each other's place; and both names agree, or the outward half of the
    postcode does and the given name does not speak against it.
    """
    found = compared.filter(~nw.col("claimed").is_null()).join(
        entries.filter(~nw.col("shared")), left_on="claimed", right_on="person", how="inner", suffix="_l"
    )
    given = _same("given") | _same("given_first")
    family = _same("family") | _any_same("family", "family_first_l", "family_last_l") | _any_same("family_l", "family_first", "family_last")
    nothing_against = nw.col("given").is_null() | nw.col("given_l").is_null() | given
    confirmed = found.filter(_part_of_date() & ((given & family) | (_same("outcode") & nothing_against)))
    return confirmed.select("id", person="claimed").unique()


def _same(name: str) -> nw.Expr:
    return (nw.col(name) == nw.col(f"{name}_l")).fill_null(False)


def _any_same(name: str, *others: str) -> nw.Expr:
    return nw.any_horizontal(*(nw.col(name) == nw.col(other) for other in others), ignore_nulls=True)


def _part_of_date() -> nw.Expr:
    year, month, day = (_same(f"born_{part}") for part in ("year", "month", "day"))
    swapped = year & (nw.col("born_month") == nw.col("born_day_l")) & (nw.col("born_day") == nw.col("born_month_l"))
    return (year & month) | (year & day) | (month & day) | swapped.fill_null(False)


def twins_name(compared: nw.LazyFrame, twins: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable records with `id` and `claimed`, and `people.born_together` -> the `id` of those who bear the name of the claimed person's twin."""
    beside = compared.select("id", "claimed", "given").join(
        twins.select("person", "twin_given", own_given="given"), left_on="claimed", right_on="person", how="inner"
    )
    differs = (nw.col("given") != nw.col("own_given")).fill_null(True)
    return beside.filter((nw.col("given") == nw.col("twin_given")) & differs).select("id").unique()

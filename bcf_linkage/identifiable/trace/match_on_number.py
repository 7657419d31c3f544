"""Match passes 1 and 2: the NHS number, confirmed by the full date of birth, or by part of it and a further field."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable.trace.register_numbers import REGISTER_NUMBER_COLUMNS

REGISTER_LOOKUP_COLUMNS = tuple(name for name in REGISTER_NUMBER_COLUMNS if name not in ("number", "opted_out"))


def cross_check(records: nw.LazyFrame, numbers: nw.LazyFrame, placeholder_dates: Sequence[str]) -> nw.LazyFrame:
    """Run pass 1: records with `number`, `number_state` and `birth_date` -> the same rows with `trace_reason`, `person_number` and `claimed`.

    `claimed` is the person to whom the number belongs, confirmed or not. A placeholder date confirms nothing.
    """
    record_date, register_date = nw.col("birth_date"), nw.col("register_birth_date")
    reason = (
        nw.when(record_date.is_null() | register_date.is_null())
        .then(nw.lit("birth_date_missing"))
        .when(record_date.is_in(placeholder_dates))
        .then(nw.lit("default_birth_date"))
        .when(record_date != register_date)
        .then(nw.lit("birth_date_conflict"))
        .otherwise(_number_reason())
    )
    return _add_result(_join_register(records, numbers), reason)


def match_register_rows(records: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Match the register's own rows, which need no second field -> the same rows with the columns that `cross_check` adds."""
    return _add_result(_join_register(records, numbers), _number_reason())


def _join_register(records: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    return records.join(numbers.select("number", *(nw.col(name).alias(f"register_{name}") for name in REGISTER_LOOKUP_COLUMNS)), on="number", how="left")


def _number_reason() -> nw.Expr:
    return nw.when(nw.col("register_superseded")).then(nw.lit("superseded_number")).otherwise(nw.lit("cross_check"))


def _add_result(joined: nw.LazyFrame, number_reason: nw.Expr) -> nw.LazyFrame:
    """Turn records joined to the register into records with a result. `number_reason` applies where the number is sound, listed and one person's."""
    is_sound = nw.col("number_state") == nhs_number.SOUND
    is_listed = nw.col("register_listed").fill_null(False)
    reason = (
        nw.when(~is_sound)
        .then(nw.col("number_state"))
        .when(~is_listed)
        .then(nw.lit("not_on_register"))
        .when(nw.col("register_shared"))
        .then(nw.lit("number_shared"))
        .otherwise(number_reason)
    )
    person_number = nw.when(~nw.col("trace_reason").is_in(reasons_for(Outcome.UNLINKED))).then(nw.coalesce("register_person_number", "number"))
    return (
        joined.with_columns(
            trace_reason=reason,
            claimed=nw.when(is_sound & is_listed).then(nw.col("register_person_number")),
        )
        .with_columns(person_number=person_number)
        .drop(*(f"register_{name}" for name in REGISTER_LOOKUP_COLUMNS))
    )


def cross_check_partial(records: nw.LazyFrame, entries: nw.LazyFrame) -> nw.LazyFrame:
    """Run pass 2: standardised records with `id` and `claimed` -> `id` and `person` of those that it confirms.

    Two of day, month and year agree, or day and month are swapped. Besides, both names agree; or the outward half of the postcode agrees
    and the given name does not differ.
    """
    candidates = records.filter(~nw.col("claimed").is_null()).join(
        entries.filter(~nw.col("shared")), left_on="claimed", right_on="person", how="inner", suffix="_l"
    )
    given_agrees = _agrees("given") | _agrees("given_first")
    family_agrees = (
        _agrees("family") | _agrees_with_any("family", "family_first_l", "family_last_l") | _agrees_with_any("family_l", "family_first", "family_last")
    )
    given_not_contradicted = nw.col("given").is_null() | nw.col("given_l").is_null() | given_agrees
    confirmed = candidates.filter(_date_partly_agrees() & ((given_agrees & family_agrees) | (_agrees("outcode") & given_not_contradicted)))
    return confirmed.select("id", person="claimed").unique()


def _agrees(name: str) -> nw.Expr:
    return (nw.col(name) == nw.col(f"{name}_l")).fill_null(False)


def _agrees_with_any(name: str, *others: str) -> nw.Expr:
    return nw.any_horizontal(*(nw.col(name) == nw.col(other) for other in others), ignore_nulls=True)


def _date_partly_agrees() -> nw.Expr:
    year, month, day = (_agrees(f"born_{part}") for part in ("year", "month", "day"))
    day_month_swapped = year & (nw.col("born_month") == nw.col("born_day_l")) & (nw.col("born_day") == nw.col("born_month_l"))
    return (year & month) | (year & day) | (month & day) | day_month_swapped.fill_null(False)


def select_twin_names(records: nw.LazyFrame, twin_pairs: nw.LazyFrame) -> nw.LazyFrame:
    """Select the `id` of standardised records whose given name is that of the claimed person's twin, by `register_entries.build_twin_pairs`."""
    with_twins = records.select("id", "claimed", "given").join(
        twin_pairs.select("person", "twin_given", own_given="given"), left_on="claimed", right_on="person", how="inner"
    )
    differs_from_own = (nw.col("given") != nw.col("own_given")).fill_null(True)
    return with_twins.filter((nw.col("given") == nw.col("twin_given")) & differs_from_own).select("id").unique()

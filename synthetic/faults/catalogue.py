"""Every fault of a single row: which rows can carry it, and what it does to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults import birth_dates, demographics, numbers, records
from synthetic.faults.draft import Where
from synthetic.faults.world import World


@dataclass(frozen=True)
class RowFault:
    """`carries` says which rows can carry the fault; `spoil` puts it into chosen rows, which then stand as `where` says."""

    spoil: Callable[[pl.DataFrame, Table, World, np.random.Generator], pl.DataFrame]
    carries: Callable[[Table, World], pl.Expr]
    where: Where = "instead"


def _numbered(table: Table, world: World) -> pl.Expr:
    return numbers.PRESENT


def _known(table: Table, world: World) -> pl.Expr:
    return numbers.PRESENT & birth_dates.BIRTH.is_not_null()


ROW_FAULTS: dict[str, RowFault] = {
    "wrong_encoding": RowFault(records.unchanged, records.one_byte_each),
    "wrong_delimiter": RowFault(records.unchanged, records.plain),
    "too_few_fields": RowFault(records.unchanged, records.any_row),
    "too_many_fields": RowFault(records.unchanged, records.any_row),
    "accent_lost": RowFault(demographics.accent_lost, demographics.accented),
    "hyphen_dropped": RowFault(demographics.hyphen_dropped, demographics.hyphenated),
    "apostrophe_dropped": RowFault(demographics.apostrophe_dropped, demographics.with_apostrophe),
    "mc_respelled": RowFault(demographics.mc_respelled, demographics.with_mc),
    "nickname": RowFault(demographics.nickname, demographics.with_nickname),
    "married_name": RowFault(demographics.married_name, demographics.women),
    "names_swapped": RowFault(demographics.names_swapped, demographics.named),
    "moved": RowFault(demographics.moved, demographics.housed),
    "care_home_address": RowFault(demographics.care_home, demographics.housed),
    "hostel_address": RowFault(demographics.hostel, demographics.housed),
    "postcode_mistyped": RowFault(demographics.postcode_mistyped, demographics.housed),
    "number_missing": RowFault(numbers.missing, _numbered),
    "number_mistyped": RowFault(numbers.mistyped, _numbered),
    "number_transposed": RowFault(numbers.transposed, _numbered),
    "number_repeated_digit": RowFault(numbers.repeated_digit, _numbered),
    "number_other_nation": RowFault(numbers.other_nation, _numbered),
    "number_never_issued": RowFault(numbers.never_issued, _numbered),
    "number_short": RowFault(numbers.short, _numbered),
    "number_letters": RowFault(numbers.letters, _numbered),
    "number_spaced": RowFault(numbers.spaced, _numbered),
    "number_of_another": RowFault(numbers.of_another, _known),
    "birth_date_wrong": RowFault(birth_dates.wrong, birth_dates.traced),
    "birth_date_default": RowFault(birth_dates.default, birth_dates.not_first_of_january),
    "birth_date_swapped": RowFault(birth_dates.swapped, birth_dates.swappable),
    "birth_date_missing": RowFault(birth_dates.missing, birth_dates.traced),
    "birth_date_impossible": RowFault(birth_dates.impossible, birth_dates.traced),
    "unknown_code": RowFault(records.unknown_code, records.any_row),
    "unknown_essential_code": RowFault(records.unknown_essential_code, records.any_row),
    "impossible_date": RowFault(records.impossible_date, records.any_row),
    "date_format": RowFault(records.date_format, records.any_row),
    "date_before_1900": RowFault(records.date_before_1900, records.any_row),
    "end_before_start": RowFault(records.end_before_start, records.any_row),
    "key_missing": RowFault(records.key_missing, records.any_row),
    "late": RowFault(records.late, records.ended),
    "future": RowFault(records.future, records.any_row),
    "duplicate": RowFault(records.unchanged, records.any_row, where="after"),
    "sent_again": RowFault(records.unchanged, records.any_row, where="end"),
}

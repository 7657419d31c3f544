"""Every fault of a single row: the rows to which it applies, and the change that it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults import birth_dates, demographics, numbers, records
from synthetic.faults.extract_draft import Placement
from synthetic.faults.fault_context import FaultContext


@dataclass(frozen=True)
class RowFault:
    """`can_apply` selects the rows to which the fault applies. `inject` puts it into chosen rows. `placement` is where the faulty rows go."""

    inject: Callable[[pl.DataFrame, Table, FaultContext, np.random.Generator], pl.DataFrame]
    can_apply: Callable[[Table, FaultContext], pl.Expr]
    placement: Placement = "instead"


def _has_number(table: Table, context: FaultContext) -> pl.Expr:
    return numbers.HAS_NUMBER


def _has_number_and_birth_date(table: Table, context: FaultContext) -> pl.Expr:
    return numbers.HAS_NUMBER & birth_dates.BIRTH.is_not_null()


ROW_FAULTS: dict[str, RowFault] = {
    "wrong_encoding": RowFault(records.leave_unchanged, records.has_latin_1_accent),
    "wrong_delimiter": RowFault(records.leave_unchanged, records.needs_no_quotes),
    "too_few_fields": RowFault(records.leave_unchanged, records.any_row),
    "too_many_fields": RowFault(records.leave_unchanged, records.any_row),
    "accent_lost": RowFault(demographics.remove_accents, demographics.has_accent),
    "hyphen_dropped": RowFault(demographics.remove_hyphens, demographics.has_hyphen),
    "apostrophe_dropped": RowFault(demographics.remove_apostrophe, demographics.has_apostrophe),
    "mc_respelled": RowFault(demographics.respell_mc, demographics.has_mc),
    "nickname": RowFault(demographics.use_nickname, demographics.has_nickname),
    "married_name": RowFault(demographics.change_family_name, demographics.is_woman),
    "names_swapped": RowFault(demographics.swap_names, demographics.has_two_names),
    "moved": RowFault(demographics.use_another_address, demographics.has_address),
    "care_home_address": RowFault(demographics.use_care_home_address, demographics.has_address),
    "hostel_address": RowFault(demographics.use_hostel_address, demographics.has_address),
    "postcode_mistyped": RowFault(demographics.mistype_postcode, demographics.has_address),
    "number_missing": RowFault(numbers.remove_number, _has_number),
    "number_mistyped": RowFault(numbers.mistype_digit, _has_number),
    "number_transposed": RowFault(numbers.transpose_digits, _has_number),
    "number_repeated_digit": RowFault(numbers.repeat_one_digit, _has_number),
    "number_other_nation": RowFault(numbers.use_other_nation_number, _has_number),
    "number_never_issued": RowFault(numbers.use_never_issued_number, _has_number),
    "number_short": RowFault(numbers.cut_last_digit, _has_number),
    "number_letters": RowFault(numbers.replace_digits_with_letters, _has_number),
    "number_spaced": RowFault(numbers.add_spaces, _has_number),
    "number_of_another": RowFault(numbers.use_number_of_another, _has_number_and_birth_date),
    "birth_date_wrong": RowFault(birth_dates.change_birth_date, birth_dates.is_traceable),
    "birth_date_default": RowFault(birth_dates.set_default_birth_date, birth_dates.is_not_first_of_january),
    "birth_date_swapped": RowFault(birth_dates.swap_day_and_month, birth_dates.is_swappable),
    "birth_date_missing": RowFault(birth_dates.remove_birth_date, birth_dates.is_traceable),
    "birth_date_impossible": RowFault(birth_dates.set_impossible_birth_date, birth_dates.is_traceable),
    "unknown_code": RowFault(records.set_unknown_code, records.any_row),
    "unknown_essential_code": RowFault(records.set_unknown_essential_code, records.any_row),
    "impossible_date": RowFault(records.set_impossible_date, records.any_row),
    "date_format": RowFault(records.change_date_format, records.any_row),
    "date_before_1900": RowFault(records.set_date_before_1900, records.any_row),
    "end_before_start": RowFault(records.move_end_before_start, records.any_row),
    "key_missing": RowFault(records.remove_key, records.any_row),
    "late": RowFault(records.move_before_period, records.has_ended),
    "future": RowFault(records.move_after_period, records.any_row),
    "duplicate": RowFault(records.leave_unchanged, records.any_row, placement="after"),
    "sent_again": RowFault(records.leave_unchanged, records.any_row, placement="end"),
}

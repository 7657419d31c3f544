"""Faults of a record's dates, codes and key, one row at a time. `_column` names the column at fault."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Between, Column, Consequence, Identity, NotBefore, OneOf, Required, Table, Type
from synthetic.faults.extract_draft import FAULT_COLUMN
from synthetic.faults.fault_context import FaultContext

UNKNOWN_CODE = "QQ"
SPREADSHEET_ZERO = "1899-12-30"
ACCENTED_LETTER, LATIN_1_TEXT = "[\u00c0-\u00ff]", "^[\u0000-\u00ff]*$"


def set_unknown_code(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write an unknown code into one of the columns in which it is blanked."""
    return _set_value(rows, _coded_columns(table, Consequence.BLANK_VALUE), UNKNOWN_CODE, rng)


def set_unknown_essential_code(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write an unknown code into one of the columns in which it refuses the row."""
    return _set_value(rows, _coded_columns(table, Consequence.REFUSE_ROW), UNKNOWN_CODE, rng)


def set_impossible_date(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write 30 February of the right year."""
    date = _main_date(table)
    return _mark_fault(rows.with_columns(pl.col(date).str.slice(0, 4) + "-02-30"), date)


def change_date_format(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the date day first: 2014-09-30 becomes 30/09/2014."""
    date = _main_date(table)
    return _mark_fault(rows.with_columns(pl.col(date).str.replace(r"^(\d{4})-(\d\d)-(\d\d)$", "$3/$2/$1")), date)


def set_date_before_1900(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the date that a spreadsheet shows for zero."""
    date = next(column for column in table.columns if column.type is Type.DATE and any(isinstance(c, Between) for c in column.constraints))
    return _mark_fault(rows.with_columns(pl.lit(SPREADSHEET_ZERO).alias(date.name)), date.name)


def move_end_before_start(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Move the end to one to thirty days before the start."""
    end, start = _end_and_start(table)
    days = pl.duration(days=pl.lit(pl.Series(rng.integers(1, 31, rows.height))))
    return _mark_fault(rows.with_columns((pl.col(start).str.to_date() - days).cast(pl.String).alias(end)), end)


def remove_key(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Blank the record number."""
    key = table.key[0]
    return _mark_fault(rows.with_columns(pl.lit(None, pl.String).alias(key)), key)


def move_before_period(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Move all dates of the event back, so that it ends 1 to 300 days before the period begins."""
    days = (pl.lit(context.window.start) - pl.col(table.event_end or _main_date(table)).str.to_date()).dt.total_days()
    return _shift_dates(rows, table, days - pl.Series(rng.integers(1, 301, rows.height)))


def move_after_period(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Move all dates of the event forward, so that it begins 1 to 300 days after the as-at date."""
    days = (pl.lit(context.window.end) - pl.col(_main_date(table)).str.to_date()).dt.total_days()
    return _shift_dates(rows, table, days + pl.Series(rng.integers(1, 301, rows.height)))


def leave_unchanged(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Return the row unchanged: it is copied, or changed only when it is written as bytes."""
    return rows


def any_row(table: Table, context: FaultContext) -> pl.Expr:
    """Select every row."""
    return pl.lit(value=True)


def has_ended(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows of events that have ended."""
    return pl.col(table.event_end or _main_date(table)).is_not_null()


def needs_no_quotes(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows without a field that needs quotes, so that semicolons in place of commas leave one field."""
    return ~_row_text(table).str.contains('[,"]')


def has_latin_1_accent(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows with one accented letter in the family name and no character outside Latin-1."""
    return (pl.col("family_name").str.count_matches(ACCENTED_LETTER) == 1) & _row_text(table).str.contains(LATIN_1_TEXT)


def _row_text(table: Table) -> pl.Expr:
    return pl.concat_str(table.names, ignore_nulls=True)


def _coded_columns(table: Table, consequence: Consequence) -> list[str]:
    return [column.name for column, rule in table.rules if isinstance(rule, OneOf) and rule.consequence is consequence]


def _main_date(table: Table) -> str:
    """Return the date column without which a row is refused."""
    required = (c.name for c, rule in table.rules if c.type is Type.DATE and isinstance(rule, Required) and rule.consequence is Consequence.REFUSE_ROW)
    return table.event_date or next(required)


def _end_and_start(table: Table) -> tuple[str, str]:
    """Return the first end column for which a row is refused if it is before its start, and that start column."""
    return next((c.name, r.other) for c, r in table.rules if isinstance(r, NotBefore) and r.consequence is Consequence.REFUSE_ROW)


def _set_value(rows: pl.DataFrame, columns: list[str], value: str, rng: np.random.Generator) -> pl.DataFrame:
    """Write the value into one of the columns, chosen at random for each row."""
    chosen = pl.Series(FAULT_COLUMN, rng.choice(columns, rows.height), pl.String)
    changed = [pl.when(pl.col(FAULT_COLUMN) == name).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name in columns]
    return rows.with_columns(chosen).with_columns(changed)


def _mark_fault(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    return rows.with_columns(pl.lit(column).alias(FAULT_COLUMN))


def _is_event_date(column: Column) -> bool:
    return column.type is Type.DATE and column.identity is not Identity.BIRTH_DATE and column.name != "date_of_death"


def _shift_dates(rows: pl.DataFrame, table: Table, days: pl.Expr) -> pl.DataFrame:
    """Move every date of the event by that many days."""
    dates = [column.name for column in table.columns if _is_event_date(column)]
    return rows.with_columns((pl.col(name).str.to_date() + pl.duration(days=days)).cast(pl.String) for name in dates)

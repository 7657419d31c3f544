"""Faults of what a record says happened: its dates, codes and key, a row at a time. `_column` names the column at fault."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Between, Column, Consequence, Identity, NotBefore, OneOf, Required, Table, Type
from synthetic.faults.draft import AT_FAULT
from synthetic.faults.world import World

UNKNOWN_CODE = "QQ"
SPREADSHEET_ZERO = "1899-12-30"
ACCENTED_LETTER, ONE_BYTE_EACH = "[\u00c0-\u00ff]", "^[\u0000-\u00ff]*$"


def unknown_code(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A code that is in no list, in one of the columns that are blanked for it."""
    return _spoil_one(rows, _coded(table, Consequence.BLANK_VALUE), UNKNOWN_CODE, rng)


def unknown_essential_code(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A code that is in no list, in one of the columns that a row is refused for."""
    return _spoil_one(rows, _coded(table, Consequence.REFUSE_ROW), UNKNOWN_CODE, rng)


def impossible_date(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """30 February of the right year."""
    date = _date(table)
    return _at_fault(rows.with_columns(pl.col(date).str.slice(0, 4) + "-02-30"), date)


def date_format(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """2014-09-30 becomes 30/09/2014."""
    date = _date(table)
    return _at_fault(rows.with_columns(pl.col(date).str.replace(r"^(\d{4})-(\d\d)-(\d\d)$", "$3/$2/$1")), date)


def date_before_1900(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The day that a spreadsheet shows for zero."""
    date = next(column for column in table.columns if column.type is Type.DATE and any(isinstance(c, Between) for c in column.constraints))
    return _at_fault(rows.with_columns(pl.lit(SPREADSHEET_ZERO).alias(date.name)), date.name)


def end_before_start(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The end is one to thirty days before the start."""
    end, start = _end_and_start(table)
    days = pl.duration(days=pl.lit(pl.Series(rng.integers(1, 31, rows.height))))
    return _at_fault(rows.with_columns((pl.col(start).str.to_date() - days).cast(pl.String).alias(end)), end)


def key_missing(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """No record number."""
    key = table.key[0]
    return _at_fault(rows.with_columns(pl.lit(None, pl.String).alias(key)), key)


def late(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """All dates of the event shifted back, so that it was over 1 to 300 days before the period began."""
    days = (pl.lit(world.window.start) - pl.col(table.event_end or _date(table)).str.to_date()).dt.total_days()
    return _shifted(rows, table, days - pl.Series(rng.integers(1, 301, rows.height)))


def future(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """All dates of the event shifted on, so that it begins 1 to 300 days after the as-at date."""
    days = (pl.lit(world.window.end) - pl.col(_date(table)).str.to_date()).dt.total_days()
    return _shifted(rows, table, days + pl.Series(rng.integers(1, 301, rows.height)))


def unchanged(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The row as it is: it is copied, or spoilt only once it is written as bytes."""
    return rows


def any_row(table: Table, world: World) -> pl.Expr:
    """Every row."""
    return pl.lit(value=True)


def ended(table: Table, world: World) -> pl.Expr:
    """Rows of events that are over."""
    return pl.col(table.event_end or _date(table)).is_not_null()


def plain(table: Table, world: World) -> pl.Expr:
    """Rows in which no field needs quotes, so that semicolons for commas leave one field."""
    return ~_line(table).str.contains('[,"]')


def one_byte_each(table: Table, world: World) -> pl.Expr:
    """Rows with one accented letter in the family name and nothing that Latin-1 cannot write."""
    return (pl.col("family_name").str.count_matches(ACCENTED_LETTER) == 1) & _line(table).str.contains(ONE_BYTE_EACH)


def _line(table: Table) -> pl.Expr:
    return pl.concat_str(table.names, ignore_nulls=True)


def _coded(table: Table, consequence: Consequence) -> list[str]:
    return [column.name for column, rule in table.rules if isinstance(rule, OneOf) and rule.consequence is consequence]


def _date(table: Table) -> str:
    """The date that a row is refused without."""
    required = (c.name for c, rule in table.rules if c.type is Type.DATE and isinstance(rule, Required) and rule.consequence is Consequence.REFUSE_ROW)
    return table.event_date or next(required)


def _end_and_start(table: Table) -> tuple[str, str]:
    """The first end that a row is refused for if it is before its start, and that start."""
    return next((c.name, r.other) for c, r in table.rules if isinstance(r, NotBefore) and r.consequence is Consequence.REFUSE_ROW)


def _spoil_one(rows: pl.DataFrame, columns: list[str], value: str, rng: np.random.Generator) -> pl.DataFrame:
    """The value in one of the columns, drawn anew for each row."""
    chosen = pl.Series(AT_FAULT, rng.choice(columns, rows.height), pl.String)
    spoilt = [pl.when(pl.col(AT_FAULT) == name).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name in columns]
    return rows.with_columns(chosen).with_columns(spoilt)


def _at_fault(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    return rows.with_columns(pl.lit(column).alias(AT_FAULT))


def _of_the_event(column: Column) -> bool:
    return column.type is Type.DATE and column.identity is not Identity.BIRTH_DATE and column.name != "date_of_death"


def _shifted(rows: pl.DataFrame, table: Table, days: pl.Expr) -> pl.DataFrame:
    """Every date of the event moved by as many days."""
    dates = [column.name for column in table.columns if _of_the_event(column)]
    return rows.with_columns((pl.col(name).str.to_date() + pl.duration(days=days)).cast(pl.String) for name in dates)

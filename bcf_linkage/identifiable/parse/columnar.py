"""Reads a Parquet delivery as text. What Parquet stores by type is written as a CSV delivery would have it, so that one set of rules serves both."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.identifiable.header import declared_names


def header(table: Table, path: Path) -> tuple[str, ...]:
    """The declared names of a file's columns, in its order. Raises RequestRefused if it cannot be read, or holds a column that has no plain text."""
    schema = _schema(path)
    names = declared_names(table, list(schema), str(path))
    for name, stored in zip(names, schema.values(), strict=True):
        if not _has_text(stored, table[name].type):
            raise RequestRefused(f"{path}: column {name} is stored as {stored}; store it as text")
    return names


def _schema(path: Path) -> dict[str, pl.DataType]:
    if path.stat().st_size == 0:
        raise RequestRefused(f"{path}: is empty (0 bytes); ask its supplier for it again")
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        raise RequestRefused(f"{path}: is not Parquet, or was cut short on its way; ask its supplier for it again") from None


def _has_text(stored: pl.DataType, declared: Type) -> bool:
    """A float is text for a decimal alone: a number or code that went through one may have lost digits."""
    if stored.is_float() or stored.is_decimal():
        return declared is Type.DECIMAL
    return stored.is_integer() or stored in (pl.String, pl.Categorical, pl.Enum, pl.Date, pl.Datetime, pl.Null)


def scan(path: Path, names: tuple[str, ...]) -> pl.LazyFrame:
    """The rows as text, lazily: `row` and the columns in the file's order."""
    schema = _schema(path)
    return pl.scan_parquet(path, row_index_name="row", row_index_offset=1, glob=False).select(
        "row", *(_text(column, stored).alias(name) for (column, stored), name in zip(schema.items(), names, strict=True))
    )


def _text(column: str, stored: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if stored == pl.Date:
        return value.dt.to_string("%Y-%m-%d")
    if stored == pl.Datetime:
        # Many writers know no date without a time. A real time of day stays, so that the row fails the column's type.
        return pl.when(value.dt.time() == pl.time(0)).then(value.dt.to_string("%Y-%m-%d")).otherwise(value.dt.to_string("%Y-%m-%dT%H:%M:%S"))
    return value.cast(pl.String)

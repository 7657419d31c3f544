"""Reads a Parquet delivery as text. What Parquet stores by type is written as a CSV delivery would have it, so that one set of rules serves both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.identifiable.header import declared_names


def header(table: Table, path: Path) -> tuple[str, ...]:
    """The declared names of a file's columns, in its order. Raises RequestRefused if it cannot be read, or holds a column that has no plain text."""
    stored_as = schema(path)
    names = declared_names(table, list(stored_as), str(path))
    for name, stored in zip(names, stored_as.values(), strict=True):
        if not _has_text(stored, table[name].type):
            raise RequestRefused(f"{path}: column {name} is stored as {stored}; store it as text")
    return names


def schema(path: Path) -> dict[str, pl.DataType]:
    """A file's columns and how they are stored. Raises RequestRefused if it cannot be read as Parquet."""
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
    return scan_some(path, dict(zip(schema(path), names, strict=True)))


def scan_some(path: Path, names: Mapping[str, str]) -> pl.LazyFrame:
    """The rows as text, lazily: `row` and some of the file's columns, each under the name given for it."""
    stored = schema(path)
    return pl.scan_parquet(path, row_index_name="row", row_index_offset=1, glob=False).select(
        "row", *(_text(column, stored[column]).alias(name) for column, name in names.items())
    )


def _text(column: str, stored: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if stored == pl.Date:
        return value.dt.to_string("%Y-%m-%d")
    if stored == pl.Datetime:
        # Many writers know no date without a time. A real time of day stays, so that the row fails the column's type.
        return pl.when(value.dt.time() == pl.time(0)).then(value.dt.to_string("%Y-%m-%d")).otherwise(value.dt.to_string("%Y-%m-%dT%H:%M:%S"))
    return value.cast(pl.String)

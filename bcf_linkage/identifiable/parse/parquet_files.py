"""Read a Parquet delivery as text. Typed values are converted to the text that a CSV delivery would have, so that the same rules apply to both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.identifiable.header import declared_names


def read_header(table: Table, path: Path) -> tuple[str, ...]:
    """Return the declared names of a file's columns, in its order. Raises UsageError if it cannot be read, or a column has no plain text form."""
    stored_types = read_schema(path)
    names = declared_names(table, list(stored_types), str(path))
    for name, stored_type in zip(names, stored_types.values(), strict=True):
        if not _is_readable_as_text(stored_type, table[name].type):
            raise UsageError(f"{path}: column {name} is stored as {stored_type}; store it as text")
    return names


def read_schema(path: Path) -> dict[str, pl.DataType]:
    """Return a file's columns and their stored types. Raises UsageError if it cannot be read as Parquet."""
    if path.stat().st_size == 0:
        raise UsageError(f"{path}: is empty (0 bytes); ask its supplier for it again")
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        raise UsageError(f"{path}: is not Parquet, or was cut short in transfer; ask its supplier for it again") from None


def _is_readable_as_text(stored_type: pl.DataType, declared_type: Type) -> bool:
    """Return whether a stored type converts to text without loss."""
    # A float is accepted for a decimal only: a number or code that was stored as one may have lost digits.
    if stored_type.is_float() or stored_type.is_decimal():
        return declared_type is Type.DECIMAL
    return stored_type.is_integer() or stored_type in (pl.String, pl.Categorical, pl.Enum, pl.Date, pl.Datetime, pl.Null)


def scan(path: Path, names: tuple[str, ...]) -> pl.LazyFrame:
    """Scan the rows as text, lazily: `row` and the columns in the file's order."""
    return scan_columns(path, dict(zip(read_schema(path), names, strict=True)))


def scan_columns(path: Path, names: Mapping[str, str]) -> pl.LazyFrame:
    """Scan some columns as text, lazily: `row` and the columns of `names`, each under its new name."""
    stored_types = read_schema(path)
    return pl.scan_parquet(path, row_index_name="row", row_index_offset=1, glob=False).select(
        "row", *(_as_text(column, stored_types[column]).alias(name) for column, name in names.items())
    )


def _as_text(column: str, stored_type: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if stored_type == pl.Date:
        return value.dt.to_string("%Y-%m-%d")
    if stored_type == pl.Datetime:
        # Many writers store a date as a timestamp at midnight. A real time of day is kept, so that the row fails the type check.
        return pl.when(value.dt.time() == pl.time(0)).then(value.dt.to_string("%Y-%m-%d")).otherwise(value.dt.to_string("%Y-%m-%dT%H:%M:%S"))
    return value.cast(pl.String)

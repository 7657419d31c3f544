"""Writes the published tables as Parquet, CSV and one DuckDB database. The same rows give the same bytes, in whatever order they come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.schema import Table, Type

DATABASE_FILE = "cohorts.duckdb"

STORAGE_TYPES: dict[Type, tuple[pl.DataType, str]] = {
    Type.TEXT: (pl.String(), "varchar"),
    Type.DATE: (pl.Date(), "date"),
    Type.INTEGER: (pl.Int64(), "bigint"),
    Type.DECIMAL: (pl.Float64(), "double"),
    Type.BOOLEAN: (pl.Boolean(), "boolean"),
}
"""How each declared type is stored, in Parquet and in DuckDB."""

# From version 1.3 of its format DuckDB stores a random identifier, and compressed or large segments hold bytes that were never
# written. Uncompressed segments of the smallest row groups are filled to the end, so their bytes depend on the rows only.
DUCKDB_OPTIONS = "storage_version 'v1.2.0', row_group_size 2048"


def write_tables(frames: Mapping[str, pl.DataFrame], folder: Path, run: str) -> tuple[Path, ...]:
    """Write each published table to `tables/`, to `csv/` and to the database. Return the paths of the files.

    `frames` are named as in `PUBLISHED`, each with the declared columns in any order; the grain is that of the declaration. Raises
    ValueError for other columns, and EnvironmentFault if a file cannot be written.
    """
    tables = {PUBLISHED[name]: _cast_to_declaration(PUBLISHED[name], frames[name]) for name in sorted(frames)}
    try:
        files = [path for table, frame in tables.items() for path in _write_files(table, frame, folder)]
        return (*files, _write_database(tables, folder / DATABASE_FILE, run))
    except (OSError, pl.exceptions.ComputeError, duckdb.Error) as error:
        raise EnvironmentFault(f"{folder}: the tables cannot be written ({type(error).__name__}); check the free space and the right to write there") from None


def _cast_to_declaration(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    if set(frame.columns) != set(table.names):
        raise ValueError(f"{table.name}: the columns {', '.join(sorted(set(frame.columns) ^ set(table.names)))} are not as declared")
    order = [*table.key, *(name for name in table.names if name not in table.key)]
    return frame.select(pl.col(column.name).cast(STORAGE_TYPES[column.type][0]) for column in table.columns).sort(order, nulls_last=True)


def _write_files(table: Table, frame: pl.DataFrame, folder: Path) -> tuple[Path, Path]:
    parquet, csv = folder / "tables" / f"{table.name}.parquet", folder / "csv" / f"{table.name}.csv"
    frame.write_parquet(parquet, mkdir=True)
    csv.parent.mkdir(exist_ok=True)
    frame.write_csv(csv, float_scientific=False)
    return parquet, csv


def _write_database(tables: Mapping[Table, pl.DataFrame], path: Path, run: str) -> Path:
    with duckdb.connect(":memory:", config={"threads": "1", "force_compression": "uncompressed"}) as connection:
        connection.execute(f"attach {_quote_text(str(path))} as published ({DUCKDB_OPTIONS})")
        for table, frame in tables.items():
            connection.register("rows_to_write", frame.to_arrow())
            for statement in _statements(table, run):
                connection.execute(statement)
            connection.unregister("rows_to_write")
        connection.execute("detach published")
    return path


def _statements(table: Table, run: str) -> tuple[str, ...]:
    name = f"published.{_quote_name(table.name)}"
    columns = ", ".join(f"{_quote_name(column.name)} {STORAGE_TYPES[column.type][1]}" for column in table.columns)
    return (
        f"create table {name} ({columns})",
        f"insert into {name} select * from rows_to_write",
        f"comment on table {name} is {_quote_text(f'One row is {table.grain}. Published by run {run}.')}",
        *(f"comment on column {name}.{_quote_name(column.name)} is {_quote_text(column.meaning)}" for column in table.columns),
    )


def _quote_name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _quote_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

"""What a file holds packed away, as text: the columns of Parquet and of DuckDB, SQLite, and what Prefect pickles."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import polars.selectors as cs
import pyarrow.parquet as pq


def texts_of(file: Path) -> Iterator[tuple[str, str]]:
    """Part of the file -> its text; nothing of a file that is text itself. Columns of dates hold days of events, never of birth, and are left out."""
    if file.suffix == ".parquet":
        yield "metadata", str(pq.read_metadata(file).metadata) + str(pq.read_schema(file))
        yield from _columns(pl.read_parquet(file, glob=False))
    elif file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as database:
            for (table,) in database.execute("select table_name from information_schema.tables").fetchall():
                yield from ((f"table {table}, {part}", text) for part, text in _columns(database.table(table).pl()))
    elif file.suffix in (".db", ".sqlite"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as sqlite:
            yield "as SQL", "\n".join(sqlite.iterdump())
    elif file.parent.name == "storage":
        try:
            yield "pickled", base64.b64decode(file.read_bytes()).decode("utf-8", "ignore")
        except binascii.Error:
            return


def _columns(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Each distinct value of a column on a line of its own: texts and whole numbers as they are, bytes in hexadecimal."""
    for column in frame.select(cs.string() | cs.integer()).columns:
        yield f"column {column}", "\n".join(frame[column].drop_nulls().unique().cast(pl.String))
    for column in frame.select(cs.binary()).columns:
        yield f"column {column}", "\n".join(frame[column].drop_nulls().unique().bin.encode("hex"))

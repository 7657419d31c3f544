"""Extracts text from packed files: Parquet and DuckDB columns, SQLite databases and results that Prefect pickles."""

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


def extract_texts(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each part of a packed file with its text; nothing for a plain text file.

    Date columns are left out, as they hold dates of events, never of birth.
    """
    if file.suffix == ".parquet":
        yield "metadata", str(pq.read_metadata(file).metadata) + str(pq.read_schema(file))
        yield from _column_texts(pl.read_parquet(file, glob=False))
    elif file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as database:
            for (table,) in database.execute("select table_name from information_schema.tables").fetchall():
                yield from ((f"table {table}, {part}", text) for part, text in _column_texts(database.table(table).pl()))
    elif file.suffix in (".db", ".sqlite"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as sqlite:
            yield "as SQL", "\n".join(sqlite.iterdump())
    elif file.parent.name == "storage":
        try:
            yield "pickled", base64.b64decode(file.read_bytes()).decode("utf-8", "ignore")
        except binascii.Error:
            return


def _column_texts(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield each column with its distinct values, one per line: text and whole numbers as they are, bytes in hexadecimal."""
    for column in frame.select(cs.string() | cs.integer()).columns:
        yield f"column {column}", "\n".join(frame[column].drop_nulls().unique().cast(pl.String))
    for column in frame.select(cs.binary()).columns:
        yield f"column {column}", "\n".join(frame[column].drop_nulls().unique().bin.encode("hex"))

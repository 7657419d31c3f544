"""Faults that exist only in the bytes of a CSV file. Each function converts one sound row to its faulty line."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

ByteFault = Callable[[pl.DataFrame], bytes]


def csv_line(row: pl.DataFrame, separator: str = ",") -> bytes:
    """Return one row as a line of CSV, without a header."""
    return row.write_csv(include_header=False, separator=separator).encode()


def wrong_encoding(row: pl.DataFrame) -> bytes:
    """Return the line in Latin-1."""
    return csv_line(row).decode().encode("latin-1")


def wrong_delimiter(row: pl.DataFrame) -> bytes:
    """Return the line with semicolons in place of commas."""
    return csv_line(row, separator=";")


def too_few_fields(row: pl.DataFrame) -> bytes:
    """Return the line without its last field."""
    return csv_line(row[:, :-1])


def too_many_fields(row: pl.DataFrame) -> bytes:
    """Return the line with one extra field."""
    return csv_line(row.with_columns(pl.lit("1").alias("one field too many")))


BYTE_FAULTS: dict[str, ByteFault] = {fault.__name__: fault for fault in (wrong_encoding, wrong_delimiter, too_few_fields, too_many_fields)}

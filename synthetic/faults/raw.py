"""Faults that only the bytes of a CSV file can have: each turns one sound row into the line that is written for it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

RawFault = Callable[[pl.DataFrame], bytes]


def line(row: pl.DataFrame, separator: str = ",") -> bytes:
    """One row as a line of CSV, without a header."""
    return row.write_csv(include_header=False, separator=separator).encode()


def wrong_encoding(row: pl.DataFrame) -> bytes:
    """The line in Latin-1."""
    return line(row).decode().encode("latin-1")


def wrong_delimiter(row: pl.DataFrame) -> bytes:
    """The line with semicolons for commas."""
    return line(row, separator=";")


def too_few_fields(row: pl.DataFrame) -> bytes:
    """The line without its last field."""
    return line(row[:, :-1])


def too_many_fields(row: pl.DataFrame) -> bytes:
    """The line with one field more."""
    return line(row.with_columns(pl.lit("1").alias("one field too many")))


RAW: dict[str, RawFault] = {fault.__name__: fault for fault in (wrong_encoding, wrong_delimiter, too_few_fields, too_many_fields)}

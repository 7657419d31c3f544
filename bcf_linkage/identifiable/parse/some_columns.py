"""Reads any table as text by the columns that are wanted of it, whichever of them it has, in whatever order and beside whatever else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.header import spelt
from bcf_linkage.identifiable.parse import columnar, delimited
from bcf_linkage.identifiable.parse.delimited import Line

Wanted = Mapping[str, Sequence[str]]
"""Column to the other names that it may go by. Letter case and punctuation never matter."""

UNREADABLE = {
    Line.TOO_FEW_FIELDS: "too few fields",
    Line.TOO_MANY_FIELDS: "too many fields",
    Line.ENCODING: "another encoding than UTF-8",
    Line.QUOTING: "quotes that do not close",
}


@dataclass(frozen=True)
class SomeColumns:
    """A table's rows as text, in their order: `row`, counted from 1, and every wanted column, null where the file lacks it."""

    text: pl.DataFrame
    found: tuple[str, ...]
    ignored: int


def some_columns(path: Path, wanted: Wanted) -> SomeColumns:
    """Read a CSV or Parquet file whole. Raises RequestRefused with the file, what is wrong with it and what to do."""
    if not path.is_file():
        raise RequestRefused(f"{path}: no such file; name a CSV or Parquet file")
    if path.suffix.lower() == ".csv":
        read = _csv(path, wanted)
    elif path.suffix.lower() in (".parquet", ".pq"):
        read = _parquet(path, wanted)
    else:
        raise RequestRefused(f"{path}: is neither .csv nor .parquet; save it as one of the two")
    if read.text.is_empty():
        raise RequestRefused(f"{path}: is empty: a header and no row")
    return read


def matched(fields: Sequence[str], wanted: Wanted, path: Path) -> tuple[str | None, ...]:
    """The wanted column that each field is, None for any other. Raises RequestRefused if one is there twice, or none at all."""
    names = {spelt(name): column for column, others in wanted.items() for name in (column, *others)}
    found = tuple(names.get(spelt(field)) for field in fields)
    if twice := sorted({name for name in found if name is not None and found.count(name) > 1}):
        raise RequestRefused(f"{path}: the header has {', '.join(twice)} more than once; leave one column of each")
    if not any(found):
        raise RequestRefused(f"{path}: the first line names none of the columns {', '.join(wanted)}; begin the file with a header")
    return found


def _csv(path: Path, wanted: Wanted) -> SomeColumns:
    fields = delimited.fields(path)
    found = matched(fields, wanted, path)
    names = tuple(name or f" {n}" for n, name in enumerate(found))
    lines = delimited.read_lines(path, len(names))
    for line, words in UNREADABLE.items():
        if len(at := lines.found(line)):
            raise RequestRefused(f"{path}: {len(at):,} of its {lines.total:,} rows have {words}, the first in row {int(at[0]):,}; mend them or leave them out")
    return _whole(delimited.scan(path, names, lines), found, wanted)


def _parquet(path: Path, wanted: Wanted) -> SomeColumns:
    schema = columnar.schema(path)
    found = matched(list(schema), wanted, path)
    columns = {column: name for column, name in zip(schema, found, strict=True) if name is not None}
    return _whole(columnar.scan_some(path, columns), found, wanted)


def _whole(text: pl.LazyFrame, found: Sequence[str | None], wanted: Wanted) -> SomeColumns:
    here = tuple(name for name in found if name is not None)
    bare = text.with_columns(pl.col(here).str.strip_chars()).with_columns(pl.when(pl.col(here) != "").then(pl.col(here)))
    missing = [pl.lit(None, pl.String).alias(name) for name in wanted if name not in here]
    rows = bare.with_columns(missing).select("row", *wanted).collect(engine="streaming")
    return SomeColumns(rows.sort("row"), here, len(found) - len(here))

"""Read selected columns of any CSV or Parquet table as text, in any order and whatever other columns it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.identifiable.header import normalise_column_name
from bcf_linkage.identifiable.parse import csv_files, parquet_files
from bcf_linkage.identifiable.parse.csv_files import LineStatus

WantedColumns = Mapping[str, Sequence[str]]
"""Column to its synonyms. Letter case and punctuation do not matter."""

UNREADABLE_LABELS = {
    LineStatus.TOO_FEW_FIELDS: "too few fields",
    LineStatus.TOO_MANY_FIELDS: "too many fields",
    LineStatus.ENCODING: "another encoding than UTF-8",
    LineStatus.QUOTING: "quotes that do not close",
}


@dataclass(frozen=True)
class SelectedColumns:
    """A table's rows as text, in their order: `row` from 1, and every wanted column, null where the file lacks it.

    `present` are the wanted columns that the file has, `ignored` the number of its other columns.
    """

    text: pl.DataFrame
    present: tuple[str, ...]
    ignored: int


def read_selected_columns(path: Path, wanted: WantedColumns) -> SelectedColumns:
    """Read a whole CSV or Parquet file. Raises UsageError with the file, its fault and what to do."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file; name a CSV or Parquet file")
    if path.suffix.lower() == ".csv":
        selected = _read_csv(path, wanted)
    elif path.suffix.lower() in (".parquet", ".pq"):
        selected = _read_parquet(path, wanted)
    else:
        raise UsageError(f"{path}: is neither .csv nor .parquet; save it as one of the two")
    if selected.text.is_empty():
        raise UsageError(f"{path}: is empty: a header and no row")
    return selected


def match_columns(fields: Sequence[str], wanted: WantedColumns, path: Path) -> tuple[str | None, ...]:
    """Return the wanted column of each field, None for any other field. Raises UsageError if one is there twice, or none at all."""
    names = {normalise_column_name(name): column for column, synonyms in wanted.items() for name in (column, *synonyms)}
    matches = tuple(names.get(normalise_column_name(field)) for field in fields)
    if repeated := sorted({name for name in matches if name is not None and matches.count(name) > 1}):
        raise UsageError(f"{path}: the header has {', '.join(repeated)} more than once; leave one column of each")
    if not any(matches):
        raise UsageError(f"{path}: the first line names none of the columns {', '.join(wanted)}; begin the file with a header")
    return matches


def _read_csv(path: Path, wanted: WantedColumns) -> SelectedColumns:
    fields = csv_files.read_fields(path)
    matches = match_columns(fields, wanted, path)
    # Ignored columns need distinct names; no wanted column begins with a space.
    names = tuple(name or f" {n}" for n, name in enumerate(matches))
    lines = csv_files.read_lines(path, len(names))
    for status, label in UNREADABLE_LABELS.items():
        if len(positions := lines.positions_of(status)):
            raise UsageError(
                f"{path}: {len(positions):,} of its {lines.total:,} rows have {label}, the first in row {int(positions[0]):,}; correct them or leave them out"
            )
    return _collect_rows(csv_files.scan(path, names, lines), matches, wanted)


def _read_parquet(path: Path, wanted: WantedColumns) -> SelectedColumns:
    schema = parquet_files.read_schema(path)
    matches = match_columns(list(schema), wanted, path)
    columns = {column: name for column, name in zip(schema, matches, strict=True) if name is not None}
    return _collect_rows(parquet_files.scan_columns(path, columns), matches, wanted)


def _collect_rows(text: pl.LazyFrame, matches: Sequence[str | None], wanted: WantedColumns) -> SelectedColumns:
    present = tuple(name for name in matches if name is not None)
    stripped = text.with_columns(pl.col(present).str.strip_chars()).with_columns(pl.when(pl.col(present) != "").then(pl.col(present)))
    missing = [pl.lit(None, pl.String).alias(name) for name in wanted if name not in present]
    rows = stripped.with_columns(missing).select("row", *wanted).collect(engine="streaming")
    return SelectedColumns(rows.sort("row"), present, len(matches) - len(present))

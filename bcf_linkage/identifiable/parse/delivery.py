"""Open a delivery: one file as a supplier sent it.

Files are read here, so this module uses Polars and not Narwhals. What is read stays in memory and is never written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable.parse import csv_files, parquet_files
from bcf_linkage.identifiable.parse.csv_files import LineStatus
from bcf_linkage.identifiable.parse.written_forms import standard_forms

UNREADABLE_STATUSES = (LineStatus.TOO_FEW_FIELDS, LineStatus.TOO_MANY_FIELDS, LineStatus.ENCODING, LineStatus.QUOTING)


@dataclass(frozen=True)
class ParsedDelivery:
    """One file: how many rows it has, how many of them are unreadable by reason, and the readable ones as text.

    `text` is lazy: `row` (position in the file) and the declared columns in their declared order, one row per readable row.
    """

    path: Path
    rows: int
    unreadable: Mapping[str, int]
    text: pl.LazyFrame

    @property
    def file(self) -> str:
        """The file's name, as in ledgers and reports."""
        return self.path.name

    @property
    def readable(self) -> int:
        """The number of rows that can be read."""
        return self.rows - sum(self.unreadable.values())


def list_delivery_files(folder: Path) -> tuple[Path, ...]:
    """Return the deliveries in a landing folder, in order of name. Raises UsageError if there is none."""
    files = tuple(sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith(".")))
    if not files:
        raise UsageError(f"{folder}: holds no file; put the delivery there as CSV or Parquet")
    return files


def open_deliveries(table: Table, files: Sequence[Path]) -> tuple[ParsedDelivery, ...]:
    """Open the files of one extract, in order of name.

    Raises UsageError or DataQualityError, with the file and its fault, for a file that is missing, empty, there twice or cannot be read.
    """
    for path in files:
        if not path.is_file():
            raise UsageError(f"{path}: no such file; put the delivery of {table.name} there as CSV or Parquet")
    _refuse_identical_files(files)
    return tuple(_open(table, path) for path in sorted(files, key=lambda path: path.name))


def _open(table: Table, path: Path) -> ParsedDelivery:
    if path.suffix.lower() == ".csv":
        delivery = _open_csv(table, path)
    elif path.suffix.lower() in (".parquet", ".pq"):
        delivery = _open_parquet(table, path)
    else:
        raise UsageError(f"{path}: is neither .csv nor .parquet; deliver {table.name} as one of the two")
    if delivery.rows == 0:
        raise UsageError(f"{path}: is empty: a header and no row; ask its supplier for it again")
    if delivery.readable == 0:
        reasons = ", ".join(f"{rows} {reason}" for reason, rows in delivery.unreadable.items())
        raise DataQualityError(f"{path}: none of its {delivery.rows} rows can be read ({reasons}); ask its supplier for it again")
    return delivery


def _open_csv(table: Table, path: Path) -> ParsedDelivery:
    names = csv_files.read_header(table, path)
    lines = csv_files.read_lines(path, len(names))
    unreadable = {status.name.lower(): len(positions) for status in UNREADABLE_STATUSES if len(positions := lines.positions_of(status))}
    text = csv_files.scan(path, names, lines).select("row", *table.names).pipe(standard_forms, table)
    return ParsedDelivery(path=path, rows=lines.total - len(lines.positions_of(LineStatus.BLANK)), unreadable=unreadable, text=text)


def _open_parquet(table: Table, path: Path) -> ParsedDelivery:
    text = parquet_files.scan(path, parquet_files.read_header(table, path)).select("row", *table.names).pipe(standard_forms, table)
    return ParsedDelivery(path=path, rows=text.select(pl.len()).collect().item(), unreadable={}, text=text)


def _refuse_identical_files(files: Sequence[Path]) -> None:
    """Raise UsageError for a second delivery of the same bytes."""
    # Only files of the same size can be equal, so most files are not read for this.
    sizes = Counter(path.stat().st_size for path in files)
    seen: dict[bytes, Path] = {}
    for path in files:
        if sizes[path.stat().st_size] > 1 and (first := seen.setdefault(_digest(path), path)) is not path:
            raise UsageError(f"{path}: is the same delivery as {first.name}; remove one of the two")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()

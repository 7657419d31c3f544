"""A delivery: one file as a supplier sent it.

This is where the files are read, so it works on Polars and not on Narwhals. What is read stays in memory: nothing of it is
ever written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import DataRefused, RequestRefused
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable.parse import columnar, delimited
from bcf_linkage.identifiable.parse.delimited import Line

UNREADABLE = (Line.TOO_FEW_FIELDS, Line.TOO_MANY_FIELDS, Line.ENCODING, Line.QUOTING)


@dataclass(frozen=True)
class Delivery:
    """One file: its rows, how many cannot be read and why, and the others as text.

    `text` is lazy: `row` (position in the file) and the declared columns in their declared order, one row per readable row.
    """

    path: Path
    rows: int
    unreadable: Mapping[str, int]
    text: pl.LazyFrame

    @property
    def file(self) -> str:
        """The file's name, as ledgers and reports have it."""
        return self.path.name

    @property
    def readable(self) -> int:
        """Rows that can be read."""
        return self.rows - sum(self.unreadable.values())


def files_in(folder: Path) -> tuple[Path, ...]:
    """The deliveries in a landing folder, in order of name. Raises RequestRefused if there is none."""
    files = tuple(sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith(".")))
    if not files:
        raise RequestRefused(f"{folder}: holds no file; put the delivery there as CSV or Parquet")
    return files


def opened(table: Table, files: Sequence[Path]) -> tuple[Delivery, ...]:
    """The files of one extract, in order of name. Raises a Refusal with the file and what is wrong with it."""
    for path in files:
        if not path.is_file():
            raise RequestRefused(f"{path}: no such file; put the delivery of {table.name} there as CSV or Parquet")
    _refuse_twins(files)
    return tuple(_open(table, path) for path in sorted(files, key=lambda path: path.name))


def _open(table: Table, path: Path) -> Delivery:
    if path.suffix.lower() == ".csv":
        delivery = _open_csv(table, path)
    elif path.suffix.lower() in (".parquet", ".pq"):
        delivery = _open_parquet(table, path)
    else:
        raise RequestRefused(f"{path}: is neither .csv nor .parquet; deliver {table.name} as one of the two")
    if delivery.rows == 0:
        raise RequestRefused(f"{path}: is empty: a header and no row; ask its supplier for it again")
    if delivery.readable == 0:
        reasons = ", ".join(f"{rows} {reason}" for reason, rows in delivery.unreadable.items())
        raise DataRefused(f"{path}: none of its {delivery.rows} rows can be read ({reasons}); ask its supplier for it again")
    return delivery


def _open_csv(table: Table, path: Path) -> Delivery:
    names = delimited.header(table, path)
    lines = delimited.read_lines(path, len(names))
    unreadable = {line.name.lower(): len(found) for line in UNREADABLE if len(found := lines.found(line))}
    text = delimited.scan(path, names, lines).select("row", *table.names)
    return Delivery(path, lines.total - len(lines.found(Line.BLANK)), unreadable, text)


def _open_parquet(table: Table, path: Path) -> Delivery:
    text = columnar.scan(path, columnar.header(table, path)).select("row", *table.names)
    return Delivery(path, text.select(pl.len()).collect().item(), {}, text)


def _refuse_twins(files: Sequence[Path]) -> None:
    """Refuse a second delivery of the same bytes. Only files of one size can be the same, so most are never read for this."""
    sizes = Counter(path.stat().st_size for path in files)
    seen: dict[bytes, Path] = {}
    for path in files:
        if sizes[path.stat().st_size] > 1 and (first := seen.setdefault(_digest(path), path)) is not path:
            raise RequestRefused(f"{path}: is the same delivery as {first.name}; take one of the two away")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()

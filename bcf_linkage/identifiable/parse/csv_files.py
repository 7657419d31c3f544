"""Read a comma-separated delivery as text, line by line.

A row is a line: a value cannot have a line break. So a broken quote makes its own line unreadable and no other. The position of a row is
that of its line; the first line below the header is 1. Each line is checked as bytes before any parser reads it. Fields are separated by
commas; a field may be in double quotes, and a double quote inside it is written twice (RFC 4180).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable.header import declared_names, is_header

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

BLOCK_BYTES = 1 << 20
"""Bytes that are checked at a time: one mebibyte keeps memory small and the number of steps low."""

MAX_HEADER_BYTES = 1 << 20
"""Bytes that are read of the first line, so that a file without line breaks is not read whole."""

LF, CR, COMMA, QUOTE = (ord(sign) for sign in '\n\r,"')
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
IS_QUOTED_FIELD_BORDER = np.isin(np.arange(256), (COMMA, LF, QUOTE))
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class LineStatus(IntEnum):
    """The status of a line. Of several faults the highest counts."""

    SOUND = 0
    TOO_FEW_FIELDS = 1
    TOO_MANY_FIELDS = 2
    ENCODING = 3
    QUOTING = 4
    BLANK = 5  # no row at all


@dataclass(frozen=True)
class LineStatuses:
    """The lines below the header: how many there are, and the positions (from 1) and statuses of those that are not sound."""

    total: int
    positions: Positions
    statuses: Bytes

    def positions_of(self, status: LineStatus) -> Positions:
        """Return the positions of the lines with this status."""
        matching: Positions = self.positions[self.statuses == status]
        return matching


def read_header(table: Table, path: Path) -> tuple[str, ...]:
    """Return the declared names of a file's columns, in its order. Raises UsageError for an empty file or a header that cannot be used."""
    line = _read_first_line(path)
    for delimiter, delimiter_name in DELIMITERS.items():
        fields = line.split(delimiter)
        if len(fields) > 1 and is_header(table, fields):
            raise UsageError(f"{path}: the header's columns are separated by {delimiter_name}; separate them by commas")
    return declared_names(table, _split_fields(line, path), str(path))


def read_fields(path: Path) -> list[str]:
    """Return the fields of a file's first line. Raises UsageError for an empty file, or one that is no text in UTF-8."""
    return _split_fields(_read_first_line(path), path)


def _read_first_line(path: Path) -> str:
    with path.open("rb") as file:
        raw_line = file.readline(MAX_HEADER_BYTES)
    line = _decode_line(raw_line, str(path)).rstrip("\n").rstrip("\r")
    if "\r" in line:
        raise UsageError(f"{path}: its lines end in a carriage return alone; save it with line feeds (LF or CRLF)")
    return line


def _decode_line(raw_line: bytes, file: str) -> str:
    if not raw_line:
        raise UsageError(f"{file}: is empty (0 bytes); ask its supplier for it again")
    if b"\0" in raw_line:
        kind = "UTF-16" if raw_line.startswith(UTF_16_MARKS) else "no text, or UTF-16"
        raise UsageError(f"{file}: is {kind}; save it as CSV in UTF-8")
    try:
        return raw_line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: the header is in another encoding than UTF-8; save it as CSV in UTF-8") from None


def _split_fields(line: str, path: Path) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [""])
    except csv.Error:
        raise UsageError(f"{path}: the quotes in the header do not close; put all column names on the first line") from None


def read_lines(path: Path, field_count: int) -> LineStatuses:
    """Classify every line below the header, one block at a time."""
    total, positions, statuses = 0, [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
    for block in _blocks(path):
        block_statuses = classify_lines(block, field_count)
        faulty = np.flatnonzero(block_statuses)
        positions.append(faulty + total + 1)
        statuses.append(block_statuses[faulty])
        total += len(block_statuses)
    return LineStatuses(total, np.concatenate(positions), np.concatenate(statuses))


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file below its header in blocks of whole lines; the last line gets a line feed if it has none."""
    with path.open("rb") as file:
        file.readline()
        while block := file.read(BLOCK_BYTES) + file.readline():
            yield block if block.endswith(b"\n") else block + b"\n"


def classify_lines(block: bytes, field_count: int) -> Bytes:
    """Return the `LineStatus` of each line of a block of whole lines, which should have `field_count` fields each."""
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == LF)
    commas = np.flatnonzero(text == COMMA)
    statuses = np.zeros(len(ends), np.uint8)
    misquoted = np.empty(0, np.int64)
    if b'"' in block:
        misquoted, is_quoted = _find_quoting_faults(text, ends)
        commas = commas[is_quoted[commas] == 0]
    field_counts = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
    # From the least to the most serious status: a later one overwrites an earlier one.
    statuses[field_counts < field_count] = LineStatus.TOO_FEW_FIELDS
    statuses[field_counts > field_count] = LineStatus.TOO_MANY_FIELDS
    if not block.isascii():
        statuses[_find_undecodable(block, text, ends)] = LineStatus.ENCODING
    statuses[misquoted] = LineStatus.QUOTING
    length = np.diff(ends, prepend=-1) - 1
    statuses[(length == 0) | ((length == 1) & (text[ends - 1] == CR))] = LineStatus.BLANK
    return statuses


def _find_quoting_faults(text: Bytes, ends: Positions) -> tuple[Positions, Bytes]:
    """Return the lines whose quotes are unpaired or not at the borders of a field, and for each byte 1 if it is inside quotes.

    The quotes of a line with an odd number are ignored first, so that the pairs of all other lines stay right.
    """
    is_quote = text == QUOTE
    unpaired = np.flatnonzero(np.diff(np.searchsorted(np.flatnonzero(is_quote), ends), prepend=0) % 2)
    for line in unpaired:
        is_quote[ends[line - 1] + 1 if line else 0 : ends[line]] = False
    quotes = np.flatnonzero(is_quote)
    opening, closing = quotes[0::2], quotes[1::2]
    opens = IS_QUOTED_FIELD_BORDER[text[opening - 1]] | (opening == 0)
    closes = IS_QUOTED_FIELD_BORDER[text[closing + 1]] | ((text[closing + 1] == CR) & (text[np.minimum(closing + 2, len(text) - 1)] == LF))
    misplaced = np.searchsorted(ends, opening[~(opens & closes)])
    is_quoted: Bytes = np.cumsum(is_quote, dtype=np.uint8) & np.uint8(1)
    return np.union1d(unpaired, misplaced).astype(np.int64), is_quoted


def _find_undecodable(block: bytes, text: Bytes, ends: Positions) -> list[int]:
    """Return the lines that are not UTF-8."""
    if _is_utf8(block):
        return []
    starts = np.concatenate(([0], ends[:-1] + 1))
    suspects = np.unique(np.searchsorted(ends, np.flatnonzero(text >= 0x80)))
    return [line for line in suspects.tolist() if not _is_utf8(block[starts[line] : ends[line]])]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def scan(path: Path, names: tuple[str, ...], lines: LineStatuses) -> pl.LazyFrame:
    """Scan the sound rows as text, lazily: `row` and the columns in the file's order. A blank is null."""
    misquoted = lines.positions_of(LineStatus.QUOTING)
    return pl.scan_csv(
        _blank_quotes(path, misquoted) if len(misquoted) else path,
        infer_schema=False,
        new_columns=list(names),
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        row_index_name="row",
        row_index_offset=1,
        glob=False,
    ).filter(~pl.col("row").is_in(lines.positions.astype(np.uint32)) if len(lines.positions) else pl.lit(True))


def _blank_quotes(path: Path, lines: Positions) -> bytes:
    """Return the file in memory with the quotes of these lines replaced by spaces, so that no parser reads the next lines as part of them."""
    text = np.frombuffer(path.read_bytes(), np.uint8).copy()
    ends = np.concatenate((np.flatnonzero(text == LF), [len(text)]))
    for line in lines.tolist():
        row = text[ends[line - 1] + 1 : ends[line]]
        row[row == QUOTE] = ord(" ")
    return text.tobytes()

"""Reads a comma-separated delivery as text, line by line.

A row is a line: a value cannot hold a line break. So one broken quote costs its own line and no other, and a row's position
is its line's, the first below the header being 1. A line is judged on its bytes before any reader sees it. Fields are
separated by commas; a field may stand in double quotes, a double quote within it written twice (RFC 4180).
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

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable.header import declared_names, is_header

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

BLOCK = 1 << 20
LONGEST_HEADER = 1 << 20
LF, CR, COMMA, QUOTE = (ord(sign) for sign in '\n\r,"')
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
BESIDE_A_QUOTED_FIELD = np.isin(np.arange(256), (COMMA, LF, QUOTE))
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class Line(IntEnum):
    """What a line turns out to be. Of several faults the highest counts."""

    SOUND = 0
    TOO_FEW_FIELDS = 1
    TOO_MANY_FIELDS = 2
    ENCODING = 3
    QUOTING = 4
    BLANK = 5  # no row at all


@dataclass(frozen=True)
class Lines:
    """The lines below the header: how many, and which of them are not sound, by position from 1."""

    total: int
    position: Positions
    finding: Bytes

    def found(self, line: Line) -> Positions:
        """Positions of the lines that turned out so."""
        at: Positions = self.position[self.finding == line]
        return at


def header(table: Table, path: Path) -> tuple[str, ...]:
    """The declared names of a file's columns, in its order. Raises RequestRefused for an empty file or a header that cannot be used."""
    line = _first_line(path)
    for sign, words in DELIMITERS.items():
        fields = line.split(sign)
        if len(fields) > 1 and is_header(table, fields):
            raise RequestRefused(f"{path}: the header's columns are separated by {words}; separate them by commas")
    return declared_names(table, _fields(line, path), str(path))


def fields(path: Path) -> list[str]:
    """The fields of a file's first line, whatever they are. Raises RequestRefused for an empty file or one that is no text in UTF-8."""
    return _fields(_first_line(path), path)


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        first = file.readline(LONGEST_HEADER)
    line = _decoded(first, str(path)).rstrip("\n").rstrip("\r")
    if "\r" in line:
        raise RequestRefused(f"{path}: its lines end in a carriage return alone; save it with line feeds (LF or CRLF)")
    return line


def _decoded(first: bytes, file: str) -> str:
    if not first:
        raise RequestRefused(f"{file}: is empty (0 bytes); ask its supplier for it again")
    if b"\0" in first:
        kind = "UTF-16" if first.startswith(UTF_16) else "no text, or UTF-16"
        raise RequestRefused(f"{file}: is {kind}; save it as CSV in UTF-8")
    try:
        return first.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestRefused(f"{file}: the header is in another encoding than UTF-8; save it as CSV in UTF-8") from None


def _fields(line: str, path: Path) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [""])
    except csv.Error:
        raise RequestRefused(f"{path}: the quotes in the header do not close; each column's name must stand on the first line") from None


def read_lines(path: Path, fields: int) -> Lines:
    """Judge every line below the header, a block at a time."""
    total, positions, findings = 0, [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
    for block in _blocks(path):
        found = judged(block, fields)
        at = np.flatnonzero(found)
        positions.append(at + total + 1)
        findings.append(found[at])
        total += len(found)
    return Lines(total, np.concatenate(positions), np.concatenate(findings))


def _blocks(path: Path) -> Iterator[bytes]:
    """The file below its header in runs of whole lines, the last made whole."""
    with path.open("rb") as file:
        file.readline()
        while block := file.read(BLOCK) + file.readline():
            yield block if block.endswith(b"\n") else block + b"\n"


def judged(block: bytes, fields: int) -> Bytes:
    """A `Line` for each line of a block of whole lines that should have that many fields."""
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == LF)
    commas = np.flatnonzero(text == COMMA)
    lines = np.zeros(len(ends), np.uint8)
    broken = np.empty(0, np.int64)
    if b'"' in block:
        broken, inside = _quoting(text, ends)
        commas = commas[inside[commas] == 0]
    found = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
    lines[found < fields] = Line.TOO_FEW_FIELDS
    lines[found > fields] = Line.TOO_MANY_FIELDS
    if not block.isascii():
        lines[_undecodable(block, text, ends)] = Line.ENCODING
    lines[broken] = Line.QUOTING
    length = np.diff(ends, prepend=-1) - 1
    lines[(length == 0) | ((length == 1) & (text[ends - 1] == CR))] = Line.BLANK
    return lines


def _quoting(text: Bytes, ends: Positions) -> tuple[Positions, Bytes]:
    """The lines whose quotes do not pair, or do not open at a field's start and close at its end; and for each byte 1 if it lies within quotes."""
    is_quote = text == QUOTE
    odd = np.flatnonzero(np.diff(np.searchsorted(np.flatnonzero(is_quote), ends), prepend=0) % 2)
    for line in odd:
        is_quote[ends[line - 1] + 1 if line else 0 : ends[line]] = False
    quotes = np.flatnonzero(is_quote)
    opening, closing = quotes[0::2], quotes[1::2]
    opens = BESIDE_A_QUOTED_FIELD[text[opening - 1]] | (opening == 0)
    closes = BESIDE_A_QUOTED_FIELD[text[closing + 1]] | ((text[closing + 1] == CR) & (text[np.minimum(closing + 2, len(text) - 1)] == LF))
    amiss = np.searchsorted(ends, opening[~(opens & closes)])
    inside: Bytes = np.cumsum(is_quote, dtype=np.uint8) & np.uint8(1)
    return np.union1d(odd, amiss).astype(np.int64), inside


def _undecodable(block: bytes, text: Bytes, ends: Positions) -> list[int]:
    """The lines that are not UTF-8."""
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


def scan(path: Path, names: tuple[str, ...], lines: Lines) -> pl.LazyFrame:
    """The sound rows as text, lazily: `row` and the columns in the file's order. A blank is null."""
    broken = lines.found(Line.QUOTING)
    return pl.scan_csv(
        _without_quotes(path, broken) if len(broken) else path,
        infer_schema=False,
        new_columns=list(names),
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        row_index_name="row",
        row_index_offset=1,
        glob=False,
    ).filter(~pl.col("row").is_in(lines.position.astype(np.uint32)) if len(lines.position) else pl.lit(True))


def _without_quotes(path: Path, lines: Positions) -> bytes:
    """The file in memory, the quotes of these lines blotted out, so that no reader takes what follows for part of them."""
    text = np.frombuffer(path.read_bytes(), np.uint8).copy()
    ends = np.concatenate((np.flatnonzero(text == LF), [len(text)]))
    for line in lines.tolist():
        row = text[ends[line - 1] + 1 : ends[line]]
        row[row == QUOTE] = ord(" ")
    return text.tobytes()

"""Files of NHS numbers, one per line, in the format of the national service for checking data opt-outs.

A line is ten digits, a comma and a line feed. In a file that is read the comma may be missing. Every other line is refused: a number that
is skipped is an objection that is missed. An error never quotes a line.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import DataQualityError

LINE_PATTERN = "^[0-9]{10},?$"
MAX_FILES_IN_MONTH = 9_999
"""The highest sequence number: the file name has four digits for it."""

MAX_ASCII_BYTE = 0x7F


def render_number_file(numbers: pl.Series) -> bytes:
    """Write numbers in the format of the national service, each once and in order."""
    lines: str = (numbers.unique().sort() + ",\n").str.join("").item()
    return lines.encode("ascii")


def file_name(mailbox: str, day: date, sequence: int) -> str:
    """Return the file name that the service asks for: the sender's mailbox, the day, and the sequence number of the file in its month."""
    return f"{mailbox}-{day:%d%m%y}-{min(sequence, MAX_FILES_IN_MONTH):04d}.dat"


def parse_number_file(content: bytes, path: str, kind: nhs_number.WorkspaceKind) -> pl.Series:
    """Return the numbers of a file, in its order.

    Raises DataQualityError with the line number if a line is not one sound NHS number, or repeats an earlier one.
    """
    if not content:
        raise DataQualityError(f"{path}: is empty; ask for it again")
    for marker, problem in (
        (b"\r", "ends in CR and LF, and must end in LF alone; a program has changed the file: use it as it was received"),
        (b"\0", "holds a zero byte"),
    ):
        if (offset := content.find(marker)) >= 0:
            raise DataQualityError(f"{path}: line {_line_number(content, offset)} {problem}")
    if not content.isascii():
        offset = next(position for position, byte in enumerate(content) if byte > MAX_ASCII_BYTE)
        raise DataQualityError(f"{path}: line {_line_number(content, offset)} is not plain ASCII text; save the file without a byte order mark, in ASCII")
    lines = pl.Series("line", content.decode("ascii").split("\n"))
    if lines[-1]:
        raise DataQualityError(f"{path}: line {len(lines)} has no line feed, so the file may be cut short there; ask for it again")
    return _check_numbers(lines.head(-1), path, kind)


def _check_numbers(lines: pl.Series, path: str, kind: nhs_number.WorkspaceKind) -> pl.Series:
    """Return the numbers of the lines. Raises DataQualityError unless each is sound and there once."""
    _refuse_lines(~lines.str.contains(LINE_PATTERN), path, "is not ten digits and nothing else; a file has no header and no trailer")
    numbers = lines.str.strip_suffix(",").alias("number")
    states = nw.from_native(numbers.to_frame().lazy()).select(state=nhs_number.state(nw.col("number"), kind)).to_native().collect()["state"]
    for state in states.unique().sort():
        if state != nhs_number.SOUND:
            _refuse_lines(states == state, path, f"holds no NHS number that can be used here ({state})")
    _refuse_lines(numbers.is_first_distinct().not_(), path, "repeats the number of an earlier line")
    return numbers


def _refuse_lines(is_broken: pl.Series, path: str, problem: str) -> None:
    if count := int(is_broken.sum()):
        more = f" ({count - 1:,} more lines have the same fault)" if count > 1 else ""
        raise DataQualityError(f"{path}: line {is_broken.arg_max() + 1:,} {problem}{more}; no number of the file is used")  # type: ignore[operator]


def _line_number(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1

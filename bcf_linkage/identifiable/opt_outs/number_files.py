"""Files of NHS numbers, one to the line, in the form that the national service for checking data opt-outs takes and gives.

Ten digits, a comma and a line feed. The comma may be missing where a file is read. Nothing else is let through, since a number that
is passed over is a person whose objection is passed over; and what stands in a line is never told.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import DataRefused

LINE = "^[0-9]{10},?$"
MOST_IN_A_MONTH = 9_999


def written(numbers: pl.Series) -> bytes:
    """Numbers as the national service takes them, each once and in order."""
    lines: str = (numbers.unique().sort() + ",\n").str.join("").item()
    return lines.encode("ascii")


def file_name(mailbox: str, day: date, sequence: int) -> str:
    """What the service asks such a file to be called: the sender's mailbox, the day, and which file of the month it is."""
    return f"{mailbox}-{day:%d%m%y}-{min(sequence, MOST_IN_A_MONTH):04d}.dat"


def read(content: bytes, place: str, kind: nhs_number.Kind) -> pl.Series:
    """The numbers of a file, in its order. Raises DataRefused, with the line, unless every line holds a sound number that no other holds."""
    if not content:
        raise DataRefused(f"{place}: is empty; ask for it again")
    for sign, words in (
        (b"\r", "ends in CR and LF, and must end in LF alone; a program has changed the file: take it as it came"),
        (b"\0", "holds a zero byte"),
    ):
        if (at := content.find(sign)) >= 0:
            raise DataRefused(f"{place}: line {_line(content, at)} {words}")
    if not content.isascii():
        at = next(position for position, byte in enumerate(content) if byte > 0x7F)
        raise DataRefused(f"{place}: line {_line(content, at)} is not plain ASCII text; save the file without a byte order mark, in ASCII")
    lines = pl.Series("line", content.decode("ascii").split("\n"))
    if lines[-1]:
        raise DataRefused(f"{place}: line {len(lines)} has no end, so the file may have broken off there; ask for it again")
    return _sound(lines.head(-1), place, kind)


def _sound(lines: pl.Series, place: str, kind: nhs_number.Kind) -> pl.Series:
    """The lines' numbers. Raises DataRefused unless each is sound and stands once."""
    _refuse(~lines.str.contains(LINE), place, "does not hold ten digits and no more, which is all that a line may hold: no header, no trailer")
    numbers = lines.str.strip_suffix(",").alias("number")
    states = nw.from_native(numbers.to_frame().lazy()).select(state=nhs_number.state(nw.col("number"), kind)).to_native().collect()["state"]
    for state in states.unique().sort():
        if state != nhs_number.SOUND:
            _refuse(states == state, place, f"holds no NHS number that can be used here ({state})")
    _refuse(numbers.is_first_distinct().not_(), place, "repeats the number of an earlier line")
    return numbers


def _refuse(broken: pl.Series, place: str, words: str) -> None:
    if count := int(broken.sum()):
        more = f" ({count - 1:,} more are like it)" if count > 1 else ""
        raise DataRefused(f"{place}: line {broken.arg_max() + 1:,} {words}{more}; nothing of the file is taken")  # type: ignore[operator]


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1

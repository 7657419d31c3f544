"""What a value says, read in Python's own terms and apart from the row rules."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from operator import mul

from bcf_linkage.definitions.schema import Type

WRITTEN = {Type.INTEGER: r"[+-]?[0-9]+", Type.DECIMAL: r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", Type.TRUTH: "true|false"}
"""How a value of a type is written, where a pattern can say it."""

WEIGHTS = range(10, 0, -1)


@lru_cache(maxsize=50_000)
def as_date(text: str) -> date | None:
    """The date that the text writes as YYYY-MM-DD, None if it writes none. Only what reads back as itself was written so."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def has_check_digit(text: str) -> bool:
    """Whether the ten digits, spaces aside, are not all one and their sum, weighed from ten down to one, can be divided by eleven."""
    digits = text.replace(" ", "")
    if len(digits) != 10 or not (digits.isascii() and digits.isdigit()) or digits == digits[0] * 10:
        return False
    # A digit's byte is 48 more than the digit, and 48 times all the weights is a multiple of eleven.
    weighed: int = sum(map(mul, WEIGHTS, digits.encode()))
    return weighed % 11 == 0


def as_number(text: str | None, kind: Type) -> float | None:
    """A number in the order of what the text stands for, a date as YYYYMMDD; None where it is blank or not written as its type."""
    if text is None:
        return None
    if kind is Type.DATE:
        day = as_date(text)
        return None if day is None else float(day.year * 10_000 + day.month * 100 + day.day)
    return float(text) if re.fullmatch(WRITTEN[kind], text) else None

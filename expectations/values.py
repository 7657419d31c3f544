"""Read values in plain Python, independently of the row rules, so that each implementation checks the other."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from operator import mul

from bcf_linkage.definitions.schema import Type

TYPE_PATTERNS = {Type.INTEGER: r"[+-]?[0-9]+", Type.DECIMAL: r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", Type.BOOLEAN: "true|false"}
"""The pattern of a value of each type that a pattern can describe."""

CHECK_DIGIT_WEIGHTS = range(10, 0, -1)


@lru_cache(maxsize=50_000)
def parse_date(text: str) -> date | None:
    """Return the date of a text written YYYY-MM-DD, None for any other text. Python also reads other ISO forms, which are refused."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def has_check_digit(text: str) -> bool:
    """Return whether the text, without spaces, is ten digits with a valid check digit.

    The digits must not be one repeated digit, and 11 must divide their sum with the weights ten to one.
    """
    digits = text.replace(" ", "")
    if len(digits) != 10 or not (digits.isascii() and digits.isdigit()) or digits == digits[0] * 10:
        return False
    # The byte of a digit is 48 more than the digit, and 48 times the sum of the weights (55) is a multiple of 11.
    weighted_sum: int = sum(map(mul, CHECK_DIGIT_WEIGHTS, digits.encode()))
    return weighted_sum % 11 == 0


def parse_number(text: str | None, kind: Type) -> float | None:
    """Return a text as a number that keeps its order, a date as YYYYMMDD. None if it is blank or not of the type."""
    if text is None:
        return None
    if kind is Type.DATE:
        day = parse_date(text)
        return None if day is None else float(day.year * 10_000 + day.month * 100 + day.day)
    return float(text) if re.fullmatch(TYPE_PATTERNS[kind], text) else None

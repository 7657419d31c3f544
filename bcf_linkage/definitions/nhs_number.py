"""The NHS number: how it is written, its check digit, and the ranges of numbers (`reference/nhs_number_ranges.csv`).

A sound number is well formed, not verified: a second fact about the person must confirm it (ISB 0149).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import narwhals as nw

from bcf_linkage.definitions.reference_data import load_csv

WorkspaceKind = Literal["synthetic", "live"]
"""Whether the people of a workspace are synthetic or real. Each kind refuses the numbers of the other."""

SOUND = "sound"
MISSING = "number_missing"
FORMAT = "number_format"
REPEATED_DIGIT = "number_repeated_digit"
CHECK_DIGIT = "number_check_digit"


@dataclass(frozen=True)
class Range:
    """A range of numbers, both ends included: the nation that issues it (or nobody), and its state in a workspace of each kind."""

    first: int
    last: int
    held_by: str
    live: str
    synthetic: str
    source: str
    mark: str

    def meaning(self, kind: WorkspaceKind) -> str:
        """Return `sound`, or the reason why a workspace of this kind refuses a number of the range."""
        return self.live if kind == "live" else self.synthetic


@cache
def ranges() -> tuple[Range, ...]:
    """Return all ranges in order. Together they contain every ten-digit number once."""
    return tuple(Range(int(row.pop("first")), int(row.pop("last")), **row) for row in load_csv("nhs_number_ranges.csv"))


def canonical(text: nw.Expr) -> nw.Expr:
    """Standardise a number as text: remove spaces and hyphens. Null unless exactly ten digits are left."""
    bare = text.str.replace_all("[ -]", "")
    return nw.when(bare.str.contains("^[0-9]{10}$")).then(bare)


def has_valid_check_digit(number: nw.Expr) -> nw.Expr:
    """Return whether ten canonical digits satisfy modulus 11. All ten numbers of one repeated digit do.

    The standard weights the digits, last to first, by 1 to 10; 11 must divide the sum. This sum uses the leading parts
    `n // 10**k` in place of the digits. Their weights are then 1 - 9k, which is 2k + 1 modulo 11.
    """
    value = number.cast(nw.Int64)
    return nw.sum_horizontal(*(value // 10**k * (2 * k + 1) for k in range(10))) % 11 == 0


def is_repeated_digit(number: nw.Expr) -> nw.Expr:
    """Return whether ten canonical digits are one digit ten times."""
    return number.is_in([digit * 10 for digit in "0123456789"])


def state(text: nw.Expr, kind: WorkspaceKind) -> nw.Expr:
    """Return `sound`, or the reason why a workspace of this kind refuses the text as an NHS number.

    Store it as a column before counting or filtering on it: an engine then computes the shared parts only once.
    """
    number = canonical(text)
    value = number.cast(nw.Int64)
    in_range = nw.lit(SOUND)
    for reason, bounds in _rejected_ranges(kind):
        in_range = nw.when(nw.any_horizontal(*(value.is_between(*limits) for limits in bounds), ignore_nulls=True)).then(nw.lit(reason)).otherwise(in_range)
    return (
        nw.when(text.fill_null("").str.strip_chars() == "")
        .then(nw.lit(MISSING))
        .when(number.is_null())
        .then(nw.lit(FORMAT))
        .when(is_repeated_digit(number))
        .then(nw.lit(REPEATED_DIGIT))
        .when(~has_valid_check_digit(number))
        .then(nw.lit(CHECK_DIGIT))
        .otherwise(in_range)
    )


def _rejected_ranges(kind: WorkspaceKind) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    """Yield each reason with the ranges that are refused for it."""
    reasons = dict.fromkeys(r.meaning(kind) for r in ranges() if r.meaning(kind) != SOUND)
    return ((reason, tuple((r.first, r.last) for r in ranges() if r.meaning(kind) == reason)) for reason in reasons)

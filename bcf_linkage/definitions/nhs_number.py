"""The NHS number: how it is written, its check digit, and who holds which range (`reference/nhs_number_ranges.csv`).

Well formed is not verified: a sound number still has to be confirmed with a second fact about the person (ISB 0149).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import narwhals as nw

from bcf_linkage.definitions.reading import rows

Kind = Literal["synthetic", "live"]
"""Whether a workspace holds made-up people or real ones. Each refuses the other's numbers."""

SOUND = "sound"
MISSING = "number_missing"
FORMAT = "number_format"
REPEATED_DIGIT = "number_repeated_digit"
CHECK_DIGIT = "number_check_digit"


@dataclass(frozen=True)
class Range:
    """A run of numbers, both ends included, that one nation holds or nobody, and what it means to a workspace of each kind."""

    first: int
    last: int
    held_by: str
    live: str
    synthetic: str
    source: str
    mark: str

    def meaning(self, kind: Kind) -> str:
        """`sound`, or the reason for which a workspace of this kind refuses a number of the range."""
        return self.live if kind == "live" else self.synthetic


@cache
def ranges() -> tuple[Range, ...]:
    """All ranges, in order; together they hold every ten-digit number once."""
    return tuple(Range(int(row.pop("first")), int(row.pop("last")), **row) for row in rows("nhs_number_ranges.csv"))


def canonical(text: nw.Expr) -> nw.Expr:
    """The ten digits alone: spaces and hyphens removed, null unless just ten digits are left."""
    bare = text.str.replace_all("[ -]", "")
    return nw.when(bare.str.contains("^[0-9]{10}$")).then(bare)


def check_digit_holds(number: nw.Expr) -> nw.Expr:
    """Whether ten canonical digits satisfy modulus 11. All ten numbers of one digit repeated do.

    The standard weighs the digits, the last to the first, by 1 to 10 and asks that 11 divide the sum. With the number's
    leading parts `n // 10**k` in place of its digits, the weights come to 1 - 9k, which is 2k + 1 modulo 11.
    """
    value = number.cast(nw.Int64)
    return nw.sum_horizontal(*(value // 10**k * (2 * k + 1) for k in range(10))) % 11 == 0


def is_repeated_digit(number: nw.Expr) -> nw.Expr:
    """Whether ten canonical digits are one digit, ten times."""
    return number.is_in([digit * 10 for digit in "0123456789"])


def state(text: nw.Expr, kind: Kind) -> nw.Expr:
    """`sound`, or the reason for which a workspace of this kind cannot trust the text as an NHS number.

    A column of its own, made before it is counted or filtered on: engines then work out the parts it shares only once.
    """
    number = canonical(text)
    value = number.cast(nw.Int64)
    in_range = nw.lit(SOUND)
    for reason, bounds in _refused(kind):
        in_range = nw.when(nw.any_horizontal(*(value.is_between(*ends) for ends in bounds), ignore_nulls=True)).then(nw.lit(reason)).otherwise(in_range)
    return (
        nw.when(text.fill_null("").str.strip_chars() == "")
        .then(nw.lit(MISSING))
        .when(number.is_null())
        .then(nw.lit(FORMAT))
        .when(is_repeated_digit(number))
        .then(nw.lit(REPEATED_DIGIT))
        .when(~check_digit_holds(number))
        .then(nw.lit(CHECK_DIGIT))
        .otherwise(in_range)
    )


def _refused(kind: Kind) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    """Each reason with the ranges that it stands for."""
    reasons = dict.fromkeys(r.meaning(kind) for r in ranges() if r.meaning(kind) != SOUND)
    return ((reason, tuple((r.first, r.last) for r in ranges() if r.meaning(kind) == reason)) for reason in reasons)

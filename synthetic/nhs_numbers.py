"""Draw ten-digit numbers with a valid check digit in bulk."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

WEIGHTS = np.arange(10, 1, -1)
SYNTHETIC_RANGE = (9_000_000_000, 9_999_999_999)


def draw_nhs_numbers(rng: np.random.Generator, count: int, low: int, high: int, avoid: Collection[str] = ()) -> list[str]:
    """Return `count` distinct numbers between two bounds with a valid modulus 11 check digit, none of them one digit repeated.

    Raises ValueError if `count` and `avoid` exceed half of the range's valid numbers, because they are found by drawing at random.
    """
    if count + len(avoid) > (high - low) // 20:
        raise ValueError(f"a range of {high - low + 1} numbers is too small to draw {count} from")
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        stems = rng.integers(low // 10, high // 10 + 1, count + 10)
        checks = check_digits(stems)
        drawn |= {f"{stem:09d}{check}": None for stem, check in zip(stems, checks, strict=True) if check < 10}
        # 9999999999 has a valid check digit but is one digit repeated.
        for unusable in [number for number in drawn if number in avoid or len(set(number)) == 1]:
            del drawn[unusable]
    return list(drawn)[:count]


def check_digits(stems: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the check digit of each nine-digit stem; 10 for a stem that has none and is never issued."""
    digits = stems[:, None] // 10 ** np.arange(8, -1, -1) % 10
    return (11 - digits @ WEIGHTS % 11) % 11

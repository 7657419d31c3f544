"""Ten-digit numbers with a sound check digit, made in bulk."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

WEIGHTS = np.arange(10, 1, -1)
SYNTHETIC = (9_000_000_000, 9_999_999_999)


def sound(rng: np.random.Generator, count: int, low: int, high: int, avoid: Collection[str] = ()) -> list[str]:
    """That many different numbers between two bounds whose modulus 11 check digit is right, none of them one digit repeated.

    Raises ValueError for more than half of what the range holds, since they are found by drawing.
    """
    if count + len(avoid) > (high - low) // 20:
        raise ValueError(f"a range of {high - low + 1} numbers is too small to draw {count} from")
    found: dict[str, None] = {}
    while len(found) < count:
        stems = rng.integers(low // 10, high // 10 + 1, count + 10)
        checks = check_digits(stems)
        found |= {f"{stem:09d}{check}": None for stem, check in zip(stems, checks, strict=True) if check < 10}
        for unusable in [number for number in found if number in avoid or len(set(number)) == 1]:
            del found[unusable]
    return list(found)[:count]


def check_digits(stems: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The check digit of each nine-digit stem; 10 where a stem has none and is never issued."""
    digits = stems[:, None] // 10 ** np.arange(8, -1, -1) % 10
    return (11 - digits @ WEIGHTS % 11) % 11

"""NHS numbers drawn in bulk are valid, distinct and in their range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic.nhs_numbers import SYNTHETIC_RANGE, draw_nhs_numbers


def _is_sound(number: str) -> bool:
    return sum(int(digit) * weight for digit, weight in zip(number, range(10, 0, -1), strict=True)) % 11 == 0


@given(st.integers(0, 2**32), st.integers(0, 60))
def test_numbers_are_sound_different_and_never_issued(seed: int, count: int) -> None:
    numbers = draw_nhs_numbers(np.random.default_rng(seed), count, *SYNTHETIC_RANGE)
    assert len(set(numbers)) == len(numbers) == count
    assert all(len(n) == 10 and n.startswith("9") and _is_sound(n) and len(set(n)) > 1 for n in numbers)


@given(st.integers(0, 2**32))
def test_numbers_to_avoid_are_avoided(seed: int) -> None:
    taken = draw_nhs_numbers(np.random.default_rng(seed), 20, 9_000_000_000, 9_000_000_999)
    assert not set(taken) & set(draw_nhs_numbers(np.random.default_rng(seed), 20, 9_000_000_000, 9_000_000_999, taken))


@given(st.integers(0, 2**32))
def test_one_digit_repeated_is_never_drawn(seed: int) -> None:
    assert "9999999999" not in draw_nhs_numbers(np.random.default_rng(seed), 4, 9_999_999_900, 9_999_999_999)


def test_a_range_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="a range of 100 numbers is too small to draw 5 from"):
        draw_nhs_numbers(np.random.default_rng(1), 5, 9_000_000_000, 9_000_000_099)

"""Properties of any NHS number."""

from __future__ import annotations

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.nhs_number import SOUND, WorkspaceKind, canonical, has_valid_check_digit, state

KINDS: tuple[WorkspaceKind, ...] = ("synthetic", "live")

STEMS = st.integers(900_000_000, 999_999_999)
NUMBERS = st.from_regex("[0-9]{10}", fullmatch=True)
WRITTEN = st.text(st.sampled_from("0123456789 -OI\u0669"), max_size=14)


def evaluate(expression: nw.Expr, values: list[str]) -> list[object]:
    return nw.from_native(pl.LazyFrame({"text": values})).select(found=expression).to_native().collect()["found"].to_list()


def check_digits_valid(numbers: list[str]) -> list[object]:
    return evaluate(has_valid_check_digit(nw.col("text")), numbers)


@settings(deadline=None)
@given(STEMS)
def test_a_stem_has_one_check_digit_or_none(stem: int) -> None:
    digits = [int(d) for d in str(stem)]
    remainder = (11 - sum(d * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
    assert check_digits_valid([f"{stem}{check}" for check in range(10)]) == [check == remainder for check in range(10)]


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_never_passes(number: str, position: int, shift: int) -> None:
    wrong = f"{number[:position]}{(int(number[position]) + shift) % 10}{number[position + 1 :]}"
    assert check_digits_valid([number, wrong]) != [True, True]


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 8))
def test_two_swapped_neighbours_never_pass(number: str, position: int) -> None:
    swapped = number[:position] + number[position + 1] + number[position] + number[position + 2 :]
    assert swapped == number or check_digits_valid([number, swapped]) != [True, True]


@settings(deadline=None)
@given(st.lists(WRITTEN, min_size=1))
def test_a_canonical_number_is_ten_digits_and_stays_the_same(texts: list[str]) -> None:
    found = [text for text in evaluate(canonical(nw.col("text")), texts) if isinstance(text, str)]
    assert all(len(text) == 10 and text.isascii() and text.isdigit() for text in found)
    assert not found or evaluate(canonical(nw.col("text")), found) == found


@settings(deadline=None)
@given(NUMBERS, st.lists(st.integers(0, 10), max_size=4), st.sampled_from([" ", "-", " - "]))
def test_spaces_and_hyphens_do_not_matter(number: str, cuts: list[int], separator: str) -> None:
    written = number
    for cut in sorted(cuts, reverse=True):
        written = written[:cut] + separator + written[cut:]
    assert evaluate(canonical(nw.col("text")), [written]) == [number]


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1))
def test_no_number_is_sound_in_both_kinds_of_workspace(numbers: list[str]) -> None:
    synthetic, live = (evaluate(state(nw.col("text"), kind), numbers) for kind in KINDS)
    assert (SOUND, SOUND) not in list(zip(synthetic, live, strict=True))

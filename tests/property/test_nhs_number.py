"""What holds for any NHS number."""

from __future__ import annotations

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.nhs_number import SOUND, Kind, canonical, check_digit_holds, state

KINDS: tuple[Kind, ...] = ("synthetic", "live")

STEMS = st.integers(900_000_000, 999_999_999)
NUMBERS = st.from_regex("[0-9]{10}", fullmatch=True)
WRITTEN = st.text(st.sampled_from("0123456789 -OI\u0669"), max_size=14)


def evaluated(expression: nw.Expr, values: list[str]) -> list[object]:
    return nw.from_native(pl.LazyFrame({"text": values})).select(found=expression).to_native().collect()["found"].to_list()


def holds(numbers: list[str]) -> list[object]:
    return evaluated(check_digit_holds(nw.col("text")), numbers)


@settings(deadline=None)
@given(STEMS)
def test_a_stem_has_one_check_digit_or_none(stem: int) -> None:
    digits = [int(d) for d in str(stem)]
    remainder = (11 - sum(d * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
    assert holds([f"{stem}{check}" for check in range(10)]) == [check == remainder for check in range(10)]


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_never_passes(number: str, at: int, by: int) -> None:
    wrong = f"{number[:at]}{(int(number[at]) + by) % 10}{number[at + 1 :]}"
    assert holds([number, wrong]) != [True, True]


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 8))
def test_two_neighbours_in_each_others_place_never_pass(number: str, at: int) -> None:
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert swapped == number or holds([number, swapped]) != [True, True]


@settings(deadline=None)
@given(st.lists(WRITTEN, min_size=1))
def test_what_is_canonical_is_ten_digits_and_stays_as_it_is(texts: list[str]) -> None:
    found = [text for text in evaluated(canonical(nw.col("text")), texts) if isinstance(text, str)]
    assert all(len(text) == 10 and text.isascii() and text.isdigit() for text in found)
    assert not found or evaluated(canonical(nw.col("text")), found) == found


@settings(deadline=None)
@given(NUMBERS, st.lists(st.integers(0, 10), max_size=4), st.sampled_from([" ", "-", " - "]))
def test_spaces_and_hyphens_do_not_matter(number: str, cuts: list[int], between: str) -> None:
    written = number
    for cut in sorted(cuts, reverse=True):
        written = written[:cut] + between + written[cut:]
    assert evaluated(canonical(nw.col("text")), [written]) == [number]


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1))
def test_no_number_is_sound_in_both_kinds_of_workspace(numbers: list[str]) -> None:
    synthetic, live = (evaluated(state(nw.col("text"), kind), numbers) for kind in KINDS)
    assert (SOUND, SOUND) not in list(zip(synthetic, live, strict=True))

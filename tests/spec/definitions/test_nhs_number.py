"""The NHS number, in tables of cases on either side of every rule."""

from __future__ import annotations

import csv
from itertools import pairwise

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.nhs_number import SOUND, canonical, has_valid_check_digit, is_repeated_digit, ranges, state
from bcf_linkage.definitions.reference_data import REFERENCE


def evaluated(expression: nw.Expr, values: list[str | None]) -> list[object]:
    frame = nw.from_native(pl.LazyFrame({"text": pl.Series(values, dtype=pl.String)}))
    return frame.select(found=expression).to_native().collect()["found"].to_list()


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9434765919", "9434765919"),
        ("943 476 5919", "9434765919"),
        ("943-476-5919", "9434765919"),
        (" 9434765919 ", "9434765919"),
        ("0123456789", "0123456789"),
        ("943476591", None),
        ("94347659190", None),
        ("943476591O", None),
        ("943.476.5919", None),
        ("９434765919", None),
        ("٩434765919", None),
        ("9434765919\n", None),
        ("", None),
        (None, None),
    ],
)
def test_canonical(written: str | None, number: str | None) -> None:
    assert evaluated(canonical(nw.col("text")), [written]) == [number]


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("9434765919", True),  # weights 10 to 2 over 943476591 sum to 299; 11 - 299 % 11 is 9
        ("9434765910", False),
        ("9434765918", False),
        ("0000000000", True),
        ("9999999999", True),
        ("9876543210", True),
        ("0123456789", True),
        ("9000000009", True),
        ("9000000019", False),
    ],
)
def test_check_digit(number: str, valid: bool) -> None:
    digits = [int(d) for d in number]
    assert (sum(d * w for d, w in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0) is valid
    assert evaluated(has_valid_check_digit(nw.col("text")), [number]) == [valid]


def test_every_number_of_one_digit_passes_the_check_digit_and_is_refused_as_repeated() -> None:
    numbers = [digit * 10 for digit in "0123456789"]
    assert evaluated(has_valid_check_digit(nw.col("text")), numbers) == [True] * 10
    assert evaluated(is_repeated_digit(nw.col("text")), numbers) == [True] * 10
    assert {*evaluated(state(nw.col("text"), "live"), numbers), *evaluated(state(nw.col("text"), "synthetic"), numbers)} == {"number_repeated_digit"}


@pytest.mark.parametrize(
    ("written", "synthetic", "live"),
    [
        (None, "number_missing", "number_missing"),
        ("", "number_missing", "number_missing"),
        ("   ", "number_missing", "number_missing"),
        ("12345", "number_format", "number_format"),
        ("not known", "number_format", "number_format"),
        ("9434765918", "number_check_digit", "number_check_digit"),
        ("943 476 5919", SOUND, "number_never_issued"),
        ("3113 000 000", "number_check_digit", "number_check_digit"),
    ],
)
def test_state(written: str | None, synthetic: str, live: str) -> None:
    assert evaluated(state(nw.col("text"), "synthetic"), [written]) == [synthetic]
    assert evaluated(state(nw.col("text"), "live"), [written]) == [live]


@pytest.mark.parametrize(
    ("low", "high", "synthetic", "live"),
    [
        ("0000000000", "0099999999", "number_never_issued", "number_never_issued"),
        ("0100000000", "3112999999", "number_other_nation", "number_other_nation"),
        ("3113000000", "3199999999", "number_never_issued", "number_never_issued"),
        ("3200000000", "3999999999", "number_other_nation", "number_other_nation"),
        ("4000000000", "4999999999", "number_live", SOUND),
        ("5000000000", "5999999999", "number_never_issued", "number_never_issued"),
        ("6000000000", "7999999999", "number_live", SOUND),
        ("8000000000", "8999999999", "number_never_issued", "number_never_issued"),
        ("9000000000", "9999999999", SOUND, "number_never_issued"),
    ],
)
def test_a_range_means_the_same_from_its_first_number_to_its_last(low: str, high: str, synthetic: str, live: str) -> None:
    edges = [first_sound(int(low), 1), first_sound(int(high), -1)]
    assert evaluated(state(nw.col("text"), "synthetic"), edges) == [synthetic] * 2
    assert evaluated(state(nw.col("text"), "live"), edges) == [live] * 2


def first_sound(start: int, step: int) -> str:
    """The first number from the start, up or down, with a valid check digit and not one repeated digit."""
    digits = f"{start:010d}"
    if len(set(digits)) > 1 and sum(int(d) * w for d, w in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0:
        return digits
    return first_sound(start + step, step)


def test_the_ranges_contain_every_ten_digit_number_once() -> None:
    edges = [(r.first, r.last) for r in ranges()]
    assert edges[0][0] == 0
    assert edges[-1][1] == 9_999_999_999
    assert all(last + 1 == first for (_, last), (first, _) in pairwise(edges))


def test_no_range_is_sound_for_both_kinds_of_workspace() -> None:
    assert [r for r in ranges() if r.meaning("live") == SOUND and r.meaning("synthetic") == SOUND] == []
    assert {r.first // 1_000_000_000 for r in ranges() if r.meaning("synthetic") == SOUND} == {9}


def test_every_range_has_its_source_and_mark() -> None:
    with (REFERENCE / "nhs_number_ranges.csv").open(encoding="utf-8", newline="") as file:
        assert all(row["source"] and row["mark"] in {"S", "M", "D"} for row in csv.DictReader(file))

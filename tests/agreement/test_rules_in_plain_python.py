"""The row rules agree with plain Python implementations of the same constraints on any text."""

from __future__ import annotations

import re
from datetime import date

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.schema import Between, CheckDigit, Column, Constraint, Matches, NotBefore, Table, Type, Typed
from bcf_linkage.identifiable import row_rules

NEARLY_DATES = st.one_of(
    st.dates().map(date.isoformat),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True),
    st.from_regex(r"(19|20)[0-9]{2}-(0[0-9]|1[0-9])-(2[89]|3[0-9])", fullmatch=True),
    st.from_regex(r"[0-9/-]{0,11}", fullmatch=True),
)
NEARLY_NUMBERS = st.one_of(st.from_regex(r"[+-]?[0-9.]{0,6}", fullmatch=True), st.floats().map(str), st.integers().map(str))
NEARLY_NHS_NUMBERS = st.one_of(
    st.from_regex(r"9[0-9]{9}", fullmatch=True), st.from_regex(r"9[0-9]{2} [0-9]{3} [0-9]{4}", fullmatch=True), st.from_regex("[0-9 -]{9,13}", fullmatch=True)
)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def as_date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def as_number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", text) else None


def has_check_digit(text: str) -> bool:
    digits = text.replace(" ", "")
    if re.fullmatch("[0-9]{10}", digits) is None or len(set(digits)) == 1:
        return False
    return sum(int(d) * w for d, w in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0


def breaks(kind: Type, constraint: Constraint | None, values: list[str], others: list[str]) -> list[bool]:
    """Return whether the row rules find that each value breaks the constraint, or its type without a constraint."""
    column = Column("value", kind, "A value", "nobody", () if constraint is None else (constraint,))
    table = Table("things", "one thing", "nobody", (column, Column("other", Type.TEXT, "Another", "nobody")))
    text = nw.from_native(pl.LazyFrame({"value": values, "other": others}, schema={"value": pl.String, "other": pl.String}))
    rule = column.rules[-1]
    return row_rules.tidy_values(text, table).select(found=row_rules.breaks_rule(column, rule)).to_native().collect()["found"].to_list()


def stripped(values: list[str]) -> list[str]:
    """Strip white space as Polars does: by Unicode's definition, which excludes the separators U+001C to U+001F."""
    return [re.sub(r"^[^\S\x1c-\x1f]+|[^\S\x1c-\x1f]+$", "", value) for value in values]


@settings(deadline=None)
@given(st.lists(NEARLY_DATES | ANYTHING, min_size=1, max_size=50))
def test_a_date_must_be_real_and_in_iso_format(values: list[str]) -> None:
    assert breaks(Type.DATE, None, values, values) == [bool(v) and as_date(v) is None for v in stripped(values)]


@pytest.mark.parametrize("kind", [Type.INTEGER, Type.DECIMAL])
@settings(deadline=None)
@given(values=st.lists(NEARLY_NUMBERS | ANYTHING, min_size=1, max_size=50))
def test_a_number_must_have_the_declared_form(kind: Type, values: list[str]) -> None:
    pattern = {Type.INTEGER: "[+-]?[0-9]+", Type.DECIMAL: r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"}[kind]
    assert breaks(kind, None, values, values) == [bool(v) and re.fullmatch(pattern, v) is None for v in stripped(values)]


@settings(deadline=None)
@given(st.lists(NEARLY_NUMBERS, min_size=1, max_size=50))
def test_a_number_must_be_within_its_bounds(values: list[str]) -> None:
    read = [as_number(v) for v in stripped(values)]
    assert breaks(Type.DECIMAL, Between(low=-3, high=40.5), values, values) == [n is not None and not -3 <= n <= 40.5 for n in read]


@settings(deadline=None)
@given(st.lists(st.tuples(NEARLY_DATES, NEARLY_DATES), min_size=1, max_size=50))
def test_a_date_must_not_be_before_the_other(pairs: list[tuple[str, str]]) -> None:
    values, others = [v for v, _ in pairs], [o for _, o in pairs]
    real = [(as_date(v), as_date(o)) for v, o in pairs]
    assert breaks(Type.DATE, NotBefore(other="other"), values, others) == [bool(v and o and v < o) for v, o in real]


@settings(deadline=None)
@given(st.lists(NEARLY_NHS_NUMBERS | ANYTHING, min_size=1, max_size=50))
def test_an_nhs_number_must_have_a_valid_check_digit(values: list[str]) -> None:
    assert breaks(Type.TEXT, CheckDigit(), values, values) == [bool(v) and not has_check_digit(v) for v in stripped(values)]


@settings(deadline=None)
@given(st.lists(st.from_regex("[A-Z]{0,2}[0-9]{0,3}[a-z ]?", fullmatch=True), min_size=1, max_size=50))
def test_a_value_must_match_the_whole_pattern(values: list[str]) -> None:
    pattern = "[A-Z][0-9]{2}|[A-Z]{2}"
    assert breaks(Type.TEXT, Matches(pattern=pattern, meaning=""), values, values) == [bool(v) and re.fullmatch(pattern, v) is None for v in stripped(values)]


def test_a_type_is_a_rule_of_its_own() -> None:
    assert Column("value", Type.DATE, "A value", "nobody").rules == (Typed(type=Type.DATE),)

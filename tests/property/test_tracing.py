"""Properties of any trace: order does not matter, an empty record is never linked, and identical people make a tie."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.identifiable.trace.register import Register
from bcf_linkage.storage.scoring import TEXT_FUNCTIONS
from tests.delivery_builder import number
from tests.trace_builder import FIELDS, build_register, crowd, reasons_and_numbers, trace_people

CROWD = crowd(60)
SPOILT_VALUES = st.sampled_from([None, "UNKNOWN", "", "1900-01-01", "x", "Smith", "SO14 1AP", "1950-01-01", "Ålesund-O'Neill", "李"])
RECORDS = st.lists(st.tuples(st.integers(0, 59), st.lists(st.tuples(st.sampled_from(FIELDS), SPOILT_VALUES), max_size=3)), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def register() -> Register:
    return build_register(CROWD)


def spoilt_records(records: list[tuple[int, list[tuple[str, str | None]]]]) -> list[dict[str, Any]]:
    """Return records of people of the crowd, each with some fields changed."""
    return [{**CROWD[n], **dict(changes)} for n, changes in records]


@settings(deadline=None, max_examples=5)
@given(records=RECORDS, seed=st.integers(0, 99))
def test_neither_the_order_of_the_records_nor_of_the_register_matters(records: list[Any], seed: int, register: Register) -> None:
    rows = spoilt_records(records)
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    in_order, reordered = (
        trace_people(rows, register).records.sort("id"),
        trace_people([rows[n] for n in order], build_register(random.Random(seed).sample(CROWD, 60))).records,
    )
    columns = ["trace_reason", "person_number", "score", "margin", "pattern"]
    assert reordered.sort("id").select(columns).rows() == [in_order.select(columns).row(n) for n in order]


@settings(deadline=None, max_examples=12)
@given(records=st.lists(st.dictionaries(st.sampled_from(FIELDS), st.just(None) | st.sampled_from(["", "UNKNOWN", "xx"]), min_size=7), min_size=1, max_size=5))
def test_a_record_without_usable_fields_is_never_linked(records: list[dict[str, Any]], register: Register) -> None:
    assert all(person is None for _, person in reasons_and_numbers(records, register))


@settings(deadline=None, max_examples=5)
@given(position=st.integers(0, 59), field=st.sampled_from(["given_name", "postcode", "address_line_1", "family_name"]))
def test_identical_people_make_a_link_a_tie(position: int, field: str, register: Register) -> None:
    record = {**CROWD[position], "nhs_number": None, field: CROWD[position][field] + "e"}
    ((_, person_number),) = reasons_and_numbers([record], register)
    # Two identical entries are one person with two numbers. Of three nobody can say, so add two.
    others = [{**CROWD[position], "nhs_number": number(990_000_000 + 20 * n)} for n in range(2)]
    ((reason, number_among_three),) = reasons_and_numbers([record], build_register([*CROWD, *others]))
    assert number_among_three is None
    assert reason in ("tie", "twin", "below_threshold", "number_missing", "relative")
    assert person_number in (CROWD[position]["nhs_number"], None)


@settings(deadline=None, max_examples=8)
@given(records=RECORDS)
def test_a_link_without_the_number_agrees_in_two_fields_at_least(records: list[Any], register: Register) -> None:
    people = {row["nhs_number"]: row for row in CROWD}
    for row, (_, person_number) in zip(spoilt_records(records), reasons_and_numbers(spoilt_records(records), register), strict=True):
        if person_number in people and row["nhs_number"] != person_number:
            assert sum(row[name] == people[person_number][name] for name in FIELDS if row[name]) >= 2


@settings(deadline=None, max_examples=300)
@given(word=st.text("aé李b01-", max_size=9), others=st.lists(st.text("aé李b01-", max_size=9), max_size=3), data=st.data())
def test_one_slip_is_a_distance_of_one_at_most(word: str, others: list[str], data: st.DataObject) -> None:
    """The cheap tests that run before the edit distance never give another result than the distance."""
    position, character = data.draw(st.integers(0, len(word))), data.draw(st.sampled_from("aé李b01-"))
    slips = [
        word[:position] + character + word[position:],
        word[:position] + word[position + 1 :],
        word[:position] + character + word[position + 1 :],
        word[:position] + word[position + 1 : position + 2] + word[position : position + 1] + word[position + 2 :],
    ]
    pairs = pl.DataFrame({"a": [word] * (4 + len(others)), "b": slips + others})
    differing = duckdb.from_arrow(pairs.to_arrow()).filter(f"({TEXT_FUNCTIONS['one_slip']}) is distinct from (damerau_levenshtein(a, b) <= 1)").pl()
    assert differing.is_empty()

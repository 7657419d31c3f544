"""What holds of any trace: order and repetition change nothing, nothing is found on nothing, and a second like the first is a tie."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.storage.scoring import OF_TWO_TEXTS
from pipelines.tracing import Register
from tests.spec.delivered import number
from tests.spec.traced_people import TOLD, answers, asked, crowd, register_of

CROWD = crowd(60)
SPOILT = st.sampled_from([None, "UNKNOWN", "", "1900-01-01", "x", "Smith", "SO14 1AP", "1950-01-01", "Ålesund-O'Neill", "李"])
RECORDS = st.lists(st.tuples(st.integers(0, 59), st.lists(st.tuples(st.sampled_from(TOLD), SPOILT), max_size=3)), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def register() -> Register:
    return register_of(CROWD)


def drawn(records: list[tuple[int, list[tuple[str, str | None]]]]) -> list[dict[str, Any]]:
    """Records of people of the crowd, each with some fields spoilt."""
    return [{**CROWD[n], **dict(changes)} for n, changes in records]


@settings(deadline=None, max_examples=5)
@given(records=RECORDS, seed=st.integers(0, 99))
def test_neither_the_order_of_the_records_nor_of_the_register_matters(records: list[Any], seed: int, register: Register) -> None:
    rows = drawn(records)
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    plain, otherwise = asked(rows, register).records.sort("id"), asked([rows[n] for n in order], register_of(random.Random(seed).sample(CROWD, 60))).records
    told = ["trace_reason", "person_number", "score", "margin", "pattern"]
    assert otherwise.sort("id").select(told).rows() == [plain.select(told).row(n) for n in order]


@settings(deadline=None, max_examples=12)
@given(records=st.lists(st.dictionaries(st.sampled_from(TOLD), st.just(None) | st.sampled_from(["", "UNKNOWN", "xx"]), min_size=7), min_size=1, max_size=5))
def test_a_record_that_tells_nothing_is_never_linked(records: list[dict[str, Any]], register: Register) -> None:
    assert all(person is None for _, person in answers(records, register))


@settings(deadline=None, max_examples=5)
@given(position=st.integers(0, 59), field=st.sampled_from(["given_name", "postcode", "address_line_1", "family_name"]))
def test_others_who_are_the_same_make_a_link_a_tie(position: int, field: str, register: Register) -> None:
    record = {**CROWD[position], "nhs_number": None, field: CROWD[position][field] + "e"}
    ((_, found),) = answers([record], register)
    # One other would be the same person, held twice; of three nobody knows.
    others = [{**CROWD[position], "nhs_number": number(990_000_000 + 20 * n)} for n in range(2)]
    ((reason, nobody),) = answers([record], register_of([*CROWD, *others]))
    assert nobody is None
    assert reason in ("tie", "twin", "below_threshold", "number_missing", "relative")
    assert found in (CROWD[position]["nhs_number"], None)


@settings(deadline=None, max_examples=8)
@given(records=RECORDS)
def test_nobody_is_found_whose_number_or_name_does_not_speak_for_it(records: list[Any], register: Register) -> None:
    known = {row["nhs_number"]: row for row in CROWD}
    for row, (_, found) in zip(drawn(records), answers(drawn(records), register), strict=True):
        if found in known and row["nhs_number"] != found:
            assert sum(row[name] == known[found][name] for name in TOLD if row[name]) >= 2


@settings(deadline=None, max_examples=300)
@given(word=st.text("aé李b01-", max_size=9), others=st.lists(st.text("aé李b01-", max_size=9), max_size=3), data=st.data())
def test_one_slip_is_a_distance_of_one_at_most(word: str, others: list[str], data: st.DataObject) -> None:
    """What is asked before the distance, because it is cheaper, never decides otherwise."""
    place, character = data.draw(st.integers(0, len(word))), data.draw(st.sampled_from("aé李b01-"))
    slips = [
        word[:place] + character + word[place:],
        word[:place] + word[place + 1 :],
        word[:place] + character + word[place + 1 :],
        word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :],
    ]
    pairs = pl.DataFrame({"a": [word] * (4 + len(others)), "b": slips + others})
    apart = duckdb.from_arrow(pairs.to_arrow()).filter(f"({OF_TWO_TEXTS['one_slip']}) is distinct from (damerau_levenshtein(a, b) <= 1)").pl()
    assert apart.is_empty()

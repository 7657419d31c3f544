"""The tally for Great Expectations represents every row, for any rows in any order."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.schema import Column, Matches, NotBefore, Required, Table, Type
from expectations.tally import KEY_VIEW, ROW_COUNT, ROWS_PER_KEY, View, tally_rows

values = st.sampled_from([None, "", " ", "a", " a", "a\t", "b", "ab", "é", "\u00a0"])
rows = st.lists(st.tuples(values, values), max_size=30)
CODE = Column("a", Type.TEXT, "", "", (Matches(pattern="a", meaning="an a"), NotBefore(other="b")))
NAME = Column("b", Type.TEXT, "", "", (Required(),))
KEYED = Table("pairs", "one pair", "made up", (CODE, NAME), key=("a", "b"))
FIRST, PAIR, INITIAL = View(("a",)), View(("a", "b")), View(("b",), first_character=True)


def tidy(value: str | None) -> str | None:
    return (value or "").strip() or None


@settings(deadline=None)
@given(drawn=rows)
def test_a_tally_counts_every_row_once(drawn: list[tuple[str | None, str | None]]) -> None:
    tallied = tally_rows(KEYED, pl.DataFrame(drawn, schema={"a": pl.String, "b": pl.String}, orient="row").lazy())
    found = tallied.views

    tidied = [(tidy(a), tidy(b)) for a, b in drawn]
    assert tallied.rows == len(drawn)
    assert set(found) == {FIRST, PAIR, INITIAL, KEY_VIEW}
    assert {row[:-1]: row[-1] for row in found[FIRST].iter_rows()} == Counter((a,) for a, _ in tidied)
    assert {row[:-1]: row[-1] for row in found[PAIR].iter_rows()} == Counter(tidied)
    assert {row[:-1]: row[-1] for row in found[INITIAL].iter_rows()} == Counter((b and b[0],) for _, b in tidied)
    keys = Counter((a, b) for a, b in tidied if a and b)
    assert found[KEY_VIEW][ROW_COUNT].sum() == sum(keys.values()) - len(keys)
    assert set(found[KEY_VIEW][ROWS_PER_KEY]) == {1, *keys.values()}


def test_a_table_without_a_key_has_no_view_of_keys() -> None:
    bare = Table("pairs", "one pair", "made up", (CODE, NAME))
    assert set(tally_rows(bare, pl.LazyFrame({"a": ["x", "x"], "b": ["y", "y"]})).views) == {FIRST, PAIR, INITIAL}

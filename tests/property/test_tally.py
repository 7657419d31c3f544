"""What Great Expectations is shown stands for every row, whatever the rows, their order and how they are cut up."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import tally
from expectations.tally import KEY, KEY_ROWS, ROWS, View, tallies

values = st.sampled_from([None, "", " ", "a", " a", "a\t", "b", "ab", "é", "\u00a0"])
rows = st.lists(st.tuples(values, values), max_size=30)
FIRST, PAIR, INITIAL = View(("a",)), View(("a", "b")), View(("b",), first_character=True)


def tidy(value: str | None) -> str | None:
    return (value or "").strip() or None


@settings(deadline=None)
@given(drawn=rows, size=st.integers(1, 40))
def test_a_tally_weighs_every_row_once(drawn: list[tuple[str | None, str | None]], size: int) -> None:
    text = pl.DataFrame(drawn, schema={"a": pl.String, "b": pl.String}, orient="row").lazy()
    with patch.object(tally, "BATCH", size):
        total, found = tallies(text, [FIRST, PAIR, INITIAL], ("a", "b"))

    tidied = [(tidy(a), tidy(b)) for a, b in drawn]
    assert total == len(drawn)
    assert {row[:-1]: row[-1] for row in found[FIRST].iter_rows()} == Counter((a,) for a, _ in tidied)
    assert {row[:-1]: row[-1] for row in found[PAIR].iter_rows()} == Counter(tidied)
    assert {row[:-1]: row[-1] for row in found[INITIAL].iter_rows()} == Counter((b and b[0],) for _, b in tidied)
    keys = Counter((a, b) for a, b in tidied if a and b)
    assert found[KEY][ROWS].sum() == sum(keys.values()) - len(keys)
    assert set(found[KEY][KEY_ROWS]) == {1, *keys.values()}

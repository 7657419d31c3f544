"""No hidden number of a table can be worked out from what the table shows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.rulebook import Disclosure, Rulebook
from bcf_linkage.published.disclosure_control import numbers
from tests.made_frames import collected, lazy

RULES: Disclosure = Rulebook.build(date(2014, 9, 30)).disclosure
SMALL_AND_LARGE = st.integers(0, 12) | st.integers(0, 400)
LOCALITIES = st.lists(st.lists(SMALL_AND_LARGE, min_size=1, max_size=5), min_size=1, max_size=5)
SCHEMA = {"node": pl.String, "part_of": pl.String, "split": pl.String, "level": pl.Int64, "count": pl.Int64, "hidden": pl.Boolean}


def tree(clusters: list[list[int]], ages: list[int], also_hidden: set[int]) -> pl.DataFrame:
    """A locality of clusters of practices, also divided by age.

    Some counts must be hidden for another reason than being small, and with them all equal ones: an only part is its whole.
    """
    total = sum(map(sum, clusters))
    cuts = sorted(min(age, total) for age in ages)
    groups = [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
    rows: list[tuple[Any, ...]] = [("t", None, "area", 0, total)]
    for n, practices in enumerate(clusters):
        rows.append((f"t/{n}", "t", "area", 1, sum(practices)))
        rows += [(f"t/{n}/{m}", f"t/{n}", "area", 2, count) for m, count in enumerate(practices)]
    rows += [(f"age {n}", "t", "age", 1, count) for n, count in enumerate(groups)]
    told_by_others = {row[4] for n, row in enumerate(rows) if n in also_hidden and row[4]}
    flagged = [(*row, 1 <= row[4] <= 7 or row[4] in told_by_others) for row in rows]
    return pl.DataFrame(flagged, SCHEMA, orient="row")


TREES = st.builds(tree, LOCALITIES, st.lists(st.integers(0, 300), max_size=3), st.sets(st.integers(0, 30), max_size=2))


def families(cells: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    parts = defaultdict(list)
    for cell in cells:
        if cell["part_of"]:
            parts[cell["part_of"], cell["split"]].append(cell)
    return dict(parts)


def determined(cells: list[dict[str, Any]]) -> set[str]:
    """The hidden counts that the sums of the table fix, if every shown number were exact."""
    unknown = [cell["node"] for cell in cells if cell["number"] is None]
    if not unknown:
        return set()
    equations = []
    for (parent, _), parts in families(cells).items():
        row = np.zeros(len(unknown))
        for node, sign in [(parent, -1), *((part["node"], 1) for part in parts)]:
            if node in unknown:
                row[unknown.index(node)] = sign
        equations.append(row)
    matrix = np.array(equations).reshape(-1, len(unknown))
    rank = np.linalg.matrix_rank(matrix)
    return {node for n, node in enumerate(unknown) if np.linalg.matrix_rank(np.delete(matrix, n, axis=1)) < rank}


@settings(max_examples=80, deadline=None)
@given(TREES)
def test_no_hidden_number_is_fixed_by_the_sums_of_the_table(frame: pl.DataFrame) -> None:
    cells = collected(numbers(lazy(frame), RULES, depth=3)).to_dicts()
    assert all(cell["number"] is None for cell in cells if 1 <= cell["count"] <= RULES.threshold)
    assert determined(cells) == set()


@settings(max_examples=40, deadline=None)
@given(TREES)
def test_what_is_shown_is_rounded_and_close_and_adds_up(frame: pl.DataFrame) -> None:
    cells = collected(numbers(lazy(frame), RULES, depth=3)).to_dicts()
    by_family = families(cells)
    for cell in cells:
        if cell["number"] is None:
            continue
        assert cell["number"] % RULES.base == 0
        parts = by_family.get((cell["node"], "area"), [])
        if parts and all(part["number"] is not None for part in parts):
            assert cell["number"] == sum(part["number"] for part in parts)
        else:
            assert abs(cell["number"] - cell["count"]) <= RULES.base // 2


@settings(max_examples=20, deadline=None)
@given(TREES, st.integers(0, 1000))
def test_the_order_of_rows_decides_nothing(frame: pl.DataFrame, seed: int) -> None:
    first, second = (collected(numbers(lazy(f), RULES, depth=3)).sort("node") for f in (frame, frame.sample(fraction=1, shuffle=True, seed=seed)))
    assert first.equals(second)


@settings(max_examples=20, deadline=None)
@given(TREES)
def test_nothing_is_hidden_where_nothing_is_small(frame: pl.DataFrame) -> None:
    large = frame.with_columns(count=pl.col("count") * 8, hidden=pl.lit(False))
    assert collected(numbers(lazy(large), RULES, depth=3))["number"].null_count() == 0

"""What is suppressed, what is rounded, and what a total may tell, drawn as small trees of counts."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control import numbers, protected
from tests.made_frames import collected, lazy, rows_of

RULES = Rulebook.build(date(2014, 9, 30)).disclosure
SCHEMA = {"node": pl.String, "part_of": pl.String, "split": pl.String, "level": pl.Int64, "count": pl.Int64, "hidden": pl.Boolean}


def shown(tree: dict[str, int]) -> dict[str, int | None]:
    """Numbers by node. A node is named by its path: `a/b` is a part of `a`."""
    cells = [(node, node.rpartition("/")[0] or None, "area", node.count("/"), count, 1 <= count <= 7) for node, count in tree.items()]
    given = numbers(lazy(pl.DataFrame(cells, SCHEMA, orient="row")), RULES, depth=3)
    return dict(rows_of(given, "node", "number"))


@pytest.mark.parametrize(
    ("count", "number"),
    [(0, 0), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (17, 15), (18, 20), (100, 100), (249_089, 249_090)],
)
def test_one_number(count: int, number: int | None) -> None:
    assert shown({"a": count}) == {"a": number}


@pytest.mark.parametrize(
    ("tree", "expected", "why"),
    [
        ({"a": 60, "a/1": 12, "a/2": 48}, {"a": 60, "a/1": 10, "a/2": 50}, "all shown: the parts' numbers add up"),
        (
            {"a": 39, "a/1": 13, "a/2": 13, "a/3": 13},
            {"a": 45, "a/1": 15, "a/2": 15, "a/3": 15},
            "the total is the sum of what is shown, not of what was counted",
        ),
        ({"a": 63, "a/1": 3, "a/2": 12, "a/3": 48}, {"a": 65, "a/1": None, "a/2": None, "a/3": 50}, "the next smallest is hidden with a single hidden part"),
        ({"a": 57, "a/1": 3, "a/2": 6, "a/3": 48}, {"a": 55, "a/1": None, "a/2": None, "a/3": 50}, "two hidden parts protect each other"),
        ({"a": 51, "a/1": 3, "a/2": 0, "a/3": 48}, {"a": 50, "a/1": None, "a/2": 0, "a/3": None}, "zero is hidden last: it says nothing of anybody"),
        ({"a": 3, "a/1": 3, "a/2": 0}, {"a": None, "a/1": None, "a/2": 0}, "a hidden total leaves nothing to subtract from"),
        ({"a": 3, "a/1": 3}, {"a": None, "a/1": None}, "an only part is hidden with its total"),
        ({"a": 0, "a/1": 0, "a/2": 0}, {"a": 0, "a/1": 0, "a/2": 0}, "nobody at all"),
    ],
)
def test_parts_and_totals(tree: dict[str, int], expected: dict[str, int | None], why: str) -> None:
    assert shown(tree) == expected, why


def test_a_total_hidden_for_company_is_not_told_by_its_parts() -> None:
    tree = {"all": 115, "all/a": 3, "all/b": 12, "all/c": 100, "all/a/1": 3, "all/b/1": 12, "all/c/1": 40, "all/c/2": 60}
    given = shown(tree)
    assert given["all"] == 115
    assert given["all/a"] is None, "small"
    assert given["all/b"] is None, "in company"
    assert given["all/b/1"] is None, "or it would tell its total"
    assert given["all/c"] == 100


def test_each_split_of_a_total_stands_by_itself() -> None:
    rows = [
        ("t", None, "area", 0, 65, False),
        *((f"area {n}", "t", "area", 1, count, count <= 7) for n, count in enumerate((30, 35))),
        *((f"sex {n}", "t", "sex", 1, count, count <= 7) for n, count in enumerate((5, 20, 40))),
    ]
    given = dict(rows_of(numbers(lazy(pl.DataFrame(rows, SCHEMA, orient="row")), RULES, depth=2), "node", "number"))
    assert given == {"t": 65, "area 0": 30, "area 1": 35, "sex 0": None, "sex 1": None, "sex 2": 40}


def figure(count: int, of: int | None, unit: str) -> dict[str, Any]:
    words = dict.fromkeys(("measure_name", "area_type", "area_code", "area_name", "group_type", "group"), "x")
    days = {"period_start": date(2013, 10, 1), "period_end": date(2014, 9, 30)}
    place = {"part_of": None, "split": "area", "level": 0, **words, **days}
    rows = [{**place, "measure": "part", "unit": unit, "node": "part", "count": count, "among": None if of is None else "whole"}]
    if of is not None:
        rows.append({**place, "measure": "whole", "unit": "count", "node": "whole", "count": of, "among": None})
    frame = pl.DataFrame(rows, schema_overrides={"part_of": pl.String, "among": pl.String})
    return collected(protected(lazy(frame), RULES)).filter(pl.col("measure") == "part").to_dicts()[0]


@pytest.mark.parametrize(
    ("count", "of", "numerator", "denominator", "value", "status", "why"),
    [
        (100, 200, 100, 200, 50.0, "shown", "plain"),
        (102, 198, 100, 200, 50.0, "shown", "the share is of rounded numbers"),
        (0, 200, 0, 200, 0.0, "shown", "none is told"),
        (200, 200, 200, 200, 100.0, "shown", "so is all"),
        (7, 200, None, 200, None, "suppressed", "few"),
        (193, 200, None, 200, None, "suppressed", "all but a few"),
        (192, 200, 190, 200, 95.0, "shown", "all but eight"),
        (0, 5, None, None, None, "suppressed", "among few"),
        (0, 0, 0, 0, None, "not applicable", "among nobody"),
    ],
)
def test_shares(count: int, of: int, numerator: int | None, denominator: int | None, value: float | None, status: str, why: str) -> None:
    given = figure(count, of, "percent")
    assert (given["numerator"], given["denominator"], given["value"], given["status"]) == (numerator, denominator, value, status), why
    assert (given["lower"] is None) == (given["upper"] is None) == (value is None)


@pytest.mark.parametrize(
    ("count", "of", "unit", "value", "lower", "upper"),
    [
        (10, 100, "percent", 10.0, 5.52, 17.44),
        (0, 20, "percent", 0.0, 0.0, 16.11),
        (20, 20, "percent", 100.0, 83.89, 100.0),
        (10, 1000, "per 1,000", 10.0, 4.79, 18.39),
        (0, 1000, "per 1,000", 0.0, 0.0, 3.67),
        (100, 200_000, "per 100,000", 50.0, 40.68, 60.81),
        (240, 200_000, "per 100,000 a month", 10.0, None, None),
        (27_620, None, "count", 27_620.0, None, None),
    ],
)
def test_values_and_intervals(count: int, of: int | None, unit: str, value: float, lower: float | None, upper: float | None) -> None:
    given = figure(count, of, unit)
    assert given["value"] == value
    assert given["lower"] == (lower if lower is None else pytest.approx(lower, abs=0.011))
    assert given["upper"] == (upper if upper is None else pytest.approx(upper, abs=0.011))


def test_a_rate_of_events_may_come_near_its_population() -> None:
    assert figure(197, 200, "per 1,000")["status"] == "shown"


def test_a_share_is_never_more_than_the_whole() -> None:
    given = figure(203, 202, "percent")
    assert given["numerator"] <= given["denominator"]
    assert given["value"] == 100.0

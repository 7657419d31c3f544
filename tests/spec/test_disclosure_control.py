"""What is shown, what is suppressed, and what is suppressed for its company, drawn as small trees of counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.disclosure import Disclosure, Rule
from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.earlier import Fact
from bcf_linkage.published.disclosure_control.figures import figures
from bcf_linkage.published.disclosure_control.knowledge import known
from bcf_linkage.published.disclosure_control.release import Release, account, facts, released
from tests.made_frames import collected, lazy

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT).disclosure
Shown = dict[str, int | None]


def profile(name: str) -> Disclosure:
    return Rulebook.build(AS_AT, name).disclosure


def rows_of_tree(tree: dict[str, int]) -> list[dict[str, Any]]:
    """Rows by path: `a/b` is a part of `a`, `a/sex:m` a part of `a` by sex, and `n<a` a share of `a`."""
    return [
        {
            "measure": "m",
            "node": _node(path),
            "part_of": _node(path.rpartition("/")[0]) if "/" in path else None,
            "split": "sex" if ":" in path else "area",
            "among": _node(path.partition("<")[2]) if "<" in path else None,
            "unit": "percent" if "<" in path else "count",
            "area_type": "cluster",
            "group_type": "sex" if ":" in path else "all",
            "group": "all",
            "count": count,
        }
        for path, count in tree.items()
    ]


def _node(path: str) -> str:
    return f"{path} | cluster | x | 2014"


def protected(tree: dict[str, int], rules: Disclosure = RULES, earlier: Sequence[Sequence[Fact]] = ()) -> tuple[Shown, list[Fact], Release]:
    """Numbers by path, what they tell a later release, and the release."""
    tables = {"counts": rows_of_tree(tree)}
    release = released(known(tables, rules, earlier=earlier))
    return {path: release.number(_node(path)) for path in tree}, facts(release, tables), release


def shown(tree: dict[str, int], rules: Disclosure = RULES) -> Shown:
    return protected(tree, rules)[0]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("hes7r5", {0: 0, 1: None, 7: None, 8: 10, 12: 10, 13: 15, 17: 15, 18: 20, 249_089: 249_090}),
        ("opensafely_mid6", {0: 0, 1: 3, 6: 3, 7: 9, 12: 9, 13: 15, 249_089: 249_087}),
        ("acro10", {0: None, 1: None, 9: None, 10: 10, 12: 10, 13: 15, 249_089: 249_090}),
    ],
)
def test_one_number(name: str, numbers: dict[int, int | None]) -> None:
    assert {count: shown({"a": count}, profile(name))["a"] for count in numbers} == numbers


@pytest.mark.parametrize("name", ["hes7r5", "opensafely_mid6", "acro10"])
@pytest.mark.parametrize("stricter", [False, True])
def test_a_number_tells_exactly_the_counts_that_are_shown_like_it(name: str, stricter: bool) -> None:
    rule = profile(name).below_practice if stricter else profile(name).rule
    counts = [count for count in range(200) if not rule.suppresses(count)]
    for number in {rule.rounded(count) for count in counts if count < 150}:
        like_it = [count for count in counts if rule.rounded(count) == number]
        assert rule.told(number) == (like_it[0], like_it[-1])


@pytest.mark.parametrize(
    ("tree", "expected", "why"),
    [
        ({"a": 60, "a/1": 12, "a/2": 48}, {"a": 60, "a/1": 10, "a/2": 50}, "nothing small, nothing hidden"),
        ({"a": 63, "a/1": 3, "a/2": 12, "a/3": 48}, {"a": 65, "a/1": None, "a/2": 10, "a/3": 50}, "rounding is enough: 1 may be 1 to 7"),
        ({"a": 51, "a/1": 3, "a/2": 48}, {"a": 50, "a/1": None, "a/2": None}, "rounding is not enough: the sibling goes"),
        ({"a": 57, "a/1": 3, "a/2": 6, "a/3": 48}, {"a": 55, "a/1": None, "a/2": None, "a/3": 50}, "two hidden parts protect each other"),
        ({"a": 51, "a/1": 3, "a/2": 0, "a/3": 48}, {"a": 50, "a/1": None, "a/2": 0, "a/3": None}, "a zero is never hidden"),
        ({"a": 3, "a/1": 3, "a/2": 0}, {"a": None, "a/1": None, "a/2": 0}, "a hidden total leaves nothing to subtract from"),
        ({"a": 3, "a/1": 3}, {"a": None, "a/1": None}, "an only part is hidden with its total"),
        ({"a": 8, "a/1": 8}, {"a": 10, "a/1": 10}, "an only part is shown with its total"),
        ({"a": 0, "a/1": 0, "a/2": 0}, {"a": 0, "a/1": 0, "a/2": 0}, "nobody at all"),
        ({"a": 14, "a/1": 7, "a/2": 7}, {"a": 15, "a/1": None, "a/2": None}, "equal parts: either may be 1 if the other is large"),
        ({"a": 8, **{f"a/{n}": 1 for n in range(8)}}, {"a": None, **{f"a/{n}": None for n in range(8)}}, "eight parts that are not zero cannot be large"),
        ({"a": 300, "a/1": 7, "a/2": 8, "a/3": 285}, {"a": 300, "a/1": None, "a/2": 10, "a/3": 285}, "7 is hidden, 8 is shown"),
    ],
)
def test_parts_and_totals(tree: dict[str, int], expected: Shown, why: str) -> None:
    assert shown(tree) == expected, why


def test_a_total_hidden_for_company_is_not_told_by_its_parts() -> None:
    tree = {"all": 115, "all/a": 3, "all/b": 12, "all/c": 100, "all/a/1": 3, "all/b/1": 12, "all/c/1": 40, "all/c/2": 60}
    given, _, release = protected(tree)
    assert given["all/a"] is given["all/a/1"] is None
    assert (given["all/b"] is None) == (given["all/b/1"] is None)
    assert all(tried.possible >= 7 for tried in release.tried)


def test_each_split_of_a_total_is_reckoned_with() -> None:
    given = shown({"a": 51, "a/1": 20, "a/2": 31, "a/sex:f": 48, "a/sex:m": 3})
    assert given["a/sex:m"] is None
    assert given["a/sex:f"] is None or given["a"] is None


@pytest.mark.parametrize(
    ("tree", "share", "why"),
    [
        ({"a": 200, "n<a": 100}, 100, "plain"),
        ({"a": 200, "n<a": 7}, None, "few"),
        ({"a": 200, "n<a": 193}, None, "all but a few"),
        ({"a": 200, "n<a": 192}, 190, "all but eight"),
        ({"a": 200, "n<a": 200}, 200, "all"),
        ({"a": 200, "n<a": 0}, 0, "none"),
    ],
)
def test_shares(tree: dict[str, int], share: int | None, why: str) -> None:
    assert shown(tree)["n<a"] == share, why


def test_one_count_in_two_tables_is_one_number() -> None:
    tables = {"one": rows_of_tree({"a": 51, "a/1": 3, "a/2": 48}), "other": rows_of_tree({"a/2": 48})}
    release = released(known(tables, RULES))
    assert release.number(_node("a/2")) is None
    assert [(one.table, one.company) for one in account(release, tables)] == [("one", 1), ("other", 1)]


def test_a_later_release_does_not_tell_what_an_earlier_one_hid() -> None:
    first = {"a": 51, "a/1": 3, "a/2": 48}
    _, told, _ = protected(first)
    alone = {"a/2": 48}
    assert shown(alone) == {"a/2": 50}
    assert protected(alone, earlier=[told])[0] == {"a/2": None}


def test_an_area_that_was_redrawn_is_told_apart_and_reckoned_with() -> None:
    _, told, _ = protected({"a": 63, "a/1": 20, "a/1/x": 8, "a/1/y": 12, "a/2": 43})
    redrawn = {"a": 63, "a/1": 12, "a/1/y": 12, "a/2": 51, "a/2/x": 3, "a/2/z": 48}
    given, _, release = protected(redrawn, earlier=[told])
    assert given["a/2/x"] is None
    assert release.held


def test_the_same_release_after_itself_is_the_same() -> None:
    tree = {"a": 51, "a/1": 3, "a/2": 48, "b": 70, "b/1": 6, "b/2": 64}
    first, told, _ = protected(tree)
    assert protected(tree, earlier=[told])[0] == first


def test_counts_that_do_not_add_up_are_no_release() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        shown({"a": 10, "a/1": 3})
    with pytest.raises(ValueError, match="two counts"):
        known({"one": rows_of_tree({"a": 1}), "other": rows_of_tree({"a": 2})}, RULES)


def test_below_practice_level_the_rule_is_one_step_stricter() -> None:
    for name in ("hes7r5", "opensafely_mid6", "acro10"):
        rules = profile(name)
        assert rules.rule_for("practice", "all") == rules.rule_for("locality", "age_band") == rules.rule
        assert rules.rule_for("lsoa", "all") == rules.rule_for("practice", "sex") == rules.below_practice
        assert rules.below_practice.threshold > rules.rule.threshold
        assert rules.below_practice.base > rules.rule.base
        assert rules.mark in ("S", "S-part")
        assert rules.source


def test_a_profile_is_one_of_those_there_are() -> None:
    with pytest.raises(RequestRefused, match="profile loose is not known; use one of hes7r5, opensafely_mid6, acro10"):
        profile("loose")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"zero": "hidden"}, "zero hidden is not known"),
        ({"rounding": "up"}, "rounding up is not known"),
        ({"base": 0}, "the base must be 1 or more"),
        ({"rounding": "midpoint", "base": 4}, "must be a multiple of its base"),
        ({"colour": "red"}, "unknown key colour"),
    ],
)
def test_a_rule_is_read_strictly(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestRefused, match=words):
        Rule.build("a", {"threshold": 7, "base": 5, "zero": "shown", "few": "suppressed", "rounding": "nearest", **change})


def figure(count: int, of: int | None, unit: str) -> dict[str, Any]:
    words = dict.fromkeys(("measure_name", "area_type", "area_code", "area_name", "group_type", "group"), "x")
    days = {"period_start": date(2013, 10, 1), "period_end": date(2014, 9, 30)}
    rows = [{**words, **days, "measure": "part", "unit": unit, "node": "part", "count": count, "among": None if of is None else "whole"}]
    if of is not None:
        rows.append({**words, **days, "measure": "whole", "unit": "count", "node": "whole", "count": of, "among": None})
    numbers = [{"node": row["node"], "number": None if RULES.rule.suppresses(row["count"]) else RULES.rule.rounded(row["count"])} for row in rows]  # type: ignore[arg-type]
    given = figures(lazy(pl.DataFrame(rows, schema_overrides={"among": pl.String})), lazy(pl.DataFrame(numbers, {"node": pl.String, "number": pl.Int64})))
    return collected(given).filter(pl.col("measure") == "part").to_dicts()[0]


@pytest.mark.parametrize(
    ("count", "of", "numerator", "denominator", "value", "status", "why"),
    [
        (102, 198, 100, 200, 50.0, "shown", "the share is of rounded numbers"),
        (0, 200, 0, 200, 0.0, "shown", "none is told"),
        (200, 200, 200, 200, 100.0, "shown", "so is all"),
        (7, 200, None, 200, None, "suppressed", "few"),
        (0, 5, None, None, None, "suppressed", "among few"),
        (0, 0, 0, 0, None, "not applicable", "among nobody"),
    ],
)
def test_figures(count: int, of: int | None, numerator: int | None, denominator: int | None, value: float | None, status: str, why: str) -> None:
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

"""Disclosure control on small trees of counts: what is shown, what is primary suppressed, and what is secondary suppressed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.disclosure import Disclosure, SmallCountRule
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.earlier_releases import ReleasedCount
from bcf_linkage.published.disclosure_control.figures import build_figures
from bcf_linkage.published.disclosure_control.knowledge import build_knowledge
from bcf_linkage.published.disclosure_control.release import ProtectedRelease, protect_release, released_counts, summarise_protection
from bcf_linkage.published.exact_counts import ExactCount, Node
from tests.frame_builder import collect, lazy

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT).disclosure
Shown = dict[str, int | None]
"""Published number by path, None where it is suppressed."""


def profile(name: str) -> Disclosure:
    return Rulebook.build(AS_AT, name).disclosure


def rows_of_tree(tree: dict[str, int]) -> list[ExactCount]:
    """Build counts by path: `a/b` is a part of `a`, `a/sex:m` a part of `a` by sex, and `n<a` a share of `a`."""
    return [
        ExactCount(
            measure="m",
            area_type="cluster",
            area_code="x",
            group_type="sex" if ":" in path else "all",
            group="all",
            unit="percent" if "<" in path else "count",
            node=_node(path),
            part_of=_node(path.rpartition("/")[0]) if "/" in path else None,
            split="sex" if ":" in path else "area",
            among=_node(path.partition("<")[2]) if "<" in path else None,
            count=count,
        )
        for path, count in tree.items()
    ]


def _node(path: str) -> Node:
    return Node(path, "cluster", "x", "2014")


def protect_tree(
    tree: dict[str, int], rules: Disclosure = RULES, earlier: Sequence[Sequence[ReleasedCount]] = ()
) -> tuple[Shown, list[ReleasedCount], ProtectedRelease]:
    """Return the published numbers by path, what a later release must know of them, and the release."""
    tables = {"counts": rows_of_tree(tree)}
    release = protect_release(build_knowledge(tables, rules, earlier=earlier))
    return {path: release.published_number(_node(path)) for path in tree}, released_counts(release, tables), release


def shown_numbers(tree: dict[str, int], rules: Disclosure = RULES) -> Shown:
    return protect_tree(tree, rules)[0]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("hes7r5", {0: 0, 1: None, 7: None, 8: 10, 12: 10, 13: 15, 17: 15, 18: 20, 249_089: 249_090}),
        ("opensafely_mid6", {0: 0, 1: 3, 6: 3, 7: 9, 12: 9, 13: 15, 249_089: 249_087}),
        ("acro10", {0: None, 1: None, 9: None, 10: 10, 12: 10, 13: 15, 249_089: 249_090}),
    ],
)
def test_one_number(name: str, numbers: dict[int, int | None]) -> None:
    assert {count: shown_numbers({"a": count}, profile(name))["a"] for count in numbers} == numbers


@pytest.mark.parametrize("name", ["hes7r5", "opensafely_mid6", "acro10"])
@pytest.mark.parametrize("stricter", [False, True])
def test_a_number_stands_for_exactly_the_counts_that_round_to_it(name: str, stricter: bool) -> None:
    rule = profile(name).below_practice if stricter else profile(name).rule
    counts = [count for count in range(200) if not rule.is_primary_suppressed(count)]
    for number in {rule.round_count(count) for count in counts if count < 150}:
        rounded_to_it = [count for count in counts if rule.round_count(count) == number]
        assert rule.interval_for(number) == (rounded_to_it[0], rounded_to_it[-1])


@pytest.mark.parametrize(
    ("tree", "expected", "why"),
    [
        ({"a": 60, "a/1": 12, "a/2": 48}, {"a": 60, "a/1": 10, "a/2": 50}, "nothing small, nothing hidden"),
        ({"a": 63, "a/1": 3, "a/2": 12, "a/3": 48}, {"a": 65, "a/1": None, "a/2": 10, "a/3": 50}, "rounding is enough: 1 may be 1 to 7"),
        ({"a": 51, "a/1": 3, "a/2": 48}, {"a": 50, "a/1": None, "a/2": None}, "rounding is not enough: the sibling is suppressed as well"),
        ({"a": 57, "a/1": 3, "a/2": 6, "a/3": 48}, {"a": 55, "a/1": None, "a/2": None, "a/3": 50}, "two hidden parts protect each other"),
        ({"a": 51, "a/1": 3, "a/2": 0, "a/3": 48}, {"a": 50, "a/1": None, "a/2": 0, "a/3": None}, "a zero is never hidden"),
        ({"a": 3, "a/1": 3, "a/2": 0}, {"a": None, "a/1": None, "a/2": 0}, "a hidden total leaves nothing to subtract from"),
        ({"a": 3, "a/1": 3}, {"a": None, "a/1": None}, "an only part is hidden with its total"),
        ({"a": 8, "a/1": 8}, {"a": 10, "a/1": 10}, "an only part is shown with its total"),
        ({"a": 0, "a/1": 0, "a/2": 0}, {"a": 0, "a/1": 0, "a/2": 0}, "all zero"),
        ({"a": 14, "a/1": 7, "a/2": 7}, {"a": 15, "a/1": None, "a/2": None}, "equal parts: either may be 1 if the other is large"),
        ({"a": 8, **{f"a/{n}": 1 for n in range(8)}}, {"a": None, **{f"a/{n}": None for n in range(8)}}, "eight parts that are not zero cannot be large"),
        ({"a": 300, "a/1": 7, "a/2": 8, "a/3": 285}, {"a": 300, "a/1": None, "a/2": 10, "a/3": 285}, "7 is hidden, 8 is shown"),
    ],
)
def test_parts_and_totals(tree: dict[str, int], expected: Shown, why: str) -> None:
    assert shown_numbers(tree) == expected, why


def test_a_total_hidden_by_secondary_suppression_is_not_revealed_by_its_parts() -> None:
    tree = {"all": 115, "all/a": 3, "all/b": 12, "all/c": 100, "all/a/1": 3, "all/b/1": 12, "all/c/1": 40, "all/c/2": 60}
    numbers, _, release = protect_tree(tree)
    assert numbers["all/a"] is numbers["all/a/1"] is None
    assert (numbers["all/b"] is None) == (numbers["all/b/1"] is None)
    assert all(result.feasible_values >= 7 for result in release.attack_results)


def test_each_split_of_a_total_is_used_by_the_attack() -> None:
    numbers = shown_numbers({"a": 51, "a/1": 20, "a/2": 31, "a/sex:f": 48, "a/sex:m": 3})
    assert numbers["a/sex:m"] is None
    assert numbers["a/sex:f"] is None or numbers["a"] is None


@pytest.mark.parametrize(
    ("tree", "share", "why"),
    [
        ({"a": 200, "n<a": 100}, 100, "plain"),
        ({"a": 200, "n<a": 7}, None, "a small count"),
        ({"a": 200, "n<a": 193}, None, "a small remainder"),
        ({"a": 200, "n<a": 192}, 190, "all but eight"),
        ({"a": 200, "n<a": 200}, 200, "all"),
        ({"a": 200, "n<a": 0}, 0, "none"),
    ],
)
def test_shares(tree: dict[str, int], share: int | None, why: str) -> None:
    assert shown_numbers(tree)["n<a"] == share, why


def test_one_count_in_two_tables_is_one_number() -> None:
    tables = {"one": rows_of_tree({"a": 51, "a/1": 3, "a/2": 48}), "other": rows_of_tree({"a/2": 48})}
    release = protect_release(build_knowledge(tables, RULES))
    assert release.published_number(_node("a/2")) is None
    assert [(summary.table, summary.secondary_suppressed) for summary in summarise_protection(release, tables)] == [("one", 1), ("other", 1)]


def test_a_later_release_does_not_reveal_what_an_earlier_one_suppressed() -> None:
    first = {"a": 51, "a/1": 3, "a/2": 48}
    _, earlier_counts, _ = protect_tree(first)
    alone = {"a/2": 48}
    assert shown_numbers(alone) == {"a/2": 50}
    assert protect_tree(alone, earlier=[earlier_counts])[0] == {"a/2": None}


def test_an_area_that_was_redrawn_is_another_count_and_is_protected_against() -> None:
    _, earlier_counts, _ = protect_tree({"a": 63, "a/1": 20, "a/1/x": 8, "a/1/y": 12, "a/2": 43})
    redrawn = {"a": 63, "a/1": 12, "a/1/y": 12, "a/2": 51, "a/2/x": 3, "a/2/z": 48}
    numbers, _, release = protect_tree(redrawn, earlier=[earlier_counts])
    assert numbers["a/2/x"] is None
    assert release.is_protected


def test_the_same_release_after_itself_is_the_same() -> None:
    tree = {"a": 51, "a/1": 3, "a/2": 48, "b": 70, "b/1": 6, "b/2": 64}
    first, earlier_counts, _ = protect_tree(tree)
    assert protect_tree(tree, earlier=[earlier_counts])[0] == first


def test_counts_that_do_not_add_up_are_rejected() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        shown_numbers({"a": 10, "a/1": 3})
    with pytest.raises(ValueError, match="two counts"):
        build_knowledge({"one": rows_of_tree({"a": 1}), "other": rows_of_tree({"a": 2})}, RULES)


def test_below_practice_level_the_rule_is_one_step_stricter() -> None:
    for name in ("hes7r5", "opensafely_mid6", "acro10"):
        rules = profile(name)
        assert rules.rule_for("practice", "all") == rules.rule_for("locality", "age_band") == rules.rule
        assert rules.rule_for("lsoa", "all") == rules.rule_for("practice", "sex") == rules.below_practice
        assert rules.below_practice.threshold > rules.rule.threshold
        assert rules.below_practice.base > rules.rule.base
        assert rules.mark in ("S", "S-part")
        assert rules.source


def test_an_unknown_profile_is_rejected() -> None:
    with pytest.raises(UsageError, match="profile loose is not known; use one of hes7r5, opensafely_mid6, acro10"):
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
    with pytest.raises(UsageError, match=words):
        SmallCountRule.build("a", {"threshold": 7, "base": 5, "zero": "shown", "small_counts": "suppressed", "rounding": "nearest", **change})


def figure(count: int, of: int | None, unit: str) -> dict[str, Any]:
    """Build the figure of a count and its denominator, as published by the rule."""
    words = dict.fromkeys(("measure_name", "area_type", "area_code", "area_name", "group_type", "group"), "x")
    days = {"period_start": date(2013, 10, 1), "period_end": date(2014, 9, 30)}
    rows = [{**words, **days, "measure": "part", "unit": unit, "node": "part", "count": count, "among": None if of is None else "whole"}]
    if of is not None:
        rows.append({**words, **days, "measure": "whole", "unit": "count", "node": "whole", "count": of, "among": None})
    numbers = [
        {"node": row["node"], "number": None if RULES.rule.is_primary_suppressed(row["count"]) else RULES.rule.round_count(row["count"])} for row in rows
    ]  # type: ignore[arg-type]
    figures = build_figures(
        lazy(pl.DataFrame(rows, schema_overrides={"among": pl.String})), lazy(pl.DataFrame(numbers, {"node": pl.String, "number": pl.Int64}))
    )
    return collect(figures).filter(pl.col("measure") == "part").to_dicts()[0]


@pytest.mark.parametrize(
    ("count", "of", "numerator", "denominator", "value", "status", "why"),
    [
        (102, 198, 100, 200, 50.0, "shown", "the share is of rounded numbers"),
        (0, 200, 0, 200, 0.0, "shown", "zero is shown"),
        (200, 200, 200, 200, 100.0, "shown", "so is a share of 100%"),
        (7, 200, None, 200, None, "suppressed", "a small count"),
        (0, 5, None, None, None, "suppressed", "a small denominator"),
        (0, 0, 0, 0, None, "not applicable", "a denominator of zero"),
    ],
)
def test_figures(count: int, of: int | None, numerator: int | None, denominator: int | None, value: float | None, status: str, why: str) -> None:
    row = figure(count, of, "percent")
    assert (row["numerator"], row["denominator"], row["value"], row["status"]) == (numerator, denominator, value, status), why
    assert (row["lower"] is None) == (row["upper"] is None) == (value is None)


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
    row = figure(count, of, unit)
    assert row["value"] == value
    assert row["lower"] == (lower if lower is None else pytest.approx(lower, abs=0.011))
    assert row["upper"] == (upper if upper is None else pytest.approx(upper, abs=0.011))

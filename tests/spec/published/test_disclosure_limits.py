"""Disclosure control at its limits: which counts are suppressed, how the others are rounded, and what a reader is taken to know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.disclosure import Disclosure
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.attack import Attack
from bcf_linkage.published.disclosure_control.constraint_system import Bounds, ConstraintSystem, Loss
from bcf_linkage.published.disclosure_control.earlier_releases import parse_released_counts
from bcf_linkage.published.disclosure_control.figures import build_figures
from bcf_linkage.published.disclosure_control.knowledge import AdditionalConstraints, ReaderKnowledge, build_knowledge
from bcf_linkage.published.disclosure_control.release import ProtectedRelease, protect_release, released_counts, summarise_protection
from bcf_linkage.published.exact_counts import ExactCount, Node
from tests.frame_builder import collect, lazy

AS_AT = date(2014, 9, 30)
PROFILES = {name: Rulebook.build(AS_AT, name).disclosure for name in ("hes7r5", "opensafely_mid6", "acro10")}
HES = PROFILES["hes7r5"]

# Counts and their published numbers at every limit, None where suppressed. The second entry of each profile is below practice level.
SHOWN_AS: dict[tuple[str, bool], dict[int, int | None]] = {
    # 1 to 7 is hidden, then to the nearest 5: 8 + 2 = 10 is two fives, 12 + 2 = 14 too, 13 + 2 = 15 is three.
    ("hes7r5", False): {0: 0, 1: None, 7: None, 8: 10, 12: 10, 13: 15, 17: 15, 18: 20, 22: 20, 23: 25, 1_002: 1_000, 1_003: 1_005},
    # 1 to 10 is hidden, then to the nearest 10: 14 + 5 = 19 is one ten, 15 + 5 = 20 is two.
    ("hes7r5", True): {0: 0, 1: None, 10: None, 11: 10, 14: 10, 15: 20, 24: 20, 25: 30, 1_004: 1_000, 1_005: 1_010},
    # Runs of six from 1, each shown as its middle: 1 to 6 as 3, 7 to 12 as 9.
    ("opensafely_mid6", False): {0: 0, 1: 3, 6: 3, 7: 9, 12: 9, 13: 15, 18: 15, 19: 21, 1_002: 999, 1_003: 1_005},
    # Runs of twelve: 1 to 12 as 6, 13 to 24 as 18.
    ("opensafely_mid6", True): {0: 0, 1: 6, 12: 6, 13: 18, 24: 18, 25: 30, 36: 30, 37: 42},
    # 0 to 9 is hidden, then to the nearest 5.
    ("acro10", False): {0: None, 1: None, 9: None, 10: 10, 12: 10, 13: 15, 17: 15, 18: 20},
    # 0 to 14 is hidden, then to the nearest 10: 15 + 5 = 20.
    ("acro10", True): {0: None, 1: None, 14: None, 15: 20, 24: 20, 25: 30, 34: 30, 35: 40},
}


@pytest.mark.parametrize(("name", "below", "count", "number"), [(*key, *each) for key, numbers in SHOWN_AS.items() for each in numbers.items()])
def test_a_count_is_hidden_or_rounded_at_its_edge(name: str, below: bool, count: int, number: int | None) -> None:
    rule = PROFILES[name].below_practice if below else PROFILES[name].rule
    assert (None if rule.is_primary_suppressed(count) else rule.round_count(count)) == number


@pytest.mark.parametrize(
    ("name", "threshold", "base", "zero", "small_counts", "rounding", "below", "below_base"),
    [
        ("hes7r5", 7, 5, "shown", "suppressed", "nearest", 10, 10),
        ("opensafely_mid6", 6, 6, "shown", "rounded", "midpoint", 12, 12),
        ("acro10", 9, 5, "protected", "suppressed", "nearest", 14, 10),
    ],
)
def test_every_number_of_a_profile_is_that_of_its_source(
    name: str, threshold: int, base: int, zero: str, small_counts: str, rounding: str, below: int, below_base: int
) -> None:
    rule, stricter = PROFILES[name].rule, PROFILES[name].below_practice
    assert (rule.threshold, rule.base, rule.zero, rule.small_counts, rule.rounding) == (threshold, base, zero, small_counts, rounding)
    assert (stricter.threshold, stricter.base, stricter.zero, stricter.small_counts, stricter.rounding) == (below, below_base, zero, small_counts, rounding)


@pytest.mark.parametrize(
    ("name", "below", "least", "greatest"),
    [
        ("hes7r5", False, 1, 7),
        ("hes7r5", True, 1, 10),
        ("opensafely_mid6", False, 1, 6),
        ("opensafely_mid6", True, 1, 12),
        ("acro10", False, 0, 9),
        ("acro10", True, 0, 14),
    ],
)
def test_the_protected_counts_run_from_the_least_to_the_threshold(name: str, below: bool, least: int, greatest: int) -> None:
    protected_range = (PROFILES[name].below_practice if below else PROFILES[name].rule).protected_range
    assert (protected_range[0], protected_range[-1]) == (least, greatest)


@pytest.mark.parametrize(
    ("name", "below", "number", "least", "greatest"),
    [
        ("hes7r5", False, 0, 0, 0),
        ("hes7r5", False, 10, 8, 12),  # from 10 - 2 to 10 + 2
        ("hes7r5", False, 15, 13, 17),
        ("hes7r5", True, 10, 11, 14),  # 6 to 10 would round to it and are suppressed
        ("hes7r5", True, 20, 15, 24),  # from 20 - 5 to 20 + 4
        ("opensafely_mid6", False, 0, 0, 0),
        ("opensafely_mid6", False, 3, 1, 6),
        ("opensafely_mid6", False, 9, 7, 12),
        ("opensafely_mid6", True, 6, 1, 12),
        ("opensafely_mid6", True, 18, 13, 24),
        ("acro10", False, 10, 10, 12),  # 8 and 9 would round to it and are suppressed
        ("acro10", False, 15, 13, 17),
        ("acro10", True, 20, 15, 24),
    ],
)
def test_a_number_stands_for_the_counts_that_round_to_it(name: str, below: bool, number: int, least: int, greatest: int) -> None:
    assert (PROFILES[name].below_practice if below else PROFILES[name].rule).interval_for(number) == (least, greatest)


@pytest.mark.parametrize(
    ("area_type", "group_type", "stricter"),
    [
        ("practice", "all", False),
        ("cluster", "all", False),
        ("locality", "all", False),
        ("source", "all", False),
        ("cluster", "sex", False),
        ("locality", "sex", False),
        ("source", "sex", False),
        ("practice", "sex", True),
        ("lsoa", "all", True),
        ("lsoa", "sex", True),
        ("ward", "all", True),
    ],
)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_stricter_rule_is_for_counts_below_practice_level(profile: Disclosure, area_type: str, group_type: str, stricter: bool) -> None:
    assert profile.rule_for(area_type, group_type) == (profile.below_practice if stricter else profile.rule)


# --- Releases --------------------------------------------------------------------------------------------------------------------


def node(path: str, area_type: str = "cluster") -> Node:
    return Node(path, area_type, "x", "2014")


def rows_of_tree(tree: dict[str, int], area_type: str = "cluster", group_type: str = "all") -> list[ExactCount]:
    """Build counts by path: `a/b` is a part of `a`, and `n<a` a share of `a`."""
    return [
        ExactCount(
            measure="m",
            area_type=area_type,
            area_code="x",
            group_type=group_type,
            group="all",
            unit="percent" if "<" in path else "count",
            node=node(path, area_type),
            part_of=node(path.rpartition("/")[0], area_type) if "/" in path else None,
            split="area",
            among=node(path.partition("<")[2], area_type) if "<" in path else None,
            count=count,
        )
        for path, count in tree.items()
    ]


def knowledge_of(tree: dict[str, int], profile: Disclosure = HES, bounded_elsewhere: Sequence[str] = (), **location: str) -> ReaderKnowledge:
    additional = AdditionalConstraints(bounded_elsewhere=[node(path) for path in bounded_elsewhere])
    return build_knowledge({"counts": rows_of_tree(tree, **location)}, profile, additional=additional)


def shown(tree: dict[str, int], profile: Disclosure = HES, **location: str) -> dict[str, int | None]:
    release = protect_release(knowledge_of(tree, profile, **location))
    return {path: release.published_number(node(path, location.get("area_type", "cluster"))) for path in tree}


@pytest.mark.parametrize(
    ("name", "count", "number"),
    [
        ("hes7r5", 7, None),
        ("hes7r5", 8, 10),
        ("hes7r5", 193, None),  # leaves 7 of 200
        ("hes7r5", 192, 190),  # leaves 8
        ("hes7r5", 200, 200),
        ("hes7r5", 0, 0),
        ("opensafely_mid6", 1, 3),
        ("opensafely_mid6", 198, 195),  # 193 to 198 of 199 to 204: it may leave 1 to 11, all of 1 to 6
        ("opensafely_mid6", 199, None),  # 199 to 204 of as many: it could leave 5 at the most
        ("acro10", 9, None),
        ("acro10", 10, 10),
        ("acro10", 191, None),  # leaves 9
        ("acro10", 190, 190),  # leaves 10
        ("acro10", 200, None),  # leaves none, which is protected
    ],
)
def test_a_share_is_suppressed_where_it_or_its_remainder_is_protected(name: str, count: int, number: int | None) -> None:
    assert shown({"a": 200, "n<a": count}, PROFILES[name])["n<a"] == number


@pytest.mark.parametrize(
    ("area_type", "group_type", "count", "number"),
    [
        ("practice", "all", 8, 10),
        ("practice", "all", 7, None),
        ("practice", "sex", 10, None),
        ("practice", "sex", 11, 10),
        ("lsoa", "all", 10, None),
        ("lsoa", "all", 11, 10),
    ],
)
def test_a_release_follows_the_rule_of_the_area(area_type: str, group_type: str, count: int, number: int | None) -> None:
    assert shown({"a": count}, area_type=area_type, group_type=group_type) == {"a": number}


@pytest.mark.parametrize(
    ("tree", "suppressed"),
    [
        # 45 stands for 43 to 47 and 40 for 38 to 42: the suppressed part may be from 43 - 42 = 1 to 47 - 38 = 9, all of 1 to 7.
        ({"a": 45, "a/1": 5, "a/2": 40}, {"a/1"}),
        # 50 stands for 48 to 52, twice: the suppressed part may be 4 at most, so its sibling is suppressed as well.
        ({"a": 51, "a/1": 3, "a/2": 48}, {"a/1", "a/2"}),
        # Two suppressed parts beside 45 of 60: 58 to 62 less 43 to 47 is 11 to 19, so each part may be 1 to 7.
        ({"a": 60, "a/1": 7, "a/2": 8, "a/3": 45}, {"a/1"}),
        ({"a": 60, "a/1": 7, "a/2": 7, "a/3": 46}, {"a/1", "a/2"}),
    ],
)
def test_secondary_suppression(tree: dict[str, int], suppressed: set[str]) -> None:
    assert {path for path, number in shown(tree).items() if number is None} == suppressed


def test_a_suppressed_count_can_have_every_protected_value() -> None:
    tree = {"a": 51, "a/1": 3, "a/2": 48}
    for name, fewest in (("hes7r5", 7), ("acro10", 10)):
        tables = {"counts": rows_of_tree(tree)}
        release = protect_release(build_knowledge(tables, PROFILES[name]))
        (summary,) = summarise_protection(release, tables)
        # 1 to 7 are seven numbers, 0 to 9 ten.
        assert (summary.cells, summary.shown, summary.primary_suppressed, summary.secondary_suppressed) == (3, 1, 1, 1)
        assert (summary.attacked, summary.narrowed) == (1, 0)
        assert summary.fewest_possible is not None
        assert summary.fewest_possible >= fewest
        assert [(result.protected_cell.low, result.protected_cell.high) for result in release.attack_results] == [
            ({7: 1, 10: 0}[fewest], {7: 7, 10: 9}[fewest])
        ]


def test_what_a_later_release_knows_of_a_count() -> None:
    tables = {"counts": rows_of_tree({"a": 100, "a/1": 3, "a/2": 97, "n<a": 40})}
    release: ProtectedRelease = protect_release(build_knowledge(tables, HES))
    by_node = {released_count.node: released_count for released_count in released_counts(release, tables)}
    assert {(released_count.least, released_count.most) for released_count in by_node.values()} == {(1, 7)}
    # 40 stands for 38 to 42, and its remainder of 100 is at least eight.
    assert (by_node[node("n<a")].low, by_node[node("n<a")].high, by_node[node("n<a")].rest_low) == (38, 42, 8)
    # A suppressed number is at least 1, because zeros are shown.
    assert by_node[node("a/1")].low == 1


@pytest.mark.parametrize(("name", "least"), [("hes7r5", 1), ("acro10", 0)])
def test_a_suppressed_count_is_at_least_one_where_zeros_are_shown(name: str, least: int) -> None:
    knowledge = knowledge_of({"a": 3}, PROFILES[name])
    assert knowledge.system.bounds_if_hidden[knowledge.cells[node("a")]].low == least


@pytest.mark.parametrize(("name", "least"), [("hes7r5", 8), ("acro10", 10), ("opensafely_mid6", 0)])
def test_the_remainder_of_a_percentage_that_is_shown_is_above_the_threshold(name: str, least: int) -> None:
    knowledge = knowledge_of({"a": 200, "n<a": 100}, PROFILES[name])
    rest = knowledge.remainders[knowledge.cells[node("a")], knowledge.cells[node("n<a")]]
    assert knowledge.system.known_bounds[rest].low == least


@pytest.mark.parametrize(("count", "most"), [(7, 14), (8, None)])
def test_a_small_count_that_the_summary_bounds_is_at_most_twice_the_threshold(count: int, most: int | None) -> None:
    knowledge = knowledge_of({"a": count}, bounded_elsewhere=["a"])
    assert knowledge.largest_possible.get(node("a")) == most
    bounds = knowledge.system.bounds_if_hidden[knowledge.cells[node("a")]]
    # Otherwise it is above the threshold: at least 8.
    assert (bounds.low, bounds.high) == ((1, 14) if most else (8, Bounds().high))


def test_a_small_remainder_that_the_summary_bounds_is_at_most_twice_the_threshold() -> None:
    knowledge = knowledge_of({"a": 200, "n<a": 195}, bounded_elsewhere=["n<a"])
    assert knowledge.largest_possible[node("n<a")] == 14
    rest = knowledge.remainders[knowledge.cells[node("a")], knowledge.cells[node("n<a")]]
    assert knowledge.system.bounds_if_hidden[rest].high == 14


@pytest.mark.parametrize(
    ("area_type", "group_type", "weight"),
    [
        ("practice", "all", 0),
        ("practice", "sex", 0),
        ("cluster", "all", 1),
        ("cluster", "sex", 0),
        ("locality", "all", 2),
        ("locality", "sex", 1),
    ],
)
def test_the_loss_if_a_count_is_hidden(area_type: str, group_type: str, weight: int) -> None:
    knowledge = knowledge_of({"a": 200, "n<a": 100}, area_type=area_type, group_type=group_type)
    losses = [knowledge.system.loss[knowledge.cells[node(path, area_type)]] for path in ("a", "n<a")]
    # A denominator weighs two more.
    assert [loss and loss.weight for loss in losses] == [weight + 2, weight]


def test_a_count_that_the_summary_bounds_is_hidden_last() -> None:
    knowledge = knowledge_of({"a": 200}, bounded_elsewhere=["a"])
    loss = knowledge.system.loss[knowledge.cells[node("a")]]
    # One for a whole cluster, and four more.
    assert loss is not None
    assert loss.weight == 5


def test_a_node_is_its_text_and_is_stored_as_text() -> None:
    text = "age at_least 65 | locality | 10X | 2013-10-01 to 2014-09-30"
    parsed = Node.from_text(text)
    assert (str(parsed), parsed.area_code, parsed.period) == (text, "10X", "2013-10-01 to 2014-09-30")
    assert parsed == Node("age at_least 65", "locality", "10X", "2013-10-01 to 2014-09-30")
    assert str(parsed.in_all_localities()) == "age at_least 65 | everywhere | everywhere | 2013-10-01 to 2014-09-30"
    with pytest.raises(ValueError, match="a node has four parts"):
        Node.from_text("age at_least 65 | locality")


def test_released_counts_are_read_as_they_were_stored() -> None:
    tables = {"counts": rows_of_tree({"a": 100, "a/1": 3, "a/2": 97, "n<a": 40})}
    counts = released_counts(protect_release(build_knowledge(tables, HES)), tables)
    stored = [count.to_stored() for count in counts]
    assert stored[0][:4] == ("a | cluster | x | 2014", None, "area", None)
    assert parse_released_counts(stored) == counts


# --- The attack ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "count", "penalty"),
    [
        (0, 0, 1.0),
        (0, 1, 1.025),  # log2(2) / 40 = 0.025
        (0, 1023, 1.25),  # log2(1,024) / 40 = 0.25
        (1, 1, 4.1),  # (1 + 1) squared
        (2, 1, 9.225),
    ],
)
def test_the_penalty_of_a_violated_bound(weight: int, count: int, penalty: float) -> None:
    system = ConstraintSystem()
    system.add_count("a", count, loss=Loss(weight, count))
    assert Attack(system).penalty.tolist() == [pytest.approx(penalty, abs=1e-12)]


@pytest.mark.parametrize(
    ("low", "high", "has_slack"),
    [(76, 124, True), (77, 124, False), (76, 123, False)],  # 100 - 24 = 76 and 100 + 24 = 124
)
def test_a_sum_is_left_out_where_a_count_is_24_from_its_bounds(low: int, high: int, has_slack: bool) -> None:
    system = ConstraintSystem()
    whole, part, rest = system.add_count("whole", 103, Bounds(103, 103)), system.add_count("part", 3), system.add_count("rest", 100, Bounds(low, high))
    system.add_sum(whole, [part, rest])
    assert len(Attack(system, [part]).absorbed_sums) == int(has_slack)


def test_the_smallest_possible_value_follows_from_four_levels_of_parts() -> None:
    system = ConstraintSystem()
    chain = [system.add_count(f"level {n}", 5) for n in range(5)] + [system.add_count("last", 5, Bounds(5, 5))]
    for whole, part in pairwise(chain):
        system.add_sum(whole, [part])
    # The last is known to be 5, and so are the four above it.
    assert Attack(system).lower_bounds().tolist() == [0, 5, 5, 5, 5, 5]


# --- Figures ---------------------------------------------------------------------------------------------------------------------

WORDS = dict.fromkeys(("measure_name", "area_type", "area_code", "area_name", "group_type", "group"), "x")
DAYS = {"period_start": date(2013, 10, 1), "period_end": AS_AT}


def figure(number: int | None, of: int | None, unit: str) -> tuple[Any, ...]:
    """Return value, interval and status of a number and its denominator."""
    rows = [{**WORDS, **DAYS, "measure": "part", "unit": unit, "node": "part", "count": 1, "among": "whole"}]
    numbers = pl.DataFrame([{"node": "part", "number": number}, {"node": "whole", "number": of}], {"node": pl.String, "number": pl.Int64})
    return collect(build_figures(lazy(pl.DataFrame(rows)), lazy(numbers))).select("value", "lower", "upper", "status").row(0)


@pytest.mark.parametrize(
    ("unit", "value", "lower", "upper"),
    [
        # 10 of 1,000. Wilson: (0.01 + 0.00192073 -+ root(0.01 x 0.99 x 0.00384146 + 0.00384146 x 0.00384146 / 4)) / 1.00384146
        ("percent", 1.0, 0.54, 1.83),
        ("per 10,000", 100.0, 54.41, 183.09),
        # Byar: 10 x 0.782291 cubed = 4.787 and 11 x 1.186883 cubed = 18.391
        ("per 1,000", 10.0, 4.79, 18.39),
        ("per 100,000", 1_000.0, 478.74, 1_839.15),
        ("per 100,000 a month", 83.33, None, None),  # 1,000 / 12
    ],
)
def test_a_rate_is_in_its_unit_with_its_interval(unit: str, value: float, lower: float | None, upper: float | None) -> None:
    assert figure(10, 1_000, unit) == (value, lower, upper, "shown")


@pytest.mark.parametrize(
    ("number", "of", "status"),
    [(0, 1_000, "shown"), (None, 1_000, "suppressed"), (10, None, "suppressed"), (0, 0, "not applicable"), (0, 5, "shown")],
)
def test_a_rate_is_shown_where_both_numbers_are(number: int | None, of: int | None, status: str) -> None:
    assert figure(number, of, "percent")[3] == status

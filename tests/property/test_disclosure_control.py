"""Properties of disclosure control on random tables: every feasible table is feasible, and nothing is suppressed without need."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.attack import Attack, Objective
from bcf_linkage.published.disclosure_control.constraint_system import ConstraintSystem
from bcf_linkage.published.disclosure_control.knowledge import build_knowledge
from bcf_linkage.published.disclosure_control.release import protect_release
from tests.release_builder import Count, count_people, random_people, random_plan

RULES = Rulebook.build(date(2014, 9, 30)).disclosure
SEEDS = st.integers(0, 10**6)


def random_counts(seed: int) -> list[Count]:
    """Count random people in a random release."""
    rng = random.Random(seed)
    found, practices = random_people(rng)
    return count_people(found, random_plan(rng, practices, len(found[0].groups) if found else 0))


def satisfies(system: ConstraintSystem, values: list[int]) -> bool:
    """Whether the values violate no bound and no sum."""
    bounds = all(known.contains(value) for known, value in zip(system.known_bounds, values, strict=True))
    return bounds and all(sum(sign * values[cell] for cell, sign in members) == 0 for members in system.sums)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans(), st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from((1, -1)), st.integers(0, 9)), min_size=1, max_size=4))
def test_every_feasible_table_that_the_attack_finds_satisfies_the_constraints(seed: int, may_hide: bool, moves: list[tuple[int, int, int]]) -> None:
    knowledge = build_knowledge({"t": [count.row for count in random_counts(seed)]}, RULES)
    system, cells = knowledge.system, len(knowledge.system.names)
    attack = Attack(system, [cell % cells for cell, _, _ in moves])
    for number, step, distance in moves:
        cell = number % cells
        objective = Objective(cell, step, max(0, system.counts[cell] - distance), system.counts[cell] + distance)
        if table := attack.find_feasible_table([objective], may_hide):
            system.hide(table.hidden)
            assert may_hide or not table.hidden
            assert objective.low <= table.values[cell] <= objective.high
            assert (table.values[cell] - system.counts[cell]) * step >= 0
            assert satisfies(system, table.values.tolist())


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_small_counts_are_suppressed_and_a_zero_never_is(seed: int) -> None:
    rows = [count.row for count in random_counts(seed)]
    release = protect_release(build_knowledge({"t": rows}, RULES))
    assert release.is_protected
    for row in rows:
        number = release.published_number(row.node)
        assert number is None or (number == RULES.rule.round_count(row.count) and row.count not in RULES.rule.protected_range)
        assert row.count or number == 0


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS)
def test_the_order_of_rows_does_not_change_the_release(seed: int, shuffle: int) -> None:
    rows = [count.row for count in random_counts(seed)]
    shuffled = random.Random(shuffle).sample(rows, len(rows))
    assert protect_release(build_knowledge({"t": rows}, RULES)).published_numbers == protect_release(build_knowledge({"t": shuffled}, RULES)).published_numbers


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_nothing_is_suppressed_where_no_count_is_small(seed: int) -> None:
    rows = [replace(count.row, count=count.count * 8) for count in random_counts(seed)]
    release = protect_release(build_knowledge({"t": rows}, RULES))
    assert all(number is not None for number in release.published_numbers.values())


def test_a_system_rejects_parts_that_do_not_add_up() -> None:
    system = ConstraintSystem()
    whole, part = system.add_count("whole", 5), system.add_count("part", 3)
    with pytest.raises(ValueError, match="do not add up"):
        system.add_sum(whole, [part])

"""The attack tells the truth, and the defence does no more than it must, whatever the tables."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.attack import Aim, Attack
from bcf_linkage.published.disclosure_control.knowledge import known
from bcf_linkage.published.disclosure_control.release import released
from bcf_linkage.published.disclosure_control.system import System
from tests.made_releases import Count, counts, people, plan

RULES = Rulebook.build(date(2014, 9, 30)).disclosure
SEEDS = st.integers(0, 10**6)


def made(seed: int) -> list[Count]:
    rng = random.Random(seed)
    found, practices = people(rng)
    return counts(found, plan(rng, practices, len(found[0].groups) if found else 0))


def holds(system: System, values: list[int]) -> bool:
    """Whether nothing that was told is broken."""
    bounds = all(told.admits(value) for told, value in zip(system.told, values, strict=True))
    return bounds and all(sum(sign * values[cell] for cell, sign in members) == 0 for members in system.sums)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans(), st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from((1, -1)), st.integers(0, 9)), min_size=1, max_size=4))
def test_every_world_that_the_attack_finds_breaks_nothing(seed: int, may_hide: bool, aims: list[tuple[int, int, int]]) -> None:
    knowledge = known({"t": [one.row for one in made(seed)]}, RULES)
    system, cells = knowledge.system, len(knowledge.system.names)
    attack = Attack(system, [cell % cells for cell, _, _ in aims])
    for number, step, far in aims:
        cell = number % cells
        aim = Aim(cell, step, max(0, system.counts[cell] - far), system.counts[cell] + far)
        if world := attack.world([aim], may_hide):
            system.hide(world.hidden)
            assert may_hide or not world.hidden
            assert aim.low <= world.values[cell] <= aim.high
            assert (world.values[cell] - system.counts[cell]) * step >= 0
            assert holds(system, world.values.tolist())


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_what_is_guarded_is_suppressed_and_a_zero_never_is(seed: int) -> None:
    rows = [one.row for one in made(seed)]
    release = released(known({"t": rows}, RULES))
    assert release.held
    for row in rows:
        number = release.number(row["node"])
        assert number is None or (number == RULES.rule.rounded(row["count"]) and row["count"] not in RULES.rule.guarded)
        assert row["count"] or number == 0


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS)
def test_the_order_of_rows_decides_nothing(seed: int, shuffle: int) -> None:
    rows = [one.row for one in made(seed)]
    shuffled = random.Random(shuffle).sample(rows, len(rows))
    assert released(known({"t": rows}, RULES)).numbers == released(known({"t": shuffled}, RULES)).numbers


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_nothing_is_hidden_where_nothing_is_small(seed: int) -> None:
    rows = [one.row | {"count": one.count * 8} for one in made(seed)]
    release = released(known({"t": rows}, RULES))
    assert all(row["number"] is not None for row in release.numbers)


def test_a_system_refuses_what_is_not_so() -> None:
    system = System()
    whole, part = system.add("whole", 5), system.add("part", 3)
    with pytest.raises(ValueError, match="do not add up"):
        system.bind(whole, [part])

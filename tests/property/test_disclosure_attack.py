"""Random releases and the releases after them, attacked by an integer programme that shares no code with disclosure control."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pytest

from bcf_linkage.definitions.disclosure import Disclosure, SmallCountRule
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.earlier_releases import ReleasedCount
from bcf_linkage.published.disclosure_control.knowledge import build_knowledge
from bcf_linkage.published.disclosure_control.release import protect_release, released_counts
from bcf_linkage.published.exact_counts import Node
from tests.disclosure_attacker import UNBOUNDED, Attacker, Target, feasible_ranges
from tests.release_builder import Count, change_people, count_people, random_people, random_plan

PROFILES: dict[str, Disclosure] = {name: Rulebook.build(date(2014, 9, 30), name).disclosure for name in ("hes7r5", "opensafely_mid6", "acro10")}
EXPECT_PROTECTED = True
"""Whether a release must be protected. False in the test without secondary suppression."""

BATCH = 100
"""Cases that one programme attacks at once."""


@dataclass(frozen=True)
class Published:
    """A release as a reader sees it: its counts, and the published number of each node, None if suppressed."""

    counts: Sequence[Count]
    numbers: dict[Node, int | None]


@dataclass(frozen=True)
class Case:
    """Successive releases under one rule, and the true count of each identity after the last."""

    rule: SmallCountRule
    releases: Sequence[Published]
    truth: dict[object, int]


def build_case(seed: int, profile: str) -> Case:
    """Build one to three releases of the same people, each protected against those before it."""
    rng, disclosure = random.Random(seed), PROFILES[profile]
    people, practices = random_people(rng)
    kinds = len(people[0].groups) if people else 0
    releases: list[Published] = []
    earlier: list[list[ReleasedCount]] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        counts = count_people(people, random_plan(rng, practices, kinds))
        tables = {"counts": [count.row for count in counts]}
        release = protect_release(build_knowledge(tables, disclosure, earlier=earlier))
        assert release.is_protected or not EXPECT_PROTECTED
        earlier.append(released_counts(release, tables))
        releases.append(Published(counts, {count.node: release.published_number(count.node) for count in counts}))
        people = change_people(rng, people, practices)
    truth: dict[object, int] = {}
    for published in releases:
        truth |= {count.identity: count.count for count in published.counts}
    return Case(disclosure.rule, releases, truth)


def possible_counts(rule: SmallCountRule, number: int | None, count: int) -> tuple[int, int]:
    """Find by trial all counts that round to a number. A reader may also know which suppressed counts are zero."""
    if number is None:
        return (1 if count and rule.zero == "shown" else 0, UNBOUNDED)
    shown = [n for n in range(max(0, number - 20), number + 20) if not rule.is_primary_suppressed(n) and rule.round_count(n) == number]
    return (shown[0], shown[-1])


def build_attacker(case: Case, with_last: bool = True) -> Attacker:
    """Build an attacker who has every release, and assumes that a count did not change wherever that is possible.

    Without the numbers of the last release, the attacker has the earlier ones and knows only where the zeros are now.
    """
    attacker, truth = Attacker(), case.truth
    for identity, count in truth.items():
        attacker.add_bounds(identity, *(possible_counts(case.rule, None, count) if count or case.rule.zero == "protected" else (0, 0)))
    for published in case.releases:
        identities, is_known = {count.node: count.identity for count in published.counts}, with_last or published is not case.releases[-1]
        parts = defaultdict(set)
        for count in published.counts:
            low, high = possible_counts(case.rule, published.numbers[count.node], count.count)
            if is_known and low <= truth[count.identity] <= high:
                attacker.add_bounds(count.identity, low, high)
            if count.whole:
                parts[count.whole, count.split].add(count.identity)
            if count.among and truth[count.identity] <= truth[identities[count.among]]:
                attacker.add_part(count.identity, identities[count.among])
                # A percentage that is shown has no small remainder.
                is_shown, remainder = is_known and published.numbers[count.node] is not None, truth[identities[count.among]] - truth[count.identity]
                if is_shown and count.count and case.rule.small_counts == "suppressed" and remainder > case.rule.threshold:
                    attacker.add_part(count.identity, identities[count.among], case.rule.threshold + 1)
        for (whole, _), members in parts.items():
            if members != {identities[whole]} and sum(truth[part] for part in members) == truth[identities[whole]]:
                attacker.add_sum(identities[whole], members)
    return attacker


def targets(case: Case) -> Iterator[Target]:
    """Yield every count that the rule protects, and every protected remainder of a percentage."""
    seen = set()
    for published in case.releases:
        identities = {count.node: count.identity for count in published.counts}
        for count in published.counts:
            if case.truth[count.identity] in case.rule.protected_range and count.identity not in seen:
                seen.add(count.identity)
                yield {count.identity: 1}
            among = identities[count.among] if count.among else count.identity
            if case.truth[count.identity] and among != count.identity and (count.identity, among) not in seen:
                seen.add((count.identity, among))
                if case.truth[among] - case.truth[count.identity] in case.rule.protected_range:
                    yield {among: 1, count.identity: -1}


def find_narrowed(cases: Sequence[Case]) -> list[str]:
    """Attack the cases. Return each protected target that the last release narrows further than the earlier releases do."""
    found = []
    attackers, targets_by_case = [build_attacker(case) for case in cases], [list(targets(case)) for case in cases]
    for turn in range(max(map(len, targets_by_case), default=0)):
        aims = [case_targets[turn] if turn < len(case_targets) else None for case_targets in targets_by_case]
        for case, target, feasible in zip(cases, aims, feasible_ranges(attackers, aims), strict=True):
            protected = case.rule.protected_range
            if feasible is None or target is None or (feasible[0] <= protected[0] and feasible[1] >= protected[-1]):
                continue
            (before,) = feasible_ranges([build_attacker(case, with_last=False)], [target])
            # Where zeros are shown, a whole is at least the number of its parts above zero: as many values must then be possible above.
            low = max(protected[0], before[0])
            if feasible[0] > low or feasible[1] < min(low + len(protected) - 1, before[1]):
                found.append(f"{target} is {feasible[0]} to {feasible[1]}, and without this release {before[0]} to {before[1]}")
    return found


def attack_profile(profile: str, seeds: range) -> list[str]:
    """Attack one case per seed. Return what was narrowed, a line each."""
    batches = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
    return [f"{profile}, seeds {batch}: {narrowed}" for batch in batches for narrowed in find_narrowed([build_case(seed, profile) for seed in batch])]


@pytest.mark.parametrize("profile", PROFILES)
def test_an_independent_solver_narrows_nothing_that_the_rule_protects(profile: str) -> None:
    assert attack_profile(profile, range(70)) == []


@pytest.mark.long
@pytest.mark.parametrize(("profile", "releases"), [("hes7r5", 6_000), ("opensafely_mid6", 2_000), ("acro10", 2_000)])
def test_nothing_is_narrowed_in_ten_thousand_tables(profile: str, releases: int) -> None:
    assert attack_profile(profile, range(1_000, 1_000 + releases)) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_without_secondary_suppression_the_solver_narrows_some(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcf_linkage.published.disclosure_control.secondary_suppression._SecondarySuppression.attack_cell", lambda suppression, index: None)
    monkeypatch.setitem(globals(), "EXPECT_PROTECTED", False)
    assert attack_profile(profile, range(30))

"""Random releases and their successors, attacked by an integer programme that knows nothing of how they were protected."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pytest

from bcf_linkage.definitions.disclosure import Disclosure, Rule
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.disclosure_control.earlier import Fact
from bcf_linkage.published.disclosure_control.knowledge import known
from bcf_linkage.published.disclosure_control.release import facts, released
from tests.attacker import MANY, Reader, Target, ranges
from tests.made_releases import Count, changed, counts, people, plan

PROFILES: dict[str, Disclosure] = {name: Rulebook.build(date(2014, 9, 30), name).disclosure for name in ("hes7r5", "opensafely_mid6", "acro10")}
DEFENDED = True
BATCH = 100


@dataclass(frozen=True)
class Published:
    """A release as a reader sees it: its counts, and the number of each node, None if it is suppressed."""

    counts: Sequence[Count]
    numbers: dict[str, int | None]


@dataclass(frozen=True)
class Case:
    """Releases one after the other, under one rule; the number that a reader could have of each count, by its identity, at the end."""

    rule: Rule
    releases: Sequence[Published]
    truth: dict[object, int]


def case(seed: int, profile: str) -> Case:
    """One to three releases of the same people, protected one after the other."""
    rng, disclosure = random.Random(seed), PROFILES[profile]
    found, practices = people(rng)
    kinds = len(found[0].groups) if found else 0
    out: list[Published] = []
    told: list[list[Fact]] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        made = counts(found, plan(rng, practices, kinds))
        tables = {"counts": [one.row for one in made]}
        release = released(known(tables, disclosure, earlier=told))
        assert release.held or not DEFENDED
        told.append(facts(release, tables))
        out.append(Published(made, {one.node: release.number(one.node) for one in made}))
        found = changed(rng, found, practices)
    truth: dict[object, int] = {}
    for published in out:
        truth |= {one.what: one.count for one in published.counts}
    return Case(disclosure.rule, out, truth)


def could_be(rule: Rule, number: int | None, count: int) -> tuple[int, int]:
    """What a number tells, found by trying: all counts that are shown like that. A reader may know besides which suppressed counts are zero."""
    if number is None:
        return (1 if count and rule.zero == "shown" else 0, MANY)
    shown = [n for n in range(max(0, number - 20), number + 20) if not rule.suppresses(n) and rule.rounded(n) == number]
    return (shown[0], shown[-1])


def reader(case: Case, with_last: bool = True) -> Reader:
    """Somebody who has kept every release, and takes a count for unchanged wherever that is not plainly wrong.

    Without the last release's numbers it is somebody who has the earlier ones, and knows only where the zeros are now.
    """
    knows, truth = Reader(), case.truth
    for what, count in truth.items():
        knows.learns(what, *(could_be(case.rule, None, count) if count or case.rule.zero == "guarded" else (0, 0)))
    for published in case.releases:
        names = {one.node: one.what for one in published.counts}
        parts = defaultdict(set)
        for one in published.counts:
            low, high = could_be(case.rule, published.numbers[one.node], one.count)
            if (with_last or published is not case.releases[-1]) and low <= truth[one.what] <= high:
                knows.learns(one.what, low, high)
            if one.whole:
                parts[one.whole, one.split].add(one.what)
            if one.among and truth[one.what] <= truth[names[one.among]]:
                knows.lies_within(one.what, names[one.among])
                # A percentage that is shown leaves no small number of its whole.
                is_shown = published.numbers[one.node] is not None and (with_last or published is not case.releases[-1])
                if is_shown and one.count and case.rule.few == "suppressed" and truth[names[one.among]] - truth[one.what] > case.rule.threshold:
                    knows.lies_within(one.what, names[one.among], case.rule.threshold + 1)
        for (whole, _), of in parts.items():
            if of != {names[whole]} and sum(truth[part] for part in of) == truth[names[whole]]:
                knows.adds_up(names[whole], of)
    return knows


def targets(case: Case) -> Iterator[Target]:
    """Every count that the rule hides, and every such rest of a percentage."""
    seen = set()
    for published in case.releases:
        names = {one.node: one.what for one in published.counts}
        for one in published.counts:
            if case.truth[one.what] in case.rule.guarded and one.what not in seen:
                seen.add(one.what)
                yield {one.what: 1}
            among = names[one.among] if one.among else one.what
            if case.truth[one.what] and among != one.what and (one.what, among) not in seen:
                seen.add((one.what, among))
                if case.truth[among] - case.truth[one.what] in case.rule.guarded:
                    yield {among: 1, one.what: -1}


def narrowed(cases: Sequence[Case]) -> list[str]:
    """What an attack on the cases finds out that the rule hides, and that the earlier releases do not tell by themselves."""
    found = []
    readers, aims = [reader(one) for one in cases], [list(targets(one)) for one in cases]
    for turn in range(max(map(len, aims), default=0)):
        aim = [one[turn] if turn < len(one) else None for one in aims]
        for one, target, seen in zip(cases, aim, ranges(readers, aim), strict=True):
            hides = one.rule.guarded
            if seen is None or target is None or (seen[0] <= hides[0] and seen[1] >= hides[-1]):
                continue
            (bare,) = ranges([reader(one, with_last=False)], [target])
            # Where zeros are shown, a whole is known to be at least its parts that are not zero: as many values must then lie above.
            low = max(hides[0], bare[0])
            if seen[0] > low or seen[1] < min(low + len(hides) - 1, bare[1]):
                found.append(f"{target} is {seen[0]} to {seen[1]}, and without this release {bare[0]} to {bare[1]}")
    return found


def attacked(profile: str, seeds: range) -> list[str]:
    batches = [seeds[at : at + BATCH] for at in range(0, len(seeds), BATCH)]
    return [f"{profile}, seeds {batch}: {one}" for batch in batches for one in narrowed([case(seed, profile) for seed in batch])]


@pytest.mark.parametrize("profile", PROFILES)
def test_an_independent_solver_narrows_nothing_that_the_rule_hides(profile: str) -> None:
    assert attacked(profile, range(70)) == []


@pytest.mark.long
@pytest.mark.parametrize(("profile", "releases"), [("hes7r5", 6_000), ("opensafely_mid6", 2_000), ("acro10", 2_000)])
def test_nothing_is_narrowed_in_ten_thousand_tables(profile: str, releases: int) -> None:
    assert attacked(profile, range(1_000, 1_000 + releases)) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_without_a_second_suppression_the_solver_would_narrow_some(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcf_linkage.published.disclosure_control.protect._Defence.see_to", lambda defence, at: None)
    monkeypatch.setitem(globals(), "DEFENDED", False)
    assert attacked(profile, range(30))

"""Random people in random areas and groups, counted in random releases: input for tests of disclosure control."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bcf_linkage.published.exact_counts import ExactCount, Node

PERIOD = "2014"
Area = tuple[str, str]
LOCALITY: Area = ("locality", "L")
COHORTS = ("everybody", "some", "few")
"""Each is within the one before it, which is its denominator."""


@dataclass(frozen=True)
class Person:
    """A person: practice, group of each kind, and the last cohort of `COHORTS` that includes the person."""

    practice: int
    groups: tuple[int, ...]
    cohort: int


@dataclass(frozen=True)
class ReleasePlan:
    """How a release counts people: the cluster of each practice, the kinds of group of the locality, and the number of cohorts."""

    clusters: tuple[int, ...]
    groups: tuple[int, ...]
    cohorts: int


@dataclass(frozen=True)
class Count:
    """One count of a release. Its identity is cohort, group and practices, under any name."""

    identity: tuple[str, str, frozenset[int]]
    node: Node
    whole: Node | None
    split: str
    among: Node | None
    count: int

    @property
    def row(self) -> ExactCount:
        """The count as disclosure control reads it."""
        cohort, group, _ = self.identity
        return ExactCount(
            measure=cohort,
            area_type=self.node.area_type,
            area_code=self.node.area_code,
            group_type=self.split if group else "all",
            group=group or "all",
            unit="percent" if self.among else "count",
            node=self.node,
            part_of=self.whole,
            split=self.split,
            among=self.among,
            count=self.count,
        )


def random_people(rng: random.Random) -> tuple[list[Person], int]:
    """Draw people of some practices, few in many of them. Return them and the number of practices."""
    practices, kinds = rng.randint(2, 7), rng.randint(1, 2)
    sizes = [rng.choice((0, 1, 2, 4, 8, 9, 13, 20, 40, 90)) for _ in range(practices)]
    shares = rng.choice(((0, 0, 1), (0, 1, 2), (0, 0, 0, 1, 2), (0, 1, 1, 2, 2, 2)))
    groups = [rng.randint(2, 4) for _ in range(kinds)]
    drawn = [
        Person(practice, tuple(min(rng.randrange(size), rng.randrange(size)) for size in groups), rng.choice(shares))
        for practice, n in enumerate(sizes)
        for _ in range(n)
    ]
    return drawn, practices


def random_plan(rng: random.Random, practices: int, kinds: int) -> ReleasePlan:
    """Draw the clusters, kinds of group and cohorts of a release."""
    clusters = rng.randint(1, 3)
    groups = tuple(kind for kind in range(kinds) if rng.random() < 0.8)
    return ReleasePlan(tuple(rng.randrange(clusters) for _ in range(practices)), groups, rng.randint(1, 3))


def change_people(rng: random.Random, people_before: Sequence[Person], practices: int) -> list[Person]:
    """Change few of the people, as corrections between two releases do."""
    changes = rng.choice((0, 0, 1, 2, 5))
    later = list(people_before)
    for _ in range(min(changes, len(later))):
        index = rng.randrange(len(later))
        later[index] = replace(later[index], practice=rng.randrange(practices), cohort=rng.randrange(3))
        if rng.random() < 0.3:
            later.append(later[index])
    return later


def count_people(people_counted: Sequence[Person], release_plan: ReleasePlan) -> list[Count]:
    """Count all people in practices, clusters, the locality and its groups."""
    counted: list[Count] = []
    everywhere = frozenset(range(len(release_plan.clusters)))
    clusters = {cluster: frozenset(p for p, c in enumerate(release_plan.clusters) if c == cluster) for cluster in sorted(set(release_plan.clusters))}

    def node(cohort: str, area: Area, group: str = "") -> Node:
        return Node(f"{cohort} {group}", *area, PERIOD)

    def add(area: Area, practices: frozenset[int], parent: Area | None, split: str, group: str = "", kind: int = -1, of_group: int = -1) -> None:
        for rank, cohort in enumerate(COHORTS[: release_plan.cohorts]):
            count = sum(p.practice in practices and p.cohort >= rank and (kind < 0 or p.groups[kind] == of_group) for p in people_counted)
            among = node(COHORTS[rank - 1], area, group) if rank else None
            counted.append(Count((cohort, group, practices), node(cohort, area, group), parent and node(cohort, parent), split, among, count))

    add(LOCALITY, everywhere, None, "area")
    for cluster, practices in clusters.items():
        add(("cluster", f"{cluster}"), practices, LOCALITY, "area")
        for practice in sorted(practices):
            add(("practice", f"{practice}"), frozenset([practice]), ("cluster", f"{cluster}"), "area")
    for kind in release_plan.groups:
        for of_group in range(4):
            add(LOCALITY, everywhere, LOCALITY, f"kind {kind}", f"{kind}:{of_group}", kind, of_group)
    return counted

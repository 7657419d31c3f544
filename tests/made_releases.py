"""Random people in random areas and groups, published as random releases: what disclosure control is attacked on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

PERIOD = "2014"
COHORTS = ("everybody", "some", "few")
"""Each lies within the one before, which is its denominator."""


@dataclass(frozen=True)
class Person:
    practice: int
    groups: tuple[int, ...]
    cohort: int


@dataclass(frozen=True)
class Plan:
    """How a release counts people: the cluster of each practice, and by which groups the locality is divided."""

    clusters: tuple[int, ...]
    groups: tuple[int, ...]
    cohorts: int


@dataclass(frozen=True)
class Count:
    """One count of a release. `what` is its identity, whatever it is called: cohort, group and practices."""

    what: tuple[str, str, frozenset[int]]
    node: str
    whole: str | None
    split: str
    among: str | None
    count: int

    @property
    def row(self) -> dict[str, Any]:
        """The row as the protection takes it."""
        _, area_type, _, _ = self.node.split(" | ")
        group = self.what[1] or "all"
        place = {"measure": self.what[0], "area_type": area_type, "group_type": self.split if self.what[1] else "all", "group": group}
        return {
            **place,
            "node": self.node,
            "part_of": self.whole,
            "split": self.split,
            "among": self.among,
            "unit": "percent" if self.among else "count",
            "count": self.count,
        }


def people(rng: random.Random) -> tuple[list[Person], int]:
    """People of some practices, few in many of them; and the number of practices."""
    practices, kinds = rng.randint(2, 7), rng.randint(1, 2)
    sizes = [rng.choice((0, 1, 2, 4, 8, 9, 13, 20, 40, 90)) for _ in range(practices)]
    shares = rng.choice(((0, 0, 1), (0, 1, 2), (0, 0, 0, 1, 2), (0, 1, 1, 2, 2, 2)))
    groups = [rng.randint(2, 4) for _ in range(kinds)]
    found = [
        Person(practice, tuple(min(rng.randrange(size), rng.randrange(size)) for size in groups), rng.choice(shares))
        for practice, n in enumerate(sizes)
        for _ in range(n)
    ]
    return found, practices


def plan(rng: random.Random, practices: int, kinds: int) -> Plan:
    clusters = rng.randint(1, 3)
    groups = tuple(kind for kind in range(kinds) if rng.random() < 0.8)
    return Plan(tuple(rng.randrange(clusters) for _ in range(practices)), groups, rng.randint(1, 3))


def changed(rng: random.Random, found: Sequence[Person], practices: int) -> list[Person]:
    """The same people some corrections later: nearly all as they were."""
    changes = rng.choice((0, 0, 1, 2, 5))
    later = list(found)
    for _ in range(min(changes, len(later))):
        at = rng.randrange(len(later))
        later[at] = replace(later[at], practice=rng.randrange(practices), cohort=rng.randrange(3))
        if rng.random() < 0.3:
            later.append(later[at])
    return later


def counts(found: Sequence[Person], by: Plan) -> list[Count]:
    """Everybody counted, in practices, clusters, the locality and its groups."""
    made: list[Count] = []
    everywhere = frozenset(range(len(by.clusters)))
    clusters = {cluster: frozenset(p for p, c in enumerate(by.clusters) if c == cluster) for cluster in sorted(set(by.clusters))}

    def node(cohort: str, area: str, group: str = "") -> str:
        return f"{cohort} {group} | {area} | {PERIOD}"

    def add(area: str, practices: frozenset[int], parent: str | None, split: str, group: str = "", kind: int = -1, of_group: int = -1) -> None:
        for rank, cohort in enumerate(COHORTS[: by.cohorts]):
            count = sum(p.practice in practices and p.cohort >= rank and (kind < 0 or p.groups[kind] == of_group) for p in found)
            among = node(COHORTS[rank - 1], area, group) if rank else None
            made.append(Count((cohort, group, practices), node(cohort, area, group), parent and node(cohort, parent), split, among, count))

    add("locality | L", everywhere, None, "area")
    for cluster, practices in clusters.items():
        add(f"cluster | {cluster}", practices, "locality | L", "area")
        for practice in sorted(practices):
            add(f"practice | {practice}", frozenset([practice]), f"cluster | {cluster}", "area")
    for kind in by.groups:
        for of_group in range(4):
            add("locality | L", everywhere, "locality | L", f"kind {kind}", f"{kind}:{of_group}", kind, of_group)
    return made

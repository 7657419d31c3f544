"""What earlier releases told, and which of their counts are counts of this one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from typing import NamedTuple

from bcf_linkage.published.disclosure_control.system import NOTHING, Told
from bcf_linkage.published.exact import AREA, SEPARATOR


class Fact(NamedTuple):
    """A row of a release as later releases must know it: where its count stands among the others, the exact count, and its bounds as told.

    `among` is the denominator of a percentage, `rest_low` to `rest_high` what the percentage leaves of it, as told. `least` to `most`
    is what the rule hides.
    """

    node: str
    part_of: str | None
    split: str
    among: str | None
    exact: int
    low: int
    high: int
    least: int
    most: int
    rest_low: int
    rest_high: int

    @property
    def told_of_rest(self) -> Told:
        return Told(self.rest_low, self.rest_high)

    @property
    def told(self) -> Told:
        return Told(self.low, self.high)


class Identity(NamedTuple):
    """What a count counts: the smallest areas that make it up, and its own name if it is a group of them.

    An area that was redrawn is another count under the old name; one that was only renamed is the same count.
    """

    group: str
    areas: frozenset[str]


def identities(places: Iterable[tuple[str, str | None, str]]) -> dict[str, Identity]:
    """The identity of each node, from (node, part_of, split)."""
    parents = {node: (part_of, split) for node, part_of, split in places}
    parts = defaultdict(list)
    for node, (part_of, split) in parents.items():
        if part_of in parents and split == AREA:
            parts[part_of].append(node)

    @cache
    def areas(node: str) -> frozenset[str]:
        return frozenset[str]().union(*map(areas, parts[node])) if node in parts else frozenset([node])

    def identity(node: str, part_of: str | None, split: str) -> Identity:
        grouped = part_of in parents and split != AREA
        return Identity(node, areas(part_of)) if grouped and part_of else Identity("", areas(node))

    return {node: identity(node, *stands) for node, stands in parents.items()}


class Release(NamedTuple):
    """An earlier release: its facts, and the identity of each of their nodes."""

    facts: Sequence[Fact]
    identity: Mapping[str, Identity]


def of_periods(releases: Iterable[Iterable[Fact]], periods: Set[str]) -> list[Release]:
    """The releases without the facts of other periods, to which no sum binds anything."""
    kept = [[fact for fact in facts if period_of(fact.node) in periods] for facts in releases]
    return [Release(facts, identities((fact.node, fact.part_of, fact.split) for fact in facts)) for facts in kept if facts]


def period_of(node: str) -> str:
    """The period of a node."""
    return node.rpartition(SEPARATOR)[2]


def told_before(releases: Iterable[Release]) -> dict[Identity, list[Told]]:
    """What each release told of each count."""
    told: dict[Identity, list[Told]] = defaultdict(list)
    for release in releases:
        for fact in release.facts:
            told[release.identity[fact.node]].append(fact.told)
    return told


def admitted(told: Iterable[Told], count: int) -> Told:
    """What bounds tell together that all admit a count.

    Whoever believes that nothing changed between two releases could not be told otherwise by them; bounds that the count has left
    since tell nothing of it.
    """
    together = NOTHING
    for one in told:
        together = together.and_also(one) if one.admits(count) else together
    return together

"""What earlier releases show, and which of their counts are counts of the current release."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from typing import NamedTuple

from bcf_linkage.published.disclosure_control.constraint_system import NO_BOUNDS, Bounds
from bcf_linkage.published.exact_counts import AREA, Node, NodeParser

StoredCount = tuple[str, str | None, str, str | None, int, int, int, int, int, int, int]
"""A released count as it is stored: the columns of `storage.releases.SCHEMA`, nodes as text."""


class ReleasedCount(NamedTuple):
    """A count of a release, as later releases must know it: its position in the tree, the exact count, and the bounds that the release shows.

    `among` is the denominator of a percentage. `rest_low` to `rest_high` bound the remainder: the denominator less the count. `least` to
    `most` are the counts that the rule protects.
    """

    node: Node
    part_of: Node | None
    split: str
    among: Node | None
    exact: int
    low: int
    high: int
    least: int
    most: int
    rest_low: int
    rest_high: int

    @property
    def remainder_interval(self) -> Bounds:
        """Bounds of the remainder."""
        return Bounds(self.rest_low, self.rest_high)

    @property
    def known_interval(self) -> Bounds:
        """Bounds of the count."""
        return Bounds(self.low, self.high)

    def to_stored(self) -> StoredCount:
        """Return the count as it is stored."""
        part_of, among = (None if node is None else str(node) for node in (self.part_of, self.among))
        return (str(self.node), part_of, self.split, among, *self[4:])


def parse_released_counts(stored_counts: Iterable[StoredCount]) -> list[ReleasedCount]:
    """Convert stored counts of a release to `ReleasedCount`. Raises ValueError for a node that is malformed."""
    parser = NodeParser()
    return [
        ReleasedCount(parser.parse(node), parser.parse_optional(part_of), split, parser.parse_optional(among), *numbers)
        for node, part_of, split, among, *numbers in stored_counts
    ]


class CountIdentity(NamedTuple):
    """Content of a count: the smallest areas that make it up, and its own node if it is a group of them.

    An area whose boundary changed is a different count under the old name. An area that was only renamed is the same count.
    """

    group: Node | None
    areas: frozenset[Node]


def identify_counts(rows: Iterable[tuple[Node, Node | None, str]]) -> dict[Node, CountIdentity]:
    """Return the identity of each node, from (node, part_of, split)."""
    parents = {node: (part_of, split) for node, part_of, split in rows}
    parts = defaultdict(list)
    for node, (part_of, split) in parents.items():
        if part_of is not None and part_of in parents and split == AREA:
            parts[part_of].append(node)

    @cache
    def areas(node: Node) -> frozenset[Node]:
        return frozenset[Node]().union(*map(areas, parts[node])) if node in parts else frozenset([node])

    def identity(node: Node, part_of: Node | None, split: str) -> CountIdentity:
        is_group = part_of in parents and split != AREA
        return CountIdentity(node, areas(part_of)) if is_group and part_of else CountIdentity(None, areas(node))

    return {node: identity(node, *position) for node, position in parents.items()}


class EarlierRelease(NamedTuple):
    """An earlier release: its counts, and the identity of each of their nodes."""

    counts: Sequence[ReleasedCount]
    identities: Mapping[Node, CountIdentity]


def keep_periods(releases: Iterable[Iterable[ReleasedCount]], periods: Set[str]) -> list[EarlierRelease]:
    """Keep the counts of these periods and drop releases without any. No sum relates counts of different periods."""
    kept_releases = [[released_count for released_count in released_counts if released_count.node.period in periods] for released_counts in releases]
    return [
        EarlierRelease(counts, identify_counts((released_count.node, released_count.part_of, released_count.split) for released_count in counts))
        for counts in kept_releases
        if counts
    ]


def intervals_by_identity(releases: Iterable[EarlierRelease]) -> dict[CountIdentity, list[Bounds]]:
    """Return the bounds that each release shows of each count."""
    intervals: dict[CountIdentity, list[Bounds]] = defaultdict(list)
    for release in releases:
        for released_count in release.counts:
            intervals[release.identities[released_count.node]].append(released_count.known_interval)
    return intervals


def combine_consistent(intervals: Iterable[Bounds], count: int) -> Bounds:
    """Intersect the bounds that contain the count, and ignore the others.

    A reader who assumes that nothing changed between two releases finds no contradiction in the bounds that contain the count. Bounds
    that no longer contain it say nothing about it.
    """
    combined = NO_BOUNDS
    for interval in intervals:
        combined = combined.intersect(interval) if interval.contains(count) else combined
    return combined

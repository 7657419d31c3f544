"""A protected release: the published number of each count, what later releases must know of it, and a summary of its protection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TypedDict

from bcf_linkage.published.disclosure_control.constraint_system import NO_BOUNDS
from bcf_linkage.published.disclosure_control.earlier_releases import ReleasedCount
from bcf_linkage.published.disclosure_control.knowledge import ReaderKnowledge, Tables
from bcf_linkage.published.disclosure_control.secondary_suppression import AttackResult, apply_secondary_suppression
from bcf_linkage.published.exact_counts import Node

STATUS = "every suppressed number was attacked, with all tables and all earlier releases: this one narrows none that the rule hides"


@dataclass(frozen=True)
class ProtectedRelease:
    """A release after secondary suppression, with the result of each attack."""

    knowledge: ReaderKnowledge
    attack_results: Sequence[AttackResult]

    @property
    def is_protected(self) -> bool:
        """Whether every attack found as many feasible values as the rule protects. Always true if earlier releases narrow a count: they cannot be withdrawn."""
        return self.knowledge.has_earlier_releases or all(result.is_protected for result in self.attack_results)

    def published_number(self, node: Node) -> int | None:
        """Return the published number of a node, None if it is suppressed."""
        cell = self.knowledge.cells[node]
        return self.knowledge.rules[node].round_count(self.knowledge.system.counts[cell]) if self.knowledge.system.shown[cell] else None

    def largest_possible(self, node: Node) -> int | None:
        """Return an upper bound of a count: its number or, if it is suppressed as small, the bound that another table shows. None if there is none."""
        number = self.published_number(node)
        return self.knowledge.largest_possible.get(node) if number is None else number

    @property
    def published_numbers(self) -> dict[Node, int | None]:
        """The published number of every node, sorted by the text of the node."""
        return {node: self.published_number(node) for node in sorted(self.knowledge.cells, key=str)}


def protect_release(knowledge: ReaderKnowledge) -> ProtectedRelease:
    """Attack every protected count of a release, and suppress other counts until no attack succeeds."""
    return ProtectedRelease(knowledge, apply_secondary_suppression(knowledge.system, knowledge.protected_cells))


def released_counts(release: ProtectedRelease, tables: Tables) -> list[ReleasedCount]:
    """Return what later releases must know of this one: one row per count and position in the tree, sorted by their stored text."""
    knowledge, found_counts = release.knowledge, set()
    for rows in tables.values():
        for row in rows:
            rule, cell = knowledge.rules[row.node], knowledge.cells[row.node]
            among = row.among if row.unit == "percent" else None
            interval, remainder = knowledge.system.known_bounds[cell], None
            if among is not None and among in knowledge.cells:
                remainder = knowledge.remainders.get((knowledge.cells[among], cell))
            remainder_interval = NO_BOUNDS if remainder is None else knowledge.system.known_bounds[remainder]
            found_counts.add(
                ReleasedCount(
                    node=row.node,
                    part_of=row.part_of,
                    split=row.split,
                    among=among,
                    exact=row.count,
                    low=interval.low,
                    high=interval.high,
                    least=rule.protected_range[0],
                    most=rule.protected_range[-1],
                    rest_low=remainder_interval.low,
                    rest_high=remainder_interval.high,
                )
            )
    return sorted(found_counts, key=lambda released_count: str(released_count.to_stored()))


class PublishedSummary(TypedDict):
    """Columns of a protection summary that are published."""

    table: str
    cells: int
    shown: int
    suppressed: int
    status: str


@dataclass(frozen=True)
class ProtectionSummary:
    """How the counts of one table were protected.

    The split into primary and secondary suppression stays in the audit folder: a reader who knew that all suppressed numbers of a table
    are primary suppressed would know that none is above the threshold. `narrowed` counts those that earlier releases narrow by themselves.
    """

    table: str
    cells: int
    shown: int
    primary_suppressed: int
    secondary_suppressed: int
    attacked: int
    fewest_possible: int | None
    narrowed: int

    @property
    def published_columns(self) -> PublishedSummary:
        """The summary without the split into primary and secondary suppression."""
        return {
            "table": self.table,
            "cells": self.cells,
            "shown": self.shown,
            "suppressed": self.primary_suppressed + self.secondary_suppressed,
            "status": STATUS,
        }


def summarise_protection(release: ProtectedRelease, tables: Tables) -> list[ProtectionSummary]:
    """Return one summary per table, or per name before a colon. A count of several tables is in the summary of each."""
    nodes: dict[str, set[Node]] = defaultdict(set)
    for table, rows in tables.items():
        nodes[table.partition(":")[0]].update(row.node for row in rows)
    return [_summarise_table(release, table, nodes[table]) for table in sorted(nodes)]


def _summarise_table(release: ProtectedRelease, table: str, nodes: Set[Node]) -> ProtectionSummary:
    knowledge = release.knowledge
    cells = {knowledge.cells[node] for node in nodes}
    suppressed = {node for node in nodes if not knowledge.system.shown[knowledge.cells[node]]}
    results = [result for result in release.attack_results if result.protected_cell.published_cell in cells]
    return ProtectionSummary(
        table=table,
        cells=len(nodes),
        shown=len(nodes - suppressed),
        primary_suppressed=len(suppressed & knowledge.primary_suppressed),
        secondary_suppressed=len(suppressed - knowledge.primary_suppressed),
        attacked=len(results),
        fewest_possible=min((result.feasible_values for result in results), default=None),
        narrowed=sum(not result.is_protected for result in results),
    )

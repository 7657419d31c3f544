"""A release: the number of every count, what it tells a later release, and the account of how it was attacked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from bcf_linkage.published.disclosure_control.earlier import Fact
from bcf_linkage.published.disclosure_control.knowledge import Knowledge, Tables
from bcf_linkage.published.disclosure_control.protect import Tried, protect
from bcf_linkage.published.disclosure_control.system import NOTHING

STATUS = "every suppressed number was attacked, with all tables and all earlier releases: this one narrows none that the rule hides"


@dataclass(frozen=True)
class Release:
    """What is decided of a release."""

    knowledge: Knowledge
    tried: Sequence[Tried]

    @property
    def held(self) -> bool:
        """Whether every attack found as many values as the rule hides, but for what earlier releases tell by themselves."""
        return self.knowledge.after_others or all(tried.held for tried in self.tried)

    def number(self, node: str) -> int | None:
        """The number that is published for a node, None if it is hidden."""
        cell = self.knowledge.cells[node]
        return self.knowledge.rules[node].rounded(self.knowledge.system.counts[cell]) if self.knowledge.system.shown[cell] else None

    def most(self, node: str) -> int | None:
        """How large the count of a node can be: its number, or, if it is hidden and small, how large a small one is said to be."""
        number = self.number(node)
        return self.knowledge.most.get(node) if number is None else number

    @property
    def numbers(self) -> list[dict[str, Any]]:
        """One row per node: its number."""
        return [{"node": node, "number": self.number(node)} for node in sorted(self.knowledge.cells)]


def released(knowledge: Knowledge) -> Release:
    """Protect what is known of a release: every guarded count is attacked, and what must be hidden is."""
    return Release(knowledge, protect(knowledge.system, knowledge.guards))


def facts(release: Release, tables: Tables) -> list[Fact]:
    """What the release tells, for releases that come after it."""
    knowledge, found = release.knowledge, set()
    for rows in tables.values():
        for row in rows:
            node, rule = row["node"], knowledge.rules[row["node"]]
            cell, among = knowledge.cells[node], row["among"] if row["unit"] == "percent" else None
            told, rest = knowledge.system.told[cell], knowledge.rests.get((knowledge.cells.get(among or "", -1), cell))
            of_rest = NOTHING if rest is None else knowledge.system.told[rest]
            stands = (node, row["part_of"], row["split"], among, row["count"])
            found.add(Fact(*stands, told.low, told.high, rule.guarded[0], rule.guarded[-1], of_rest.low, of_rest.high))
    return sorted(found, key=str)


@dataclass(frozen=True)
class Account:
    """What became of the counts of a table.

    Which suppressed numbers are guarded and which were hidden for their company stays in the audit: who knew that all of a table's
    are guarded would know that none is above the threshold. `narrowed` are those that earlier releases narrow by themselves.
    """

    table: str
    cells: int
    shown: int
    guarded: int
    company: int
    tried: int
    fewest_possible: int | None
    narrowed: int

    @property
    def published(self) -> dict[str, Any]:
        """The account as it may be published."""
        return {"table": self.table, "cells": self.cells, "shown": self.shown, "suppressed": self.guarded + self.company, "status": STATUS}


def account(release: Release, tables: Tables) -> list[Account]:
    """One account per table, or per name before a colon; a count that stands in several tables is in the account of each."""
    nodes: dict[str, set[str]] = defaultdict(set)
    for table, rows in tables.items():
        nodes[table.partition(":")[0]].update(row["node"] for row in rows)
    return [_of_table(release, table, nodes[table]) for table in sorted(nodes)]


def _of_table(release: Release, table: str, nodes: Set[str]) -> Account:
    knowledge = release.knowledge
    cells = {knowledge.cells[node] for node in nodes}
    hidden = {node for node in nodes if not knowledge.system.shown[knowledge.cells[node]]}
    tried = [one for one in release.tried if one.guard.published in cells]
    return Account(
        table=table,
        cells=len(nodes),
        shown=len(nodes - hidden),
        guarded=len(hidden & knowledge.few),
        company=len(hidden - knowledge.few),
        tried=len(tried),
        fewest_possible=min((one.possible for one in tried), default=None),
        narrowed=sum(not one.held for one in tried),
    )

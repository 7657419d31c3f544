"""What a delivery is judged by: every declared rule of its table, and its key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Consequence, Constraint, Table


@dataclass(frozen=True, kw_only=True)
class Unique(Constraint):
    """No two rows share a key. A row whose key is blank in any part has none, and breaks `Required` instead."""

    key: tuple[str, ...]

    @property
    def words(self) -> str:
        return "not the same as on an earlier row"


def judged(table: Table) -> Iterator[tuple[str, Constraint]]:
    """Every (column, rule) that a delivery is judged by: the declared rules in their order, then the key, its columns joined by `+`."""
    yield from ((column.name, rule) for column, rule in table.rules)
    if table.key:
        yield "+".join(table.key), Unique(key=table.key)


def rule_of(extract: str, column: str, rule: str) -> Constraint:
    """The constraint of that name. Raises KeyError."""
    return {(name, constraint.rule): constraint for name, constraint in judged(EXTRACTS[extract])}[column, rule]


def consequence_of(constraint: Constraint) -> str:
    """What becomes of a row that breaks the rule, in words."""
    return "the first row is kept, the others are set aside as duplicates" if isinstance(constraint, Unique) else constraint.consequence.value


def gates(constraint: Constraint) -> bool:
    """Whether breaking the rule costs the row, so that a delivery may not break it too often."""
    return constraint.consequence is Consequence.REFUSE_ROW

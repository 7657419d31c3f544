"""The rules for a delivery: every declared rule of its table, and its key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Consequence, Constraint, Table


@dataclass(frozen=True, kw_only=True)
class Unique(Constraint):
    """No two rows have the same key. A row with a blank in its key has no key, and breaks `Required` instead."""

    key: tuple[str, ...]

    @property
    def words(self) -> str:
        return "not the same as on an earlier row"


def list_rules(table: Table) -> Iterator[tuple[str, Constraint]]:
    """Yield every (column, rule) for a delivery: the declared rules in their order, then the key, its columns joined by `+`."""
    yield from ((column.name, rule) for column, rule in table.rules)
    if table.key:
        yield "+".join(table.key), Unique(key=table.key)


def find_rule(extract: str, column: str, rule: str) -> Constraint:
    """Return the rule of that name on a column of an extract. Raises KeyError."""
    return {(name, constraint.rule): constraint for name, constraint in list_rules(EXTRACTS[extract])}[column, rule]


def consequence_text(constraint: Constraint) -> str:
    """Return what happens to a row that breaks the rule, in words."""
    return "the first row is kept, the others are set aside as duplicates" if isinstance(constraint, Unique) else constraint.consequence.value


def is_gated(constraint: Constraint) -> bool:
    """Return whether a row that breaks the rule is refused, so that the gate limits how often a delivery may break it."""
    return constraint.consequence is Consequence.REFUSE_ROW

"""Exact counts, before disclosure control: one row per count, with its position in the tree of counts.

`node` identifies a count: what is counted, in which area, in which period. Counts with the same node are one number, in any table and
under any name, and disclosure control decides them once. `part_of` is the node of the whole that the count is a part of. `split` names
the way that whole is divided: the counts of one whole and one split add up to the whole. `among` is the node of the denominator, which
is a row of the same frame.

Frames have a node as text, so that every engine can join on it. Disclosure control reads the rows as `ExactCount`, whose nodes are `Node`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import narwhals as nw

from bcf_linkage.definitions.periods import Period

LABEL_COLUMNS = ("measure", "measure_name", "area_type", "area_code", "area_name", "group_type", "group", "period_start", "period_end", "unit")
TREE_COLUMNS = ("node", "part_of", "split", "among")
EXACT_COLUMNS = (*LABEL_COLUMNS, *TREE_COLUMNS, "count")
ALL, AREA, ALL_LOCALITIES = "all", "area", "everywhere"
SEPARATOR = " | "

CONTROL_COLUMNS = ("measure", "area_type", "area_code", "group_type", "group", "unit", *TREE_COLUMNS, "count")
"""Columns of exact counts that disclosure control reads."""

CountRow = tuple[str, str, str, str, str, str, str, str | None, str, str | None, int]
"""A row of exact counts with the columns `CONTROL_COLUMNS`; its nodes are text."""


@dataclass(frozen=True, slots=True)
class Node:
    """Identity of a count. `description` names the cohort, metric or measure, and its group if it has one; `period` has the first and last day."""

    description: str
    area_type: str
    area_code: str
    period: str
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Nodes are keys of dictionaries in loops over all counts of a release, so each hash is computed once.
        object.__setattr__(self, "_hash", hash((self.description, self.area_type, self.area_code, self.period)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        """Return the text of the node, as in frames and stored releases."""
        return SEPARATOR.join((self.description, self.area_type, self.area_code, self.period))

    @classmethod
    def from_text(cls, text: str) -> Node:
        """Parse the text of a node. Raises ValueError if it does not have four parts."""
        parts = text.rsplit(SEPARATOR, 3)
        if len(parts) != 4:
            raise ValueError(f"a node has four parts (description, area type, area code, period), but this one has {len(parts)}: {text}")
        return cls(*parts)

    def in_all_localities(self) -> Node:
        """Return the node of the same count in all localities together."""
        return Node(self.description, ALL_LOCALITIES, ALL_LOCALITIES, self.period)


@dataclass(frozen=True, slots=True)
class ExactCount:
    """One row of exact counts as disclosure control reads it."""

    measure: str
    area_type: str
    area_code: str
    group_type: str
    group: str
    unit: str
    node: Node
    part_of: Node | None
    split: str
    among: Node | None
    count: int


class NodeParser:
    """Parser that returns one and the same `Node` for the same text, so that most comparisons of nodes are comparisons of identity."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def parse(self, text: str) -> Node:
        """Parse the text of a node. Raises ValueError if it does not have four parts."""
        if text not in self._nodes:
            self._nodes[text] = Node.from_text(text)
        return self._nodes[text]

    def parse_optional(self, text: str | None) -> Node | None:
        """Parse the text of a node, or return None for a missing one."""
        return None if text is None else self.parse(text)


def parse_counts(tables: Mapping[str, Iterable[CountRow]]) -> dict[str, list[ExactCount]]:
    """Convert rows of exact counts by table, with the columns `CONTROL_COLUMNS`, to `ExactCount`. Raises ValueError for a malformed node."""
    parser = NodeParser()
    return {table: [_parse_count(row, parser) for row in rows] for table, rows in tables.items()}


def _parse_count(row: CountRow, parser: NodeParser) -> ExactCount:
    measure, area_type, area_code, group_type, group, unit, node, part_of, split, among, count = row
    position = (parser.parse(node), parser.parse_optional(part_of), split, parser.parse_optional(among))
    return ExactCount(measure, area_type, area_code, group_type, group, unit, *position, count)


def node_for(description: nw.Expr, area_type: nw.Expr, area_code: nw.Expr, period: Period) -> nw.Expr:
    """Return the text of a node as a column, in the form that `Node.from_text` reads. Null if any part is null."""
    return nw.concat_str(description, area_type, area_code, nw.lit(f"{period.start} to {period.end}"), separator=SEPARATOR)


def label_for_code(column: nw.Expr, labels: Mapping[str, str]) -> nw.Expr:
    """Return the label of each code. Null for a code without one."""
    if not labels:
        return nw.lit(None).cast(nw.String)
    return column.replace_strict(labels, default=None, return_dtype=nw.String)

"""What a reader of the release knows before secondary suppression: the constraint system built from the rows of all tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from bcf_linkage.definitions.criteria import CountDefinition, Criteria, criteria_text, find_overlaps, nested_pairs
from bcf_linkage.definitions.disclosure import Disclosure, SmallCountRule
from bcf_linkage.published.disclosure_control.constraint_system import NO_BOUNDS, Bounds, ConstraintSystem, Loss
from bcf_linkage.published.disclosure_control.earlier_releases import (
    CountIdentity,
    EarlierRelease,
    ReleasedCount,
    combine_consistent,
    identify_counts,
    intervals_by_identity,
    keep_periods,
)
from bcf_linkage.published.disclosure_control.figures import PROPORTIONS
from bcf_linkage.published.disclosure_control.secondary_suppression import ProtectedCell
from bcf_linkage.published.exact_counts import ALL, ExactCount, Node

Tables = Mapping[str, Sequence[ExactCount]]
"""Exact counts by table."""


@dataclass(frozen=True)
class AdditionalConstraints:
    """What a reader knows of counts besides the tree of counts.

    `disjoint_parts`: a whole, and parts of it that do not overlap. `equal_remainders`: a whole, its part, another whole and its part,
    where both wholes leave the same remainder. `bounded_elsewhere`: counts for which another table says, where they are suppressed,
    whether they are small. Secondary suppression hides those last.
    """

    disjoint_parts: Sequence[tuple[Node, Sequence[Node]]] = ()
    equal_remainders: Sequence[tuple[Node, Node, Node, Node]] = ()
    bounded_elsewhere: Collection[Node] = ()


NO_ADDITIONAL_CONSTRAINTS = AdditionalConstraints()


@dataclass
class ReaderKnowledge:
    """The constraint system of a release: the cell and rule of each node, which nodes are primary suppressed, and which cells are protected.

    `largest_possible` is an upper bound of a suppressed count, or of its remainder, where another table shows that it is small.
    """

    system: ConstraintSystem = field(default_factory=ConstraintSystem)
    cells: dict[Node, int] = field(default_factory=dict)
    cells_by_identity: dict[CountIdentity, int] = field(default_factory=dict)
    rules: dict[Node, SmallCountRule] = field(default_factory=dict)
    primary_suppressed: set[Node] = field(default_factory=set)
    protected_cells: list[ProtectedCell] = field(default_factory=list)
    remainders: dict[tuple[int, int], int] = field(default_factory=dict)
    largest_possible: dict[Node, int] = field(default_factory=dict)
    sums: set[tuple[int, frozenset[int]]] = field(default_factory=set)
    has_earlier_releases: bool = False

    def remainder(self, whole: int, part: int) -> int:
        """Return the cell of the remainder: a whole less its part. It is never published by itself."""
        if (whole, part) not in self.remainders:
            counts, names = self.system.counts, self.system.names
            self.remainders[whole, part] = self.system.add_count(f"{names[whole]} without {names[part]}", counts[whole] - counts[part])
            self.system.add_sum(whole, [part, self.remainders[whole, part]])
        return self.remainders[whole, part]

    def add_complete_parts(self, whole: int, parts: Set[int]) -> None:
        """Add the constraint that the parts add up to the whole, unless it is there."""
        if parts != {whole} and (whole, frozenset(parts)) not in self.sums:
            self.sums.add((whole, frozenset(parts)))
            self.system.add_sum(whole, sorted(parts))

    def add_disjoint_parts(self, whole: int, parts: Set[int]) -> None:
        """Add the constraint that the parts do not overlap within the whole. They need not fill it. Parts larger than the whole are ignored."""
        difference = self.system.counts[whole] - sum(self.system.counts[part] for part in parts)
        if difference > 0:
            parts = parts | {self.system.add_count(f"{self.system.names[whole]} beside {len(parts)} parts", difference)}
        if difference >= 0:
            self.add_complete_parts(whole, parts)

    def protect_cell(self, cell: int, protected_range: range, interval: Bounds, published_cell: int) -> None:
        """Protect a count if the rule protects its value, within what an earlier release shows of it: that cannot be withdrawn."""
        if self.system.counts[cell] in protected_range:
            self.protected_cells.append(ProtectedCell(cell, max(protected_range[0], interval.low), min(protected_range[-1], interval.high), published_cell))


def build_knowledge(
    tables: Tables,
    disclosure: Disclosure,
    definitions: Mapping[str, Mapping[str, CountDefinition]] = MappingProxyType({}),
    additional: AdditionalConstraints = NO_ADDITIONAL_CONSTRAINTS,
    earlier: Sequence[Iterable[ReleasedCount]] = (),
) -> ReaderKnowledge:
    """Build what a reader knows of the exact counts of a release.

    `definitions` are the criteria of the measures, by table and measure code. Raises ValueError if a node has two counts, or if parts
    do not add up to their whole.
    """
    knowledge = ReaderKnowledge()
    # The order of cells and sums decides between equally good solutions. Sorted by text, the same release is the same on every run.
    rows = sorted((row for table_rows in tables.values() for row in table_rows), key=lambda row: (str(row.node), row.measure))
    relevant_releases = keep_periods(earlier, {row.node.period for row in rows})
    knowledge.has_earlier_releases = bool(relevant_releases)
    _add_counts(knowledge, rows, disclosure, intervals_by_identity(relevant_releases), additional.bounded_elsewhere)
    _add_sums(knowledge, rows)
    _add_shares(knowledge, rows)
    for cells_by_criteria in _group_by_location(knowledge, tables, definitions):
        _add_nested_counts(knowledge, cells_by_criteria)
    _add_additional_constraints(knowledge, additional)
    _add_summary_bounds(knowledge, rows, additional.bounded_elsewhere)
    for release in reversed(relevant_releases):
        _add_earlier_release(knowledge, release, intervals_by_identity(relevant_releases))
    return knowledge


def _add_counts(
    knowledge: ReaderKnowledge,
    rows: Sequence[ExactCount],
    disclosure: Disclosure,
    earlier_intervals: Mapping[CountIdentity, Sequence[Bounds]],
    bounded_elsewhere: Collection[Node],
) -> None:
    """Add each node once, with the bounds that its own number shows, if it is shown, and those that earlier releases show."""
    identity_of_node = identify_counts((row.node, row.part_of, row.split) for row in rows)
    rows_by_node = {row.node: row for row in rows}
    denominators = {row.among for row in rows}
    for row in rows:
        if rows_by_node[row.node].count != row.count:
            raise ValueError(f"{row.node} has two counts")
        rule = knowledge.rules[row.node] = disclosure.rule_for(row.area_type, row.group_type)
        remainder = _protectable_remainder(row, rows_by_node)
        if rule.is_primary_suppressed(row.count) or (remainder is not None and row.count and rule.is_primary_suppressed(remainder)):
            knowledge.primary_suppressed.add(row.node)
    for node, row in rows_by_node.items():
        rule, count, is_shown = knowledge.rules[node], row.count, node not in knowledge.primary_suppressed
        earlier_interval = combine_consistent(earlier_intervals.get(identity_of_node[node], ()), count)
        bounds_if_hidden = Bounds(1 if count and rule.zero == "shown" else 0).intersect(earlier_interval)
        is_fixed = is_shown and count == 0
        loss = None if is_fixed else Loss(_loss_weight(row) + 2 * (node in denominators) + 4 * (node in bounded_elsewhere), count)
        cell = knowledge.system.add_count(
            str(node),
            count,
            Bounds(*rule.interval_for(rule.round_count(count))) if is_shown else bounds_if_hidden,
            earlier_interval if is_fixed else bounds_if_hidden,
            loss,
            is_shown,
        )
        knowledge.cells[node] = knowledge.cells_by_identity[identity_of_node[node]] = cell
        knowledge.protect_cell(cell, rule.protected_range, earlier_interval, cell)


def _protectable_remainder(row: ExactCount, rows_by_node: Mapping[Node, ExactCount]) -> int | None:
    """Return the denominator of a percentage less its count, which is protected as a count is. None for any other count."""
    if row.unit != "percent" or row.among is None or row.among == row.node or row.among not in rows_by_node:
        return None
    return rows_by_node[row.among].count - row.count


def _loss_weight(row: ExactCount) -> int:
    """Return how much is lost if a count is hidden: least for a practice, most for a whole locality."""
    is_whole = row.group_type == ALL
    return 1 + is_whole if row.area_type == "locality" else int(is_whole and row.area_type != "practice")


def _add_sums(knowledge: ReaderKnowledge, rows: Sequence[ExactCount]) -> None:
    """Add the sums of the tree: parts add up to their whole, and localities to all localities."""
    cells = knowledge.cells
    parts: dict[tuple[Node, str], set[int]] = defaultdict(set)
    for row in rows:
        if row.part_of is not None:
            parts[row.part_of, row.split].add(cells[row.node])
        if row.area_type == "locality" and (everywhere := row.node.in_all_localities()) != row.node:
            parts[everywhere, "locality"].add(cells[row.node])
    for (whole, _), members in _sorted_by_text(parts):
        if whole in cells:
            knowledge.add_complete_parts(cells[whole], members)


def _sorted_by_text(parts: Mapping[tuple[Node, str], set[int]]) -> list[tuple[tuple[Node, str], set[int]]]:
    """Sort parts by the text of their whole, then by the split."""
    return sorted(parts.items(), key=lambda item: (str(item[0][0]), item[0][1]))


def _add_shares(knowledge: ReaderKnowledge, rows: Sequence[ExactCount]) -> None:
    """Add the remainder of each proportion: its denominator less its count. The remainder of a percentage is protected as a count is.

    A percentage that is shown tells the reader that its remainder is not small: otherwise it would be hidden. The only part of a whole
    leaves nothing, which everybody can see.
    """
    system = knowledge.system
    for row in rows:
        cell, among = knowledge.cells[row.node], None if row.among is None else knowledge.cells.get(row.among)
        if among is None or among == cell or row.unit not in PROPORTIONS or system.counts[among] < system.counts[cell]:
            continue
        remainder, rule = knowledge.remainder(among, cell), knowledge.rules[row.node]
        if row.unit == "percent" and row.count:
            if (among, frozenset([cell])) not in knowledge.sums:
                knowledge.protect_cell(remainder, rule.protected_range, NO_BOUNDS, cell)
            if rule.small_counts == "suppressed" and system.shown[cell]:
                system.tighten(remainder, Bounds(rule.threshold + 1) if system.counts[remainder] else Bounds(0, 0), revealing_cell=cell)


def _add_summary_bounds(knowledge: ReaderKnowledge, rows: Sequence[ExactCount], bounded_elsewhere: Collection[Node]) -> None:
    """Add what the summary shows of a suppressed count: whether it, or its remainder, is small. A small one is at most twice the threshold.

    The threshold itself would show too much where parts above zero rule out the lowest values: as many values must then be possible
    above the threshold.
    """
    system = knowledge.system
    for row in rows:
        node, rule = row.node, knowledge.rules[row.node]
        if node not in bounded_elsewhere or rule.small_counts != "suppressed":
            continue
        cell = knowledge.cells[node]
        if node not in knowledge.primary_suppressed:
            system.tighten(cell, Bounds(rule.threshold + 1 if row.count else 0))
            continue
        small_cell = cell
        if row.among is not None and not rule.is_primary_suppressed(row.count):
            small_cell = knowledge.remainders[knowledge.cells[row.among], cell]
        knowledge.largest_possible[node] = 2 * rule.threshold
        system.tighten(small_cell, Bounds(high=2 * rule.threshold))


def _add_additional_constraints(knowledge: ReaderKnowledge, additional: AdditionalConstraints) -> None:
    """Add the constraints between the counts that this release has."""
    cells = knowledge.cells
    for whole, parts in additional.disjoint_parts:
        known_parts = {cells[part] for part in parts if part in cells}
        if whole in cells and known_parts:
            knowledge.add_disjoint_parts(cells[whole], known_parts)
    for quadruple in additional.equal_remainders:
        if cells.keys() >= set(quadruple):
            first_whole, first_part, second_whole, second_part = (cells[node] for node in quadruple)
            knowledge.add_complete_parts(knowledge.remainder(first_whole, first_part), {knowledge.remainder(second_whole, second_part)})


def _add_earlier_release(knowledge: ReaderKnowledge, release: EarlierRelease, earlier_intervals: Mapping[CountIdentity, Sequence[Bounds]]) -> None:
    """Add the counts of an earlier release that this one does not have, and the sums of that release that are still true."""
    system, positions = knowledge.system, knowledge.cells_by_identity
    parts: dict[tuple[Node, str], set[int]] = defaultdict(set)
    cells: dict[Node, int] = {}
    for released_count in release.counts:
        identity = release.identities[released_count.node]
        if identity not in positions:
            interval = combine_consistent(earlier_intervals[identity], released_count.exact)
            positions[identity] = system.add_count(str(released_count.node), released_count.exact, interval, interval)
            knowledge.protect_cell(positions[identity], range(released_count.least, released_count.most + 1), interval, positions[identity])
        cells[released_count.node] = positions[identity]
        if released_count.part_of:
            parts[released_count.part_of, released_count.split].add(cells[released_count.node])
    for (whole, _), members in _sorted_by_text(parts):
        if whole in cells and system.counts[cells[whole]] == sum(system.counts[member] for member in members):
            knowledge.add_complete_parts(cells[whole], members)
    for released_count in release.counts:
        cell, among = cells[released_count.node], cells.get(released_count.among, -1) if released_count.among else -1
        if among not in (-1, cell) and system.counts[cell] <= system.counts[among]:
            is_new, remainder = (among, cell) not in knowledge.remainders, knowledge.remainder(among, cell)
            if released_count.remainder_interval.contains(system.counts[remainder]):
                system.tighten(remainder, released_count.remainder_interval)
            if is_new:
                knowledge.protect_cell(remainder, range(released_count.least, released_count.most + 1), NO_BOUNDS, cell)


def _group_by_location(knowledge: ReaderKnowledge, tables: Tables, definitions: Mapping[str, Mapping[str, CountDefinition]]) -> Iterator[dict[Criteria, int]]:
    """Yield, for each kind of count, area, period and group, the cells of the counts that have criteria."""
    by_location: dict[tuple[str, ...], dict[Criteria, int]] = defaultdict(dict)
    for table in sorted(definitions.keys() & tables.keys()):
        for row in sorted(tables[table], key=lambda row: str(row.node)):
            counted_kind, criteria = definitions[table][row.measure]
            location = (row.node.area_type, row.node.area_code, row.node.period, row.group_type, row.group, *counted_kind)
            by_location[location][criteria] = knowledge.cells[row.node]
    yield from by_location.values()


def _add_nested_counts(knowledge: ReaderKnowledge, cells: Mapping[Criteria, int]) -> None:
    """Add the constraints between the counts of one location.

    Each count is within those with wider criteria. Where two overlap and their intersection is published, the number of a wider count
    that meets neither follows.
    """
    pairs, crossings = _find_relations(frozenset(cells))
    for inner, outer in pairs:
        if cells[inner] != cells[outer]:
            knowledge.remainder(cells[outer], cells[inner])
    for outer, first, second, intersection in crossings:
        if len({cells[outer], cells[first], cells[second], cells[intersection]}) == 4:
            outside_first, second_only = knowledge.remainder(cells[outer], cells[first]), knowledge.remainder(cells[second], cells[intersection])
            knowledge.remainder(outside_first, second_only)


# Cached, as most locations publish the same set of criteria and the comparison grows with its square.
@cache
def _find_relations(
    criteria_set: frozenset[Criteria],
) -> tuple[tuple[tuple[Criteria, Criteria], ...], tuple[tuple[Criteria, Criteria, Criteria, Criteria], ...]]:
    """Return the nested pairs and the overlaps of a set of criteria, in a fixed order."""
    ordered = sorted(criteria_set, key=criteria_text)
    return tuple(nested_pairs(ordered)), tuple(find_overlaps(ordered))

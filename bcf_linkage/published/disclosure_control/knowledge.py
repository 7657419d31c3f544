"""From the rows of all tables to what a reader of the release would know, before anything is hidden for company."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from bcf_linkage.definitions.disclosure import Disclosure, Rule
from bcf_linkage.definitions.meanings import Meaning, Said, crossing, in_words, nested
from bcf_linkage.published.disclosure_control.earlier import Fact, Identity, Release, admitted, identities, of_periods, period_of, told_before
from bcf_linkage.published.disclosure_control.figures import PROPORTIONS
from bcf_linkage.published.disclosure_control.protect import Guard
from bcf_linkage.published.disclosure_control.system import NOTHING, System, Told
from bcf_linkage.published.exact import ALL, SEPARATOR, everywhere

Row = Mapping[str, Any]
"""A row of exact counts, with the columns of `EXACT`."""

Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Besides:
    """What is known of counts besides the tree in which they stand, all by node.

    `within`: a whole, and parts that lie apart within it. `same_rests`: a whole, its part, another whole and its part, where what is
    left of the one whole is what is left of the other. `spoken_of`: counts of which another table says, where they are suppressed,
    whether that is for being small: they are hidden for company last.
    """

    within: Sequence[tuple[str, Sequence[str]]] = ()
    same_rests: Sequence[tuple[str, str, str, str]] = ()
    spoken_of: Collection[str] = ()


NOTHING_BESIDES = Besides()


@dataclass
class Knowledge:
    """The system of a release: the cell of each node, the rule by which it is published, which it suppresses, and what must hold.

    `most` is how large a suppressed count can be, or what it leaves of its whole, where another table speaks of it.
    """

    system: System = field(default_factory=System)
    cells: dict[str, int] = field(default_factory=dict)
    positions: dict[Identity, int] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    few: set[str] = field(default_factory=set)
    guards: list[Guard] = field(default_factory=list)
    rests: dict[tuple[int, int], int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    sums: set[tuple[int, frozenset[int]]] = field(default_factory=set)
    after_others: bool = False

    def rest(self, whole: int, part: int) -> int:
        """What a part leaves of its whole: a count that is never published by itself."""
        if (whole, part) not in self.rests:
            counts, names = self.system.counts, self.system.names
            self.rests[whole, part] = self.system.add(f"{names[whole]} without {names[part]}", counts[whole] - counts[part])
            self.system.bind(whole, [part, self.rests[whole, part]])
        return self.rests[whole, part]

    def add_up(self, whole: int, parts: Set[int]) -> None:
        """Bind the parts of a whole, once."""
        if parts != {whole} and (whole, frozenset(parts)) not in self.sums:
            self.sums.add((whole, frozenset(parts)))
            self.system.bind(whole, sorted(parts))

    def divide(self, whole: int, parts: Set[int]) -> None:
        """Bind parts that lie apart within a whole, though more may lie there. Parts that are more than the whole do not."""
        left = self.system.counts[whole] - sum(self.system.counts[part] for part in parts)
        if left > 0:
            parts = parts | {self.system.add(f"{self.system.names[whole]} beside {len(parts)} parts", left)}
        if left >= 0:
            self.add_up(whole, parts)

    def guard(self, cell: int, hides: range, told: Told, published: int) -> None:
        """Guard a count if it is one that the rule hides. What an earlier release told of it directly cannot be taken back."""
        if self.system.counts[cell] in hides:
            self.guards.append(Guard(cell, max(hides[0], told.low), min(hides[-1], told.high), published))


def known(
    tables: Tables,
    disclosure: Disclosure,
    said: Mapping[str, Mapping[str, Said]] = MappingProxyType({}),
    besides: Besides = NOTHING_BESIDES,
    earlier: Sequence[Iterable[Fact]] = (),
) -> Knowledge:
    """What a reader knows of the exact counts of a release.

    `said` is what the measures of a table mean, by table and code. Raises ValueError if a node has two counts, or a sum does not hold.
    """
    knowledge = Knowledge()
    rows = sorted((row for of_table in tables.values() for row in of_table), key=lambda row: (row["node"], row["measure"]))
    before = of_periods(earlier, {period_of(row["node"]) for row in rows})
    knowledge.after_others = bool(before)
    _counts(knowledge, rows, disclosure, told_before(before), besides.spoken_of)
    _sums(knowledge, rows)
    _shares(knowledge, rows)
    for place in _places(knowledge, tables, said):
        _nest(knowledge, place)
    _besides(knowledge, besides)
    _spoken_of(knowledge, rows, besides.spoken_of)
    for release in reversed(before):
        _of_earlier(knowledge, release, told_before(before))
    return knowledge


def _counts(knowledge: Knowledge, rows: Sequence[Row], disclosure: Disclosure, before: Mapping[Identity, Sequence[Told]], spoken_of: Collection[str]) -> None:
    """Every node once, with what is told of it: by its own number, if it has one, and by earlier releases."""
    identity = identities((row["node"], row["part_of"], row["split"]) for row in rows)
    places = {row["node"]: row for row in rows}
    denominators = {row["among"] for row in rows}
    for row in rows:
        node, count = row["node"], row["count"]
        if places[node]["count"] != count:
            raise ValueError(f"{node} has two counts")
        rule = knowledge.rules[node] = disclosure.rule_for(row["area_type"], row["group_type"])
        if rule.suppresses(count) or (_is_share(row, places) and count and rule.suppresses(places[row["among"]]["count"] - count)):
            knowledge.few.add(node)
    for node, row in places.items():
        rule, count, shown = knowledge.rules[node], row["count"], node not in knowledge.few
        since = admitted(before.get(identity[node], ()), count)
        hidden = Told(1 if count and rule.zero == "shown" else 0).and_also(since)
        fixed = shown and count == 0
        loss = None if fixed else (_weight(row) + 2 * (node in denominators) + 4 * (node in spoken_of), count, node)
        cell = knowledge.system.add(node, count, Told(*rule.told(rule.rounded(count))) if shown else hidden, since if fixed else hidden, loss, shown)
        knowledge.cells[node] = knowledge.positions[identity[node]] = cell
        knowledge.guard(cell, rule.guarded, since, cell)


def _is_share(row: Row, places: Container[str]) -> bool:
    """Whether what the count leaves of its denominator is guarded as well."""
    return row["unit"] == "percent" and row["among"] in places and row["among"] != row["node"]


def _weight(row: Row) -> int:
    """How much is lost if a count is hidden: least in a practice, most for a whole locality."""
    whole = bool(row["group_type"] == ALL)
    return 1 + whole if row["area_type"] == "locality" else int(whole and row["area_type"] != "practice")


def _sums(knowledge: Knowledge, rows: Sequence[Row]) -> None:
    """Parts add up to their whole, and localities to everywhere."""
    cells = knowledge.cells
    parts: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in rows:
        parts[row["part_of"], row["split"]].add(cells[row["node"]])
        if row["area_type"] == "locality" and everywhere(row["node"]) != row["node"]:
            parts[everywhere(row["node"]), "locality"].add(cells[row["node"]])
    for (whole, _), members in sorted(parts.items(), key=lambda one: str(one[0])):
        if whole in cells:
            knowledge.add_up(cells[whole], members)


def _shares(knowledge: Knowledge, rows: Sequence[Row]) -> None:
    """A proportion lies within its denominator. Of a percentage, what it leaves of its denominator is guarded as a count is.

    Who sees a percentage knows that it leaves no small number: it would not be shown. A whole's only part leaves nothing, as
    everybody can see.
    """
    system = knowledge.system
    for row in rows:
        cell, among = knowledge.cells[row["node"]], knowledge.cells.get(row["among"])
        if among is None or among == cell or row["unit"] not in PROPORTIONS or system.counts[among] < system.counts[cell]:
            continue
        rest, rule = knowledge.rest(among, cell), knowledge.rules[row["node"]]
        if row["unit"] == "percent" and row["count"]:
            if (among, frozenset([cell])) not in knowledge.sums:
                knowledge.guard(rest, rule.guarded, NOTHING, cell)
            if rule.few == "suppressed" and system.shown[cell]:
                system.tell(rest, Told(rule.threshold + 1) if system.counts[rest] else Told(0, 0), by=cell)


def _spoken_of(knowledge: Knowledge, rows: Sequence[Row], spoken_of: Collection[str]) -> None:
    """Tell of a suppressed count whether it is small, as what it leaves of its whole may be: not above twice the threshold.

    To name the threshold would tell too much where parts that are not zero bar the lowest numbers: as many must then be possible above it.
    """
    system = knowledge.system
    for row in rows:
        node, rule = row["node"], knowledge.rules[row["node"]]
        if node not in spoken_of or rule.few != "suppressed":
            continue
        cell = knowledge.cells[node]
        if node not in knowledge.few:
            system.tell(cell, Told(rule.threshold + 1 if row["count"] else 0))
            continue
        small = cell if rule.suppresses(row["count"]) else knowledge.rests[knowledge.cells[row["among"]], cell]
        knowledge.most[node] = 2 * rule.threshold
        system.tell(small, Told(high=2 * rule.threshold))


def _besides(knowledge: Knowledge, besides: Besides) -> None:
    cells = knowledge.cells
    for whole, parts in besides.within:
        known_parts = {cells[part] for part in parts if part in cells}
        if whole in cells and known_parts:
            knowledge.divide(cells[whole], known_parts)
    for four in besides.same_rests:
        if cells.keys() >= set(four):
            one, of_one, other, of_other = (cells[node] for node in four)
            knowledge.add_up(knowledge.rest(one, of_one), {knowledge.rest(other, of_other)})


def _of_earlier(knowledge: Knowledge, release: Release, before: Mapping[Identity, Sequence[Told]]) -> None:
    """Add the counts of an earlier release that this one does not have, and bind them by the sums that still hold."""
    system, positions = knowledge.system, knowledge.positions
    parts: dict[tuple[str, str], set[int]] = defaultdict(set)
    at: dict[str, int] = {}
    for fact in release.facts:
        identity = release.identity[fact.node]
        if identity not in positions:
            told = admitted(before[identity], fact.exact)
            positions[identity] = system.add(fact.node, fact.exact, told, told)
            knowledge.guard(positions[identity], range(fact.least, fact.most + 1), told, positions[identity])
        at[fact.node] = positions[identity]
        if fact.part_of:
            parts[fact.part_of, fact.split].add(at[fact.node])
    for (whole, _), members in sorted(parts.items()):
        if whole in at and system.counts[at[whole]] == sum(system.counts[member] for member in members):
            knowledge.add_up(at[whole], members)
    for fact in release.facts:
        cell, among = at[fact.node], at.get(fact.among or "", -1)
        if among not in (-1, cell) and system.counts[cell] <= system.counts[among]:
            is_new, rest = (among, cell) not in knowledge.rests, knowledge.rest(among, cell)
            if fact.told_of_rest.admits(system.counts[rest]):
                system.tell(rest, fact.told_of_rest)
            if is_new:
                knowledge.guard(rest, range(fact.least, fact.most + 1), NOTHING, cell)


def _places(knowledge: Knowledge, tables: Tables, said: Mapping[str, Mapping[str, Said]]) -> Iterator[dict[Meaning, int]]:
    """For each place (sort of count, area, group and period) the cells of the counts that mean something there."""
    places: dict[tuple[str, ...], dict[Meaning, int]] = defaultdict(dict)
    for table in sorted(said.keys() & tables.keys()):
        for row in sorted(tables[table], key=lambda row: str(row["node"])):
            sort, meant = said[table][row["measure"]]
            _, *place = row["node"].split(SEPARATOR)
            places[*place, row["group_type"], row["group"], *sort][meant] = knowledge.cells[row["node"]]
    yield from places.values()


def _nest(knowledge: Knowledge, place: Mapping[Meaning, int]) -> None:
    """Bind the counts of one place: each lies within the wider ones, and where two overlap so many of a wider one meet neither."""
    pairs, crossings = _relations(frozenset(place))
    for inner, outer in pairs:
        if place[inner] != place[outer]:
            knowledge.rest(place[outer], place[inner])
    for outer, one, other, both in crossings:
        if len({place[outer], place[one], place[other], place[both]}) == 4:
            outside, beside = knowledge.rest(place[outer], place[one]), knowledge.rest(place[other], place[both])
            knowledge.rest(outside, beside)


@cache
def _relations(said: frozenset[Meaning]) -> tuple[tuple[tuple[Meaning, Meaning], ...], tuple[tuple[Meaning, Meaning, Meaning, Meaning], ...]]:
    ordered = sorted(said, key=in_words)
    return tuple(nested(ordered)), tuple(crossing(ordered))

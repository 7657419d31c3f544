"""What a definition says, whatever it is called: two cohorts of one meaning are one, and one cohort may lie within another by its clauses alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from bcf_linkage.definitions.measures import Clause, Cohort, Metric


class Saying(NamedTuple):
    """A clause that can be compared: a list of values is a set of them."""

    column: str
    operator: str
    value: Any

    def __str__(self) -> str:
        value = ", ".join(sorted(map(str, self.value))) if isinstance(self.value, frozenset) else self.value
        return f"{self.column} {self.operator} {value}"


Meaning = frozenset[Saying]

Said = tuple[tuple[str, ...], Meaning]
"""What sort of thing is counted, and which of them."""

IMPLIES: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_least": lambda one, other: one >= other,
    "below": lambda one, other: one <= other,
    "one_of": lambda one, other: one <= other,
    "none_of": lambda one, other: one >= other,
}
"""By operator, whether a value implies another: who is at least 75 is at least 65. Of other operators a clause implies itself alone."""


def meaning(clauses: Iterable[Clause | Saying]) -> Meaning:
    """What the clauses say together, without those that follow from others."""
    sayings = {Saying(c.column, c.operator, frozenset(c.value) if isinstance(c.value, list) else c.value) for c in clauses}
    return frozenset(one for one in sayings if not any(other != one and _implies(other, one) for other in sayings))


def meanings(measures: Iterable[Cohort | Metric]) -> dict[str, Meaning]:
    """Code to meaning. A cohort says all that the cohort says among which it is counted; a metric's denominator is no part of what it counts."""
    said: dict[str, Meaning] = {}
    for measure in measures:
        among = said[measure.among] if isinstance(measure, Cohort) and measure.among else frozenset()
        said[measure.code] = meaning((*among, *measure.where))
    return said


def in_words(said: Meaning) -> str:
    """The meaning in one line, the same for the same meaning."""
    return " and ".join(sorted(map(str, said))) or "everybody"


def sayings(measures: Sequence[Cohort | Metric]) -> dict[str, Said]:
    """Code to the sort of thing that is counted, and which of them: people, who are the residents among events, need no word."""
    said = meanings(measures)
    return {m.code: (() if isinstance(m, Cohort) or m.events == "resident" else (m.events, *filter(None, [m.sums])), said[m.code]) for m in measures}


def what_is_counted(measures: Sequence[Cohort | Metric]) -> dict[str, str]:
    """Code to what is counted, in words."""
    return {code: " ".join((*sort, in_words(said))) for code, (sort, said) in sayings(measures).items()}


def lies_within(one: Meaning, other: Meaning) -> bool:
    """Whether whoever meets the one also meets the other."""
    return all(any(_implies(said, wanted) for said in one) for wanted in other)


def nested(said: Collection[Meaning]) -> Iterator[tuple[Meaning, Meaning]]:
    """(inner, outer) for each meaning and the next wider ones."""
    for one in said:
        wider = [other for other in said if other != one and lies_within(one, other)]
        yield from ((one, other) for other in wider if not any(lies_within(between, other) for between in wider if between != other))


def crossing(said: Collection[Meaning]) -> Iterator[tuple[Meaning, Meaning, Meaning, Meaning]]:
    """(outer, one, other, both): two meanings within a third, and the meaning of both at once. So many of the outer can meet neither."""
    known = frozenset(said)
    for one, other in combinations(sorted(known, key=in_words), 2):
        both = meaning((*one, *other))
        if both in known - {one, other}:
            around = [outer for outer in known - {one, other} if lies_within(one, outer) and lies_within(other, outer)]
            yield from ((outer, one, other, both) for outer in around if not any(lies_within(less, outer) for less in around if less != outer))


def _implies(one: Saying, other: Saying) -> bool:
    same = one == other
    if same or (one.column, one.operator) != (other.column, other.operator):
        return same
    return IMPLIES[one.operator](one.value, other.value) if one.operator in IMPLIES else False

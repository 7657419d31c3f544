"""Compare definitions by their clauses, whatever they are called.

Two cohorts with the same clauses are one count. A cohort may be a subset of another by its clauses alone. Disclosure control
needs both facts: equal counts must be published alike, and a subset bounds the count of its superset.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import NamedTuple

from bcf_linkage.definitions.measures import Clause, ClauseScalar, Cohort, Metric


class ComparableClause(NamedTuple):
    """A clause that can be hashed and compared: a list of values becomes a set."""

    column: str
    operator: str
    value: ClauseScalar | frozenset[ClauseScalar]

    def __str__(self) -> str:
        value = ", ".join(sorted(map(str, self.value))) if isinstance(self.value, frozenset) else self.value
        return f"{self.column} {self.operator} {value}"


Criteria = frozenset[ComparableClause]
"""All clauses of a definition, without those that follow from others."""

CountDefinition = tuple[tuple[str, ...], Criteria]
"""The kind of event that is counted (none for people), and the criteria."""


def combine_clauses(clauses: Iterable[Clause | ComparableClause]) -> Criteria:
    """Return the clauses as criteria. A clause that follows from another is left out: at least 75 implies at least 65."""
    comparable_clauses = {ComparableClause(c.column, c.operator, frozenset(c.value) if isinstance(c.value, list) else c.value) for c in clauses}
    return frozenset(clause for clause in comparable_clauses if not any(other != clause and _implies_clause(other, clause) for other in comparable_clauses))


def criteria_by_code(measures: Iterable[Cohort | Metric]) -> dict[str, Criteria]:
    """Return the criteria of each measure by its code.

    A cohort includes the criteria of the cohort that it is counted among. A metric does not include those of its denominator.
    """
    criteria: dict[str, Criteria] = {}
    for measure in measures:
        among = criteria[measure.among] if isinstance(measure, Cohort) and measure.among else frozenset()
        criteria[measure.code] = combine_clauses((*among, *measure.where))
    return criteria


def criteria_text(criteria: Criteria) -> str:
    """Return the criteria as one line of text. Equal criteria give equal text."""
    return " and ".join(sorted(map(str, criteria))) or "everybody"


def count_definitions(measures: Sequence[Cohort | Metric]) -> dict[str, CountDefinition]:
    """Return the kind of event and the criteria of each measure by its code.

    The kind is empty for people: the members of a cohort, and the events of kind `resident`. So equal counts compare equal.
    """
    criteria = criteria_by_code(measures)
    return {m.code: (() if isinstance(m, Cohort) or m.events == "resident" else (m.events, *filter(None, [m.sums])), criteria[m.code]) for m in measures}


def count_descriptions(measures: Sequence[Cohort | Metric]) -> dict[str, str]:
    """Return the kind of event and the criteria of each measure as text, by its code."""
    return {code: " ".join((*kind, criteria_text(criteria))) for code, (kind, criteria) in count_definitions(measures).items()}


def is_subset(inner: Criteria, outer: Criteria) -> bool:
    """Return whether everybody who meets `inner` also meets `outer`, by the clauses alone."""
    return all(any(_implies_clause(clause, required) for clause in inner) for required in outer)


def nested_pairs(criteria_set: Collection[Criteria]) -> Iterator[tuple[Criteria, Criteria]]:
    """Yield (inner, outer) for each criteria and its next wider ones. Pairs with other criteria between them are left out."""
    for inner in criteria_set:
        wider = [outer for outer in criteria_set if outer != inner and is_subset(inner, outer)]
        yield from ((inner, outer) for outer in wider if not any(is_subset(between, outer) for between in wider if between != outer))


def find_overlaps(criteria_set: Collection[Criteria]) -> Iterator[tuple[Criteria, Criteria, Criteria, Criteria]]:
    """Yield (outer, first, second, both): two subsets of a third, and the intersection of the two.

    With all four counts published, a reader can work out how many of `outer` meet neither, so that number needs protection too.
    """
    distinct = frozenset(criteria_set)
    for first, second in combinations(sorted(distinct, key=criteria_text), 2):
        intersection = combine_clauses((*first, *second))
        if intersection in distinct - {first, second}:
            enclosing = [outer for outer in distinct - {first, second} if is_subset(first, outer) and is_subset(second, outer)]
            yield from (
                (outer, first, second, intersection)
                for outer in enclosing
                if not any(is_subset(narrower, outer) for narrower in enclosing if narrower != outer)
            )


def _implies_clause(clause: ComparableClause, other: ComparableClause) -> bool:
    """Return whether the clause implies the other: at least 75 implies at least 65. Without such an order only equal clauses do."""
    if clause == other or (clause.column, clause.operator) != (other.column, other.operator):
        return clause == other
    value, other_value = clause.value, other.value
    if isinstance(value, frozenset) and isinstance(other_value, frozenset):
        return {"one_of": value <= other_value, "none_of": value >= other_value}.get(clause.operator, False)
    comparison = _compare(value, other_value)
    return comparison is not None and {"at_least": comparison >= 0, "below": comparison <= 0}.get(clause.operator, False)


def _compare(value: object, other: object) -> int | None:
    """Return -1, 0 or 1 for two numbers or two dates in order, None for anything else."""
    if isinstance(value, (int, float)) and isinstance(other, (int, float)):
        return (value > other) - (value < other)
    if isinstance(value, date) and isinstance(other, date):
        return (value > other) - (value < other)
    return None

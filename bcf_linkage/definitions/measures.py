"""What is counted: cohorts of people and metrics of the Better Care Fund. Reference data declare them; the published wing counts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import CARE, PEOPLE, SPELLS, STRATA, TRANSFERS
from bcf_linkage.definitions.reference_data import TomlTable, parse_dataclass, parse_value, require_each_of, require_one_of, take_tables

ClauseScalar = bool | int | float | str | date
ClauseValue = ClauseScalar | list[ClauseScalar]

OPERATORS: Mapping[str, object] = {
    "is": bool | int | str,
    "at_least": int | float | date,
    "below": int | float | date,
    "one_of": list[int | str],
    "none_of": list[int | str],
    "known": bool,
}
"""The operators of a clause, each with the type of its value."""

AREAS = ("practice", "cluster", "locality")
UNITS = {"count": 1.0, "percent": 100.0, "per 1,000": 1_000.0, "per 10,000": 10_000.0, "per 100,000": 100_000.0, "per 100,000 a month": 100_000 / 12}
EVENTS = {
    "resident": ("person", "age"),
    "admission": SPELLS.names,
    "delay": TRANSFERS.names,
    "care_home_admission": TRANSFERS.names,
    "reablement_discharge": TRANSFERS.names,
}
"""The kinds of event that a metric can count, each with the columns that its clauses may name."""

PERIODS = ("year", "october_december")
PERSON_COLUMNS = tuple(dict.fromkeys((*PEOPLE.names, *STRATA.names, *CARE.names)))
"""The columns that a clause about a person may name."""


@dataclass(frozen=True)
class Edition:
    """The edition of a set of definitions: its version, when it is valid, its source and how well that is known."""

    name: str
    version: str
    valid_from: date
    source: str
    mark: str
    valid_to: date | None = None

    @classmethod
    def build(cls, file: str, document: TomlTable, as_at: date) -> Edition:
        """Remove the edition's keys from a document and return the edition. Raises UsageError if it is not valid on the as-at date."""
        head = {key: document.pop(key) for key in tuple(document) if key in cls.__dataclass_fields__}
        edition = parse_dataclass(cls, file, head)
        if as_at < edition.valid_from or (edition.valid_to and as_at > edition.valid_to):
            until = f" to {edition.valid_to}" if edition.valid_to else ""
            raise UsageError(f"{file}: edition {edition.version} is valid from {edition.valid_from}{until}, not on {as_at}; add an edition that is")
        return edition


@dataclass(frozen=True)
class Clause:
    """A condition on a row: a column, an operator and a value."""

    column: str
    operator: str
    value: ClauseValue

    @classmethod
    def build(cls, location: str, entry: Mapping[str, object], columns: tuple[str, ...]) -> Clause:
        """Return a clause such as `{ column = "age", at_least = 18 }`.

        Raises UsageError for an unknown column or operator, and for a value of another type than the operator takes.
        """
        operators = [key for key in entry if key != "column"]
        if "column" not in entry or len(operators) != 1:
            raise UsageError(f"{location}: a clause of where names one column and one of {', '.join(OPERATORS)}")
        column = require_one_of(location, "column", entry["column"], columns)
        operator = require_one_of(location, "operator", operators[0], tuple(OPERATORS))
        return cls(column, operator, cast(ClauseValue, parse_value(OPERATORS[operator], location, operator, entry[operator])))


def parse_clauses(location: str, entry: TomlTable, columns: tuple[str, ...]) -> tuple[Clause, ...]:
    """Remove `where` from an entry and return its clauses, which may name these columns. Raises UsageError."""
    return tuple(Clause.build(location, clause, columns) for clause in take_tables(location, entry, "where"))


@dataclass(frozen=True)
class Cohort:
    """People of the cohort `among` who meet every clause; without `among`, all registered people. `needs` are the extracts it requires."""

    code: str
    name: str
    among: str | None = None
    where: tuple[Clause, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grouping:
    """A column of people by which the locality is divided. Its codes are published as the meanings of the code list, if it has one."""

    column: str
    code_list: str | None = None


@dataclass(frozen=True)
class CohortSet:
    """The cohorts of one published table, with the areas and groups by which they are counted."""

    edition: Edition
    cohorts: tuple[Cohort, ...]
    areas: tuple[str, ...]
    groups: tuple[Grouping, ...]

    @classmethod
    def build(cls, file: str, document: TomlTable, as_at: date) -> CohortSet:
        """Return the cohorts of a reference file. Raises UsageError for an unknown, missing or impossible entry."""
        edition = Edition.build(file, document, as_at)
        cohorts: list[Cohort] = []
        for n, entry in enumerate(take_tables(file, document, "cohorts"), 1):
            location = f"{file}: cohort {n}"
            cohort = parse_dataclass(Cohort, location, entry, where=parse_clauses(location, entry, PERSON_COLUMNS), needs=_parse_needs(location, entry))
            _check_order(location, cohort, cohorts)
            cohorts.append(cohort)
        areas = require_each_of(file, "areas", document.get("areas", ()), AREAS)
        groups = tuple(_parse_grouping(f"{file}: groups", entry) for entry in take_tables(file, document, "groups"))
        return parse_dataclass(cls, file, document, edition=edition, cohorts=tuple(cohorts), areas=areas, groups=groups)

    def limit_to_sources(self, shared: Collection[str]) -> CohortSet:
        """Return the set without the cohorts that need an extract which is not shared, and without those counted among them."""
        available: list[Cohort] = []
        for cohort in self.cohorts:
            if set(cohort.needs) <= set(shared) and cohort.among in {None, *(c.code for c in available)}:
                available.append(cohort)
        return replace(self, cohorts=tuple(available))


def _parse_grouping(location: str, entry: TomlTable) -> Grouping:
    grouping = parse_dataclass(Grouping, location, entry)
    require_one_of(location, "column", grouping.column, PERSON_COLUMNS)
    if grouping.code_list:
        code_list(grouping.code_list)
    return grouping


def _parse_needs(location: str, entry: TomlTable) -> tuple[str, ...]:
    return require_each_of(location, "needs", entry.get("needs", ()), tuple(EXTRACTS))


@dataclass(frozen=True)
class Metric:
    """A count of events, or the sum of a column of them, over a period. `among`: another metric of the set, the denominator."""

    code: str
    name: str
    events: str
    unit: str
    source: str
    mark: str
    among: str | None = None
    where: tuple[Clause, ...] = ()
    needs: tuple[str, ...] = ()
    sums: str | None = None
    period: str = "year"


@dataclass(frozen=True)
class MetricSet:
    """The metrics of the Better Care Fund."""

    edition: Edition
    metrics: tuple[Metric, ...]

    @classmethod
    def build(cls, file: str, document: TomlTable, as_at: date) -> MetricSet:
        """Return the metrics of a reference file. Raises UsageError for an unknown, missing or impossible entry."""
        edition = Edition.build(file, document, as_at)
        metrics: list[Metric] = []
        for n, entry in enumerate(take_tables(file, document, "metrics"), 1):
            location = f"{file}: metric {n}"
            columns = EVENTS[require_one_of(location, "events", entry.get("events", ""), tuple(EVENTS))]
            metric = parse_dataclass(Metric, location, entry, where=parse_clauses(location, entry, columns), needs=_parse_needs(location, entry))
            require_one_of(location, "unit", metric.unit, tuple(UNITS))
            require_one_of(location, "period", metric.period, PERIODS)
            if metric.sums:
                require_one_of(location, "sums", metric.sums, columns)
            _check_order(location, metric, metrics)
            metrics.append(metric)
        return parse_dataclass(cls, file, document, edition=edition, metrics=tuple(metrics))

    def limit_to_sources(self, shared: Collection[str]) -> MetricSet:
        """Return the set without the metrics that need an extract which is not shared."""
        return replace(self, metrics=tuple(m for m in self.metrics if set(m.needs) <= set(shared)))


def _check_order(location: str, measure: Cohort | Metric, earlier_measures: list[Cohort] | list[Metric]) -> None:
    """Refuse a measure whose code is declared twice, or whose `among` is not declared above it."""
    declared_codes = tuple(m.code for m in earlier_measures)
    if measure.code in declared_codes:
        raise UsageError(f"{location}: {measure.code} is declared twice; rename one")
    if measure.among:
        require_one_of(location, "among", measure.among, declared_codes)

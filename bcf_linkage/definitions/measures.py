"""What is counted: cohorts of people and metrics of the fund, read from reference data and interpreted by the published wing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import CARE, PEOPLE, SPELLS, STRATA, TRANSFERS
from bcf_linkage.definitions.reading import made, one_of

OPERATORS = ("is", "at_least", "below", "one_of", "none_of", "known")
AREAS = ("practice", "cluster", "locality")
UNITS = {"count": 1.0, "percent": 100.0, "per 1,000": 1_000.0, "per 10,000": 10_000.0, "per 100,000": 100_000.0, "per 100,000 a month": 100_000 / 12}
EVENTS = {
    "resident": ("person", "age"),
    "admission": SPELLS.names,
    "delay": TRANSFERS.names,
    "care_home_admission": TRANSFERS.names,
    "reablement_discharge": TRANSFERS.names,
}
PERIODS = ("year", "october_december")
PERSON_COLUMNS = tuple(dict.fromkeys((*PEOPLE.names, *STRATA.names, *CARE.names)))


@dataclass(frozen=True)
class Edition:
    """Which edition of a set of definitions this is, when it holds, where it comes from and how well that is known."""

    name: str
    version: str
    valid_from: date
    source: str
    mark: str
    valid_to: date | None = None

    @classmethod
    def build(cls, file: str, document: dict[str, Any], as_at: date) -> Edition:
        """The head of a reference file, taken out of the document. Raises RequestRefused if it does not hold on the as-at date."""
        head = {key: document.pop(key) for key in tuple(document) if key in cls.__dataclass_fields__}
        edition = made(cls, file, head)
        if as_at < edition.valid_from or (edition.valid_to and as_at > edition.valid_to):
            until = f" to {edition.valid_to}" if edition.valid_to else ""
            raise RequestRefused(f"{file}: edition {edition.version} holds from {edition.valid_from}{until}, not on {as_at}; add an edition that does")
        return edition


@dataclass(frozen=True)
class Clause:
    """One statement about a row: a column, an operator and a value."""

    column: str
    operator: str
    value: Any

    @classmethod
    def build(cls, where: str, entry: Mapping[str, Any], columns: tuple[str, ...]) -> Clause:
        """A clause such as `{ column = "age", at_least = 18 }`. Raises RequestRefused for an unknown column or operator."""
        said = [key for key in entry if key != "column"]
        if "column" not in entry or len(said) != 1:
            raise RequestRefused(f"{where}: a clause of where names one column and one of {', '.join(OPERATORS)}")
        return cls(one_of(where, "column", entry["column"], columns), one_of(where, "operator", said[0], OPERATORS), entry[said[0]])


def _clauses(where: str, entries: list[dict[str, Any]], columns: tuple[str, ...]) -> tuple[Clause, ...]:
    return tuple(Clause.build(where, entry, columns) for entry in entries)


def _needs(where: str, extracts: list[str]) -> tuple[str, ...]:
    return tuple(one_of(where, "needs", extract, tuple(EXTRACTS)) for extract in extracts)


@dataclass(frozen=True)
class Cohort:
    """People of the cohort `among` who meet every clause. Without `among`, all registered people. `needs` are extracts it cannot do without."""

    code: str
    name: str
    among: str | None = None
    where: tuple[Clause, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grouping:
    """A person-level column by which the locality is divided; its codes are published in the words of the code list, if it has one."""

    column: str
    code_list: str | None = None


@dataclass(frozen=True)
class CohortSet:
    """Cohorts that are published in one table, with the areas and groups by which they are counted."""

    edition: Edition
    cohorts: tuple[Cohort, ...]
    areas: tuple[str, ...]
    groups: tuple[Grouping, ...]

    @classmethod
    def build(cls, file: str, document: dict[str, Any], as_at: date) -> CohortSet:
        """The cohorts of a reference file. Raises RequestRefused."""
        edition = Edition.build(file, document, as_at)
        cohorts: list[Cohort] = []
        for n, entry in enumerate(document.pop("cohorts", []), 1):
            place = f"{file}: cohort {n}"
            clauses = _clauses(place, entry.get("where", []), PERSON_COLUMNS)
            cohort = made(Cohort, place, entry, where=clauses, needs=_needs(place, entry.get("needs", [])))
            _refuse_out_of_order(place, cohort, cohorts)
            cohorts.append(cohort)
        areas = tuple(one_of(file, "areas", area, AREAS) for area in document.get("areas", ()))
        groups = tuple(_grouping(f"{file}: groups", entry) for entry in document.get("groups", ()))
        return made(cls, file, document, edition=edition, cohorts=tuple(cohorts), areas=areas, groups=groups)

    def from_sources(self, shared: Collection[str]) -> CohortSet:
        """Without the cohorts that need an extract which is not shared, nor those counted among them."""
        kept: list[Cohort] = []
        for cohort in self.cohorts:
            if set(cohort.needs) <= set(shared) and cohort.among in {None, *(c.code for c in kept)}:
                kept.append(cohort)
        return replace(self, cohorts=tuple(kept))


def _grouping(where: str, entry: Mapping[str, Any]) -> Grouping:
    grouping = made(Grouping, where, entry)
    one_of(where, "column", grouping.column, PERSON_COLUMNS)
    if grouping.code_list:
        code_list(grouping.code_list)
    return grouping


@dataclass(frozen=True)
class Metric:
    """A count of events, or the sum of one of their columns, over a period, among a population or another metric of the set."""

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
    """The metrics of the fund."""

    edition: Edition
    metrics: tuple[Metric, ...]

    @classmethod
    def build(cls, file: str, document: dict[str, Any], as_at: date) -> MetricSet:
        """The metrics of a reference file. Raises RequestRefused."""
        edition = Edition.build(file, document, as_at)
        metrics: list[Metric] = []
        for n, entry in enumerate(document.pop("metrics", []), 1):
            place = f"{file}: metric {n}"
            columns = EVENTS[one_of(place, "events", entry.get("events", ""), tuple(EVENTS))]
            clauses = _clauses(place, entry.get("where", []), columns)
            metric = made(Metric, place, entry, where=clauses, needs=_needs(place, entry.get("needs", [])))
            one_of(place, "unit", metric.unit, tuple(UNITS))
            one_of(place, "period", metric.period, PERIODS)
            if metric.sums:
                one_of(place, "sums", metric.sums, columns)
            _refuse_out_of_order(place, metric, metrics)
            metrics.append(metric)
        return made(cls, file, document, edition=edition, metrics=tuple(metrics))

    def from_sources(self, shared: Collection[str]) -> MetricSet:
        """Without the metrics that need an extract which is not shared."""
        return replace(self, metrics=tuple(m for m in self.metrics if set(m.needs) <= set(shared)))


def _refuse_out_of_order(where: str, measure: Cohort | Metric, before: list[Cohort] | list[Metric]) -> None:
    known = tuple(m.code for m in before)
    if measure.code in known:
        raise RequestRefused(f"{where}: {measure.code} is declared twice; rename one")
    if measure.among:
        one_of(where, "among", measure.among, known)

"""The gate: how often a delivery may break each rule before it is refused as a whole, on whose word and why.

The tolerances stand in `tolerances.csv`. A line with `*` holds for a rule wherever breaking it costs the row; a line that names
the column comes before it; a locality's own `[gate]` comes before both.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import sqrt

from bcf_linkage.definitions.errors import DataRefused, RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from expectations.check import Verdict
from expectations.judged import gates, judged, rule_of

MOST_TOLD = 3
"""Breaches that one line tells; the others are counted."""

Rule = tuple[str, str, str]
"""Extract, column, rule."""


@dataclass(frozen=True)
class Tolerance:
    """The percentage of an extract's rows that may break a rule, who says so and why."""

    percent: float
    owner: str
    reason: str


@dataclass(frozen=True)
class Breach:
    """A verdict beyond its tolerance."""

    verdict: Verdict
    tolerance: Tolerance

    @property
    def words(self) -> str:
        """The breach in words: the rule, how many rows of how many, and the tolerance with its owner."""
        verdict, tolerance = self.verdict, self.tolerance
        rule = rule_of(verdict.extract, verdict.column, verdict.rule)
        failed = f"{verdict.failed:,} of {verdict.rows:,} rows break it, {percent(verdict.failed, verdict.rows)}"
        return f"{verdict.column} ({rule.words}): {failed}; the tolerance is {tolerance.percent:g}% (owner: {tolerance.owner})"


def tolerances(overrides: Mapping[tuple[str, str], Tolerance] | None = None) -> dict[Rule, Tolerance]:
    """The tolerance of every rule that gates, where `overrides` are a locality's own, by extract and "<column>: <rule>".

    Raises RequestRefused for an override of a rule that there is not, or of a percentage that cannot be.
    """
    rules = {(extract, column, rule.rule): rule for extract, table in EXTRACTS.items() for column, rule in judged(table)}
    found = {name: _declared().get(name) or (_declared()["*", "*", name[2]] if gates(rule) else None) for name, rule in rules.items()}
    for (extract, written), tolerance in (overrides or {}).items():
        found[_overridden(extract, written, tolerance, rules)] = tolerance
    return {name: tolerance for name, tolerance in found.items() if tolerance is not None}


def gate(verdicts: Iterable[Verdict], tolerances: Mapping[Rule, Tolerance]) -> tuple[Breach, ...]:
    """The verdicts that go beyond their tolerance, worst first."""
    breaches = []
    for verdict in verdicts:
        tolerance = tolerances.get((verdict.extract, verdict.column, verdict.rule))
        if tolerance is not None and surely_beyond(verdict.failed, verdict.rows, tolerance.percent):
            breaches.append(Breach(verdict, tolerance))
    return tuple(sorted(breaches, key=lambda breach: -breach.verdict.failed))


def surely_beyond(failed: int, rows: int, percent: float) -> bool:
    """Whether more of the rows break a rule than tolerated, and not by the chance of a few: the lower end of the 95% Wilson interval lies beyond.

    Three faults in a delivery of a hundred rows may be bad luck; three in a hundred of a million rows are not.
    """
    if not rows:
        return False
    share, z = failed / rows, 1.959964
    middle, spread = share + z * z / (2 * rows), z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # Rounded, as a tolerance of nothing is not passed by nothing.
    return round(100 * (middle - spread) / (1 + z * z / rows), 9) > percent


def hold(breaches: Sequence[Breach], delivery: str) -> None:
    """Refuse a delivery that breaches the gate: raises DataRefused, one line that names the delivery's files. Lets any other pass."""
    if not breaches:
        return
    told = ", and ".join(breach.words for breach in breaches[:MOST_TOLD])
    more = f", and {len(breaches) - MOST_TOLD} rules more" if len(breaches) > MOST_TOLD else ""
    extract = breaches[0].verdict.extract
    raise DataRefused(f"{delivery}: {told}{more}; have it sent again, or agree a tolerance with the owner under [gate.{extract}] in locality.toml")


def percent(part: int, whole: int) -> str:
    """A share in words, no failure so rare that it reads as none."""
    share = 100 * part / whole if whole else 0.0
    return "under 0.01%" if 0 < share < 0.01 else f"{share:.2f}%".replace(".00%", "%")


@cache
def _declared() -> dict[Rule, Tolerance]:
    lines = csv.DictReader((files("expectations") / "tolerances.csv").read_text(encoding="utf-8").splitlines())
    return {(line["extract"], line["column"], line["rule"]): Tolerance(float(line["tolerance_percent"]), line["owner"], line["reason"]) for line in lines}


def _overridden(extract: str, written: str, tolerance: Tolerance, rules: Iterable[Rule]) -> Rule:
    section = f"locality.toml: [gate.{extract}]"
    if extract not in EXTRACTS:
        raise RequestRefused(f"{section} is no extract; there are {', '.join(EXTRACTS)}")
    column, _, rule = written.partition(": ")
    if (extract, column, rule) not in rules:
        of_column = [name for of, other, name in rules if (of, other) == (extract, column)]
        known = f"{column} has {', '.join(of_column)}" if of_column else f"the columns are {', '.join(EXTRACTS[extract].names)}"
        raise RequestRefused(f'{section} "{written}" is no rule; write "<column>: <rule>"; {known}')
    if not 0 <= tolerance.percent <= 100:
        raise RequestRefused(f'{section} "{written}" tolerance_percent must be from 0 to 100')
    return extract, column, rule

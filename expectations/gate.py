"""The gate: the tolerance of each rule, with its owner and reason, and the refusal of a delivery that exceeds one.

The tolerances are in `tolerances.csv`. A line with `*` applies to a rule on every column where it refuses the row. A line that
names the column overrides it. The `[gate]` section of a locality's settings overrides both.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.intervals import wilson_interval
from bcf_linkage.definitions.reference_data import require_percent
from expectations.delivery_rules import find_rule, is_gated, list_rules
from expectations.rule_results import RuleResult

MAX_BREACHES_SHOWN = 3
"""The number of breaches that a message shows. It counts the others."""

RuleKey = tuple[str, str, str]
"""Extract, column, rule."""


@dataclass(frozen=True)
class Tolerance:
    """The percentage of an extract's rows that may break a rule, its owner and the reason."""

    percent: float
    owner: str
    reason: str


@dataclass(frozen=True)
class Breach:
    """A rule result beyond its tolerance."""

    result: RuleResult
    tolerance: Tolerance

    @property
    def words(self) -> str:
        """The breach in words: the rule, the rows that break it of all rows, and the tolerance with its owner."""
        result, tolerance = self.result, self.tolerance
        rule = find_rule(result.extract, result.column, result.rule)
        failed = f"{result.failed:,} of {result.rows:,} rows break it, {percent_text(result.failed, result.rows)}"
        return f"{result.column} ({rule.words}): {failed}; the tolerance is {tolerance.percent:g}% (owner: {tolerance.owner})"


def tolerances(overrides: Mapping[tuple[str, str], Tolerance] | None = None) -> dict[RuleKey, Tolerance]:
    """Return the tolerance of every gated rule. `overrides` are the locality's own, by extract and "<column>: <rule>".

    Raises UsageError for an override of a rule that does not exist, and for a percentage outside 0 to 100.
    """
    rules = {(extract, column, rule.rule): rule for extract, table in EXTRACTS.items() for column, rule in list_rules(table)}
    by_rule = {
        name: _declared_tolerances().get(name) or (_declared_tolerances()["*", "*", name[2]] if is_gated(rule) else None) for name, rule in rules.items()
    }
    for (extract, override_text), tolerance in (overrides or {}).items():
        by_rule[_overridden_rule(extract, override_text, tolerance, rules)] = tolerance
    return {name: tolerance for name, tolerance in by_rule.items() if tolerance is not None}


def find_breaches(results: Iterable[RuleResult], tolerances: Mapping[RuleKey, Tolerance]) -> tuple[Breach, ...]:
    """Return the results beyond their tolerance, those with most failed rows first."""
    breaches = []
    for result in results:
        tolerance = tolerances.get((result.extract, result.column, result.rule))
        if tolerance is not None and is_beyond_tolerance(result.failed, result.rows, tolerance.percent):
            breaches.append(Breach(result, tolerance))
    return tuple(sorted(breaches, key=lambda breach: -breach.result.failed))


def is_beyond_tolerance(failed: int, rows: int, percent: float) -> bool:
    """Return whether the share of rows that break a rule exceeds the tolerance by more than chance.

    The lower end of the 95% Wilson interval of the share must be above the tolerance. Three faulty rows of a hundred may be chance;
    three percent of a million rows are not.
    """
    if not rows:
        return False
    # Rounded, so that an error of floating point does not exceed a tolerance of 0.
    return round(100 * wilson_interval(failed, rows)[0], 9) > percent


def raise_on_breaches(breaches: Sequence[Breach], delivery: str) -> None:
    """Refuse a delivery that breaches the gate. Raises DataQualityError with one line that names the files of the delivery."""
    if not breaches:
        return
    breach_text = ", and ".join(breach.words for breach in breaches[:MAX_BREACHES_SHOWN])
    more = f", and {len(breaches) - MAX_BREACHES_SHOWN} rules more" if len(breaches) > MAX_BREACHES_SHOWN else ""
    extract = breaches[0].result.extract
    raise DataQualityError(f"{delivery}: {breach_text}{more}; have it sent again, or agree a tolerance with the owner under [gate.{extract}] in locality.toml")


def percent_text(part: int, whole: int) -> str:
    """Return a share as text, to two decimals. A share above 0 and below 0.01% is never shown as 0%."""
    share = 100 * part / whole if whole else 0.0
    return "under 0.01%" if 0 < share < 0.01 else f"{share:.2f}%".replace(".00%", "%")


@cache
def _declared_tolerances() -> dict[RuleKey, Tolerance]:
    lines = csv.DictReader((files("expectations") / "tolerances.csv").read_text(encoding="utf-8").splitlines())
    return {(line["extract"], line["column"], line["rule"]): Tolerance(float(line["tolerance_percent"]), line["owner"], line["reason"]) for line in lines}


def _overridden_rule(extract: str, override_text: str, tolerance: Tolerance, rules: Iterable[RuleKey]) -> RuleKey:
    section = f"locality.toml: [gate.{extract}]"
    if extract not in EXTRACTS:
        raise UsageError(f"{section} is no extract; use one of {', '.join(EXTRACTS)}")
    column, _, rule = override_text.partition(": ")
    if (extract, column, rule) not in rules:
        column_rules = [name for extract_name, column_name, name in rules if (extract_name, column_name) == (extract, column)]
        hint = f"{column} has {', '.join(column_rules)}" if column_rules else f"the columns are {', '.join(EXTRACTS[extract].names)}"
        raise UsageError(f'{section} "{override_text}" is no rule; write "<column>: <rule>"; {hint}')
    require_percent(f'{section} "{override_text}"', "tolerance_percent", tolerance.percent)
    return extract, column, rule

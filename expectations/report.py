"""The report of `bcf check` on one file, for the screen, for a machine and for the supplier. It has counts and row positions, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.json_values import JsonValue
from bcf_linkage.definitions.schema import Table
from expectations.delivery_rules import consequence_text, find_rule
from expectations.gate import RuleKey, Tolerance, find_breaches, percent_text
from expectations.rule_results import RuleResult

MAX_ROWS_SHOWN = 5
"""The number of row positions shown for a finding. The first row below the header is row 1."""


@dataclass(frozen=True)
class UnreadableRows:
    """The rows that cannot be read for one reason, a code such as `too_few_fields`."""

    reason: str
    rows: int
    first_rows: tuple[int, ...]

    @property
    def words(self) -> str:
        return self.reason.replace("_", " ")


@dataclass(frozen=True)
class RuleFinding:
    """One rule on one column: the number of rows that break it, the first of them, and the consequence. `tolerance` is None if the rule is not gated."""

    column: str
    rule: str
    words: str
    consequence: str
    rows: int
    failed: int
    first_rows: tuple[int, ...]
    tolerance: Tolerance | None
    breached: bool

    @property
    def status(self) -> str:
        if not self.failed:
            return "kept"
        if self.tolerance is None:
            return "counted"
        if self.breached:
            return "beyond tolerance"
        return "beyond tolerance, perhaps by chance" if 100 * self.failed > self.tolerance.percent * self.rows else "within tolerance"


@dataclass(frozen=True)
class FileReport:
    """The report of one file: rows read (below the header), rows that cannot be read, every rule, and other reasons to refuse the file."""

    extract: str
    file: str
    rows: int
    unreadable: tuple[UnreadableRows, ...]
    findings: tuple[RuleFinding, ...]
    refusals: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether a run would accept the file."""
        return not self.refusals and not any(finding.breached for finding in self.findings)

    @property
    def conclusion(self) -> str:
        """The outcome in one sentence."""
        if self.accepted:
            return "A run would accept this file."
        breached = sum(finding.breached for finding in self.findings)
        beyond = [f"{breached} {'rule is' if breached == 1 else 'rules are'} broken beyond tolerance"] if breached else []
        return f"A run would refuse this file: {'; '.join([*self.refusals, *beyond])}."

    @property
    def broken(self) -> tuple[RuleFinding, ...]:
        """The rules that at least one row breaks: those beyond tolerance first, then by the number of rows that break them."""
        return tuple(sorted((f for f in self.findings if f.failed), key=lambda f: (not f.breached, -f.failed)))

    def as_json(self) -> dict[str, JsonValue]:
        """Return the report in plain JSON types."""
        return {**asdict(self), "accepted": self.accepted}

    def as_text(self) -> str:
        """Return the report for a screen: rows read, rules broken, outcome."""
        table: Table = EXTRACTS[self.extract]
        lines = [f"{self.file}: {self.rows:,} rows of {self.extract} ({table.grain})", ""]
        lines += [f"{u.rows:,} cannot be read ({u.words}): {rows_text(u.first_rows, u.rows)}" for u in self.unreadable]
        for finding in self.broken:
            lines.append(f"{finding.column}: {finding.words}")
            lines.append(f"    {finding.failed:,} break it, {percent_text(finding.failed, finding.rows)}{_tolerance_text(finding)}; {finding.consequence}")
            if finding.first_rows:
                lines.append(f"    {rows_text(finding.first_rows, finding.failed)}")
        unbroken_count = len(self.findings) - len(self.broken)
        return "\n".join([*lines, f"Every row keeps {unbroken_count} of {len(self.findings)} rules.", "", self.conclusion])


def build_file_report(
    table: Table,
    file: str,
    rows: int,
    unreadable: Iterable[UnreadableRows],
    rule_results: Iterable[RuleResult],
    tolerances: Mapping[RuleKey, Tolerance],
    first_rows: Mapping[tuple[str, str], tuple[int, ...]],
    refusals: Iterable[str] = (),
) -> FileReport:
    """Build the report of a file. `rule_results` come from `check_tallies`, `first_rows` by column and rule from the row rules."""
    results = tuple(rule_results)
    breached = {(b.result.column, b.result.rule) for b in find_breaches(results, tolerances)}
    findings = []
    for result in results:
        rule, name = find_rule(table.name, result.column, result.rule), (result.column, result.rule)
        first, tolerance = first_rows.get(name, ())[:MAX_ROWS_SHOWN], tolerances.get((table.name, *name))
        consequence = consequence_text(rule)
        findings.append(RuleFinding(*name, rule.words, consequence, result.rows, result.failed, first, tolerance, name in breached))
    return FileReport(table.name, file, rows, tuple(unreadable), tuple(findings), tuple(refusals))


def rows_text(first_rows: tuple[int, ...], rows: int) -> str:
    """Return row positions as text, such as "rows 1, 2 and 3 more"; empty if none are known."""
    if not first_rows:
        return ""
    shown = first_rows[:MAX_ROWS_SHOWN]
    more = f" and {rows - len(shown):,} more" if rows > len(shown) else ""
    return f"{'row' if rows == 1 else 'rows'} {', '.join(f'{row:,}' for row in shown)}{more}"


def _tolerance_text(finding: RuleFinding) -> str:
    if finding.tolerance is None:
        return ""
    position, _, by_chance = finding.status.partition(" tolerance")
    comparison = f", {position} the tolerance of {finding.tolerance.percent:g}% ({finding.tolerance.owner})"
    return f"{comparison} by no more than chance" if by_chance else comparison

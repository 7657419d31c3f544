"""What `bcf check` finds in one file, for the screen, for a machine and for its supplier. It holds counts and row positions, no value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Table
from expectations.check import Verdict
from expectations.gate import Rule, Tolerance, gate, percent
from expectations.judged import consequence_of, rule_of

MOST_ROWS = 5
"""Row positions that are told for a finding; the first row below the header is 1."""


@dataclass(frozen=True)
class Unreadable:
    """Rows that cannot be read for one reason, a code such as `too_few_fields`."""

    reason: str
    rows: int
    first_rows: tuple[int, ...]

    @property
    def words(self) -> str:
        return self.reason.replace("_", " ")


@dataclass(frozen=True)
class Finding:
    """One rule on one column: how many rows break it, the first of them, and what follows. `tolerance` is None if it does not gate."""

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
    def verdict(self) -> str:
        if not self.failed:
            return "kept"
        if self.tolerance is None:
            return "counted"
        if self.breached:
            return "beyond tolerance"
        return "beyond tolerance, perhaps by chance" if 100 * self.failed > self.tolerance.percent * self.rows else "within tolerance"


@dataclass(frozen=True)
class FileReport:
    """One file: rows read (below the header), those that cannot be read, every rule, and what else speaks against the file, in words."""

    extract: str
    file: str
    rows: int
    unreadable: tuple[Unreadable, ...]
    findings: tuple[Finding, ...]
    refusals: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether a run would take the file."""
        return not self.refusals and not any(finding.breached for finding in self.findings)

    @property
    def conclusion(self) -> str:
        """The outcome in one sentence."""
        if self.accepted:
            return "A run would take this file."
        breached = sum(finding.breached for finding in self.findings)
        beyond = [f"{breached} {'rule is' if breached == 1 else 'rules are'} broken beyond tolerance"] if breached else []
        return f"A run would refuse this file: {'; '.join([*self.refusals, *beyond])}."

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The rules that any row breaks: those beyond tolerance first, then the most broken."""
        return tuple(sorted((f for f in self.findings if f.failed), key=lambda f: (not f.breached, -f.failed)))

    def as_json(self) -> dict[str, Any]:
        """The report in plain JSON types."""
        return {**asdict(self), "accepted": self.accepted}

    def text(self) -> str:
        """The report for a screen: what was read, what is broken, what follows."""
        table: Table = EXTRACTS[self.extract]
        lines = [f"{self.file}: {self.rows:,} rows of {self.extract} ({table.grain})", ""]
        lines += [f"{u.rows:,} cannot be read ({u.words}): {in_words(u.first_rows, u.rows)}" for u in self.unreadable]
        for finding in self.broken:
            lines.append(f"{finding.column}: {finding.words}")
            lines.append(f"    {finding.failed:,} break it, {percent(finding.failed, finding.rows)}{_beside(finding)}; {finding.consequence}")
            if finding.first_rows:
                lines.append(f"    {in_words(finding.first_rows, finding.failed)}")
        kept = len(self.findings) - len(self.broken)
        return "\n".join([*lines, f"{kept} of {len(self.findings)} rules are kept by every row.", "", self.conclusion])


def file_report(
    table: Table,
    file: str,
    rows: int,
    unreadable: Iterable[Unreadable],
    verdicts: Iterable[Verdict],
    tolerances: Mapping[Rule, Tolerance],
    first_rows: Mapping[tuple[str, str], tuple[int, ...]],
    refusals: Iterable[str] = (),
) -> FileReport:
    """The report of a file from what its readers say: verdicts from `check.judge`, first rows by column and rule from the row rules."""
    told = tuple(verdicts)
    breached = {(b.verdict.column, b.verdict.rule) for b in gate(told, tolerances)}
    findings = []
    for verdict in told:
        rule, name = rule_of(table.name, verdict.column, verdict.rule), (verdict.column, verdict.rule)
        first, tolerance = first_rows.get(name, ())[:MOST_ROWS], tolerances.get((table.name, *name))
        consequence = consequence_of(rule)
        findings.append(Finding(*name, rule.words, consequence, verdict.rows, verdict.failed, first, tolerance, name in breached))
    return FileReport(table.name, file, rows, tuple(unreadable), tuple(findings), tuple(refusals))


def in_words(first_rows: tuple[int, ...], rows: int) -> str:
    """Row positions as a supplier reads them; nothing if none are known."""
    if not first_rows:
        return ""
    shown = first_rows[:MOST_ROWS]
    more = f" and {rows - len(shown):,} more" if rows > len(shown) else ""
    return f"{'row' if rows == 1 else 'rows'} {', '.join(f'{row:,}' for row in shown)}{more}"


def _beside(finding: Finding) -> str:
    if finding.tolerance is None:
        return ""
    where, _, by_chance = finding.verdict.partition(" tolerance")
    of = f", {where} the tolerance of {finding.tolerance.percent:g}% ({finding.tolerance.owner})"
    return f"{of} by no more than chance" if by_chance else of

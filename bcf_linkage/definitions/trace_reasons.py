"""The reasons for the outcome of a trace, each with its outcome and NHS number status (`reference/trace_reasons.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.reference_data import load_csv, parse_dataclass

FILE = "trace_reasons.csv"


@dataclass(frozen=True)
class TraceReason:
    """A reason, the outcome it leads to, the status code (01 to 08) and the reason in words."""

    reason: str
    outcome: Outcome
    status: str
    words: str
    source: str
    mark: str


@cache
def trace_reasons() -> dict[str, TraceReason]:
    """Return all reasons by name, those of linked rows first. Raises UsageError for a row that cannot be read."""
    return {row["reason"]: parse_dataclass(TraceReason, f"{FILE}: row {n}", row) for n, row in enumerate(load_csv(FILE), 1)}


def reasons_for(outcome: Outcome) -> tuple[str, ...]:
    """Return the names of the reasons that lead to an outcome."""
    return tuple(reason.reason for reason in trace_reasons().values() if reason.outcome is outcome)

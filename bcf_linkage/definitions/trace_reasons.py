"""Why a trace ended where it did: the place that each reason leads to and the NHS number status that follows (`reference/trace_reasons.csv`)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from bcf_linkage.definitions.code_lists import REFERENCE
from bcf_linkage.definitions.places import Place


@dataclass(frozen=True)
class TraceReason:
    """One way for a trace to end."""

    reason: str
    place: Place
    status: str
    words: str
    source: str
    mark: str


@cache
def trace_reasons() -> dict[str, TraceReason]:
    """All reasons by name, the linked first."""
    with (REFERENCE / "trace_reasons.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {row["reason"]: TraceReason(row["reason"], Place(row["place"]), row["status"], row["words"], row["source"], row["mark"]) for row in rows}


def reasons_for(place: Place) -> tuple[str, ...]:
    """The reasons that lead to a place."""
    return tuple(reason.reason for reason in trace_reasons().values() if reason.place is place)

"""Why a trace ended where it did: the place that each reason leads to and the NHS number status that follows (`reference/trace_reasons.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.reading import rows


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
    return {row["reason"]: TraceReason(**{**row, "place": Place(row["place"])}) for row in rows("trace_reasons.csv")}  # type: ignore[arg-type]


def reasons_for(place: Place) -> tuple[str, ...]:
    """The reasons that lead to a place."""
    return tuple(reason.reason for reason in trace_reasons().values() if reason.place is place)

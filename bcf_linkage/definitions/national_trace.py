"""How the national service is asked and answers, read from `reference/national_trace.toml`: the column layout of MPS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reading import document, made

FILE = "national_trace.toml"
LISTS = ("found", "not_found", "steps", "no_number", "request", "needed", "besides")

REFERENCE, CODE, NUMBER, STEP, CONFIDENCE = (
    "UNIQUE REFERENCE",
    "ERROR/SUCCESS_CODE",
    "MATCHED_NHS_NO",
    "MATCHED_ALGORITHM_INDICATOR",
    "MATCHED_CONFIDENCE_PERCENTAGE",
)
"""The columns of a response that are read."""


@dataclass(frozen=True)
class NationalTrace:
    """The layout of requests and responses, and when an answer is taken. `needed` and `besides` are the columns of a response."""

    edition: Edition
    workflow: str
    least_confidence: int
    found: tuple[str, ...]
    not_found: tuple[str, ...]
    steps: tuple[str, ...]
    no_number: tuple[str, ...]
    request: tuple[str, ...]
    needed: tuple[str, ...]
    besides: tuple[str, ...]

    @classmethod
    def build(cls, on: date) -> NationalTrace:
        """The layout that holds on a day. Raises RequestRefused for an unknown, missing or impossible entry."""
        entries = document(FILE)
        edition = Edition.build(FILE, entries, on)
        return made(cls, FILE, entries, edition=edition, **{name: tuple(entries.pop(name, ())) for name in LISTS})

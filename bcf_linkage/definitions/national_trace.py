"""The column layout of requests to and responses of the Master Person Service (MPS), and which responses are accepted (`reference/national_trace.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reference_data import load_toml, parse_dataclass, require_percent

FILE = "national_trace.toml"

REFERENCE_COLUMN, CODE_COLUMN, NUMBER_COLUMN, STEP_COLUMN, CONFIDENCE_COLUMN = (
    "UNIQUE REFERENCE",
    "ERROR/SUCCESS_CODE",
    "MATCHED_NHS_NO",
    "MATCHED_ALGORITHM_INDICATOR",
    "MATCHED_CONFIDENCE_PERCENTAGE",
)
"""The columns of a response that are read."""


@dataclass(frozen=True)
class NationalTrace:
    """The layout of requests and responses, and the rules for accepting a response.

    `request` are the columns of a request. `required` and `optional` are those of a response. `least_confidence` is in percent.
    """

    edition: Edition
    workflow: str
    least_confidence: int
    found: tuple[str, ...]
    not_found: tuple[str, ...]
    steps: tuple[str, ...]
    no_number: tuple[str, ...]
    request: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @classmethod
    def build(cls, on: date) -> NationalTrace:
        """Return the layout that is valid on a day. Raises UsageError for an unknown, missing or impossible entry."""
        entries = load_toml(FILE)
        edition = Edition.build(FILE, entries, on)
        layout = parse_dataclass(cls, FILE, entries, edition=edition)
        require_percent(FILE, "least_confidence", layout.least_confidence)
        return layout

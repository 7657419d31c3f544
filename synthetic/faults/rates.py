"""The faults, their rates and the expected outcome of each faulty row: data in `rates.csv`.

A rate per row is the share of eligible rows; a rate per person is the share of eligible people. A fault with a rate above 0
occurs at least once in every extract that has an eligible row. Faults of the kind `profile` follow from the locality alone.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import Outcome

EXTRACT_GROUPS = {
    "all": tuple(EXTRACTS),
    "register": ("gp_registrations",),
    "gp": ("gp_events",),
    "hospital": ("hospital_admissions", "emergency_care", "outpatients"),
    "social": ("adult_social_care",),
}
FAULT_KINDS = ("row", "person", "profile")
DECIDED_BY_TRACE = "traced"
"""The outcome of a row that its number alone cannot link: linked if name, birth date and address find its person, else unlinked."""


@dataclass(frozen=True)
class FaultRate:
    """The rate of one fault in one extract, and the expected ledger entry of its rows.

    A blank `outcome` means that the fault does not change the outcome. With `DECIDED_BY_TRACE`, `reason` is the reason by number
    alone. `rule` is the row rule that counts the row, if there is one. `{column}` in a reason or rule stands for the column at fault.
    """

    fault: str
    extract: str
    per: str
    rate: float
    outcome: str | None
    reason: str | None
    rule: str | None
    words: str


def load_rates() -> tuple[FaultRate, ...]:
    """Return every fault in every extract in which it may occur, in the order in which they are injected.

    Raises ValueError for an unknown extract, kind or outcome.
    """
    lines = (files("synthetic.faults") / "rates.csv").read_text(encoding="utf-8").splitlines()
    return tuple(_parse_rate(row, extract) for row in csv.DictReader(lines) for extract in _expand_groups(row["extracts"]))


def _expand_groups(groups: str) -> tuple[str, ...]:
    return tuple(extract for group in groups.split() for extract in EXTRACT_GROUPS.get(group, (group,)))


def _parse_rate(row: dict[str, str], extract: str) -> FaultRate:
    if extract not in EXTRACTS or row["per"] not in FAULT_KINDS:
        raise ValueError(f"rates.csv, fault {row['fault']}: unknown extract {extract} or kind {row['per']}")
    if row["outcome"] not in ("", DECIDED_BY_TRACE, *Outcome):
        raise ValueError(f"rates.csv, fault {row['fault']}: unknown outcome {row['outcome']}")
    return FaultRate(row["fault"], extract, row["per"], float(row["rate"]), row["outcome"] or None, row["reason"] or None, row["rule"] or None, row["words"])

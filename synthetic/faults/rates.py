"""Which faults there are, how often each occurs and where its row must land: data in `rates.csv`.

The rate of a fault per row is the share of the rows that can carry it; per person, the share of the people that can. A fault
of a rate above nought occurs at least once wherever it can. Those of the kind `profile` follow from the locality alone.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import Place

GROUPS = {
    "all": tuple(EXTRACTS),
    "register": ("gp_registrations",),
    "gp": ("gp_events",),
    "hospital": ("hospital_admissions", "emergency_care", "outpatients"),
    "social": ("adult_social_care",),
}
KINDS = ("row", "person", "profile")
TRACED = "traced"
"""The place of a row whose number alone leads nowhere: it ends where its person does if name, birth date and address lead there, else unlinked."""


@dataclass(frozen=True)
class Rate:
    """How often one fault occurs in one extract, and what the ledger must say of its row.

    A blank `place` means that the fault does not change the place; `TRACED`, that the trace decides, and `reason` is what the number
    alone comes to. `rule` is the row rule that counts the row, if one does.
    `{column}` in a reason or rule stands for the column at fault.
    """

    fault: str
    extract: str
    per: str
    rate: float
    place: str | None
    reason: str | None
    rule: str | None
    words: str


def load_rates() -> tuple[Rate, ...]:
    """Every fault in every extract that it may occur in, in the order in which they are put in."""
    lines = (files("synthetic.faults") / "rates.csv").read_text(encoding="utf-8").splitlines()
    return tuple(_rate(row, extract) for row in csv.DictReader(lines) for extract in _extracts(row["extracts"]))


def _extracts(groups: str) -> tuple[str, ...]:
    return tuple(extract for group in groups.split() for extract in GROUPS.get(group, (group,)))


def _rate(row: dict[str, str], extract: str) -> Rate:
    if extract not in EXTRACTS or row["per"] not in KINDS:
        raise ValueError(f"rates.csv, fault {row['fault']}: unknown extract {extract} or kind {row['per']}")
    if row["place"] not in ("", TRACED, *Place):
        raise ValueError(f"rates.csv, fault {row['fault']}: unknown place {row['place']}")
    return Rate(row["fault"], extract, row["per"], float(row["rate"]), row["place"] or None, row["reason"] or None, row["rule"] or None, row["words"])

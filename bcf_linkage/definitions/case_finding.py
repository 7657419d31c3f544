"""Lists that a practice may ask for by name, read from reference data: whom each finds, and what it shows of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bcf_linkage.definitions.measures import PERSON_COLUMNS, Clause, Edition
from bcf_linkage.definitions.reading import document, made, one_of

FILE = "case_finding.toml"


@dataclass(frozen=True)
class CaseList:
    """Registered people who meet every clause, and the columns that tell their team why they are on the list."""

    code: str
    name: str
    where: tuple[Clause, ...]
    shows: tuple[str, ...]


def case_lists(as_at: date) -> dict[str, CaseList]:
    """Every list that holds on a date, by its code. Raises RequestRefused."""
    written = document(FILE)
    Edition.build(FILE, written, as_at)
    lists = {}
    for n, entry in enumerate(written["lists"], 1):
        place = f"{FILE}: list {n}"
        where = tuple(Clause.build(place, clause, PERSON_COLUMNS) for clause in entry["where"])
        shows = tuple(one_of(place, "shows", column, PERSON_COLUMNS) for column in entry["shows"])
        lists[entry["code"]] = made(CaseList, place, entry, where=where, shows=shows)
    return lists

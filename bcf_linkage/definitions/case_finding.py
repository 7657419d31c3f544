"""Lists of patients that a practice may ask for by name, read from `reference/case_finding.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bcf_linkage.definitions.measures import PERSON_COLUMNS, Clause, Edition, parse_clauses
from bcf_linkage.definitions.reference_data import load_toml, parse_dataclass, require_each_of, take_tables

FILE = "case_finding.toml"


@dataclass(frozen=True)
class CaseList:
    """A list of registered people who meet every clause of `where`. `shows` are the columns that give their team the reason."""

    code: str
    name: str
    where: tuple[Clause, ...]
    shows: tuple[str, ...]


def case_lists(as_at: date) -> dict[str, CaseList]:
    """Return the lists that are valid on the as-at date, by code. Raises UsageError."""
    contents = load_toml(FILE)
    Edition.build(FILE, contents, as_at)
    lists = {}
    for n, entry in enumerate(take_tables(FILE, contents, "lists"), 1):
        location = f"{FILE}: list {n}"
        where = parse_clauses(location, entry, PERSON_COLUMNS)
        shows = require_each_of(location, "shows", entry.get("shows", ()), PERSON_COLUMNS)
        case_list = parse_dataclass(CaseList, location, entry, where=where, shows=shows)
        lists[case_list.code] = case_list
    return lists

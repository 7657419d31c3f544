"""The drafts that a run writes for whoever answers for the use of the data (`reference/governance.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reading import document, made

FILE = "governance.toml"


@dataclass(frozen=True)
class DraftRow:
    """One thing that is asked for: its place in the law or standard, the facts of the run that answer it, and what a person must still decide."""

    title: str
    place: str
    shows: tuple[str, ...]
    decide: str


@dataclass(frozen=True)
class Draft:
    """One draft: what it is of, on which law or standard, and its rows."""

    code: str
    title: str
    law: str
    words: str
    rows: tuple[DraftRow, ...]


@dataclass(frozen=True)
class Drafts:
    """All drafts, of one edition."""

    edition: Edition
    drafts: tuple[Draft, ...]

    @classmethod
    def build(cls, on: date) -> Drafts:
        """The drafts that hold on a day. Raises RequestRefused for an unknown, missing or impossible entry."""
        found = document(FILE)
        edition = Edition.build(FILE, found, on)
        return cls(edition, tuple(_draft(n, entry) for n, entry in enumerate(found["drafts"], 1)))


def _draft(position: int, entry: dict[str, Any]) -> Draft:
    place = f"{FILE}: draft {position}"
    rows = tuple(made(DraftRow, f"{place}, row {n}", row, shows=tuple(row.get("shows", ()))) for n, row in enumerate(entry.get("rows", ()), 1))
    return made(Draft, place, entry, rows=rows)

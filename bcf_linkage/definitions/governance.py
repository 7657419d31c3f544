"""Drafts of governance documents that a run writes for the people accountable for the data (`reference/governance.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reference_data import TomlTable, load_toml, parse_dataclass, take_tables

FILE = "governance.toml"


@dataclass(frozen=True)
class DraftRow:
    """One requirement: its provision in the law or standard, the facts of the run that answer it, and what a person must decide."""

    title: str
    provision: str
    shows: tuple[str, ...]
    decide: str


@dataclass(frozen=True)
class Draft:
    """A draft document under one law or standard, and its rows."""

    code: str
    title: str
    law: str
    words: str
    rows: tuple[DraftRow, ...]


@dataclass(frozen=True)
class Drafts:
    """All drafts of one edition."""

    edition: Edition
    drafts: tuple[Draft, ...]

    @classmethod
    def build(cls, on: date) -> Drafts:
        """Return the drafts that are valid on a day. Raises UsageError for an unknown, missing or impossible entry."""
        contents = load_toml(FILE)
        edition = Edition.build(FILE, contents, on)
        return cls(edition, tuple(_parse_draft(n, entry) for n, entry in enumerate(take_tables(FILE, contents, "drafts"), 1)))


def _parse_draft(position: int, entry: TomlTable) -> Draft:
    location = f"{FILE}: draft {position}"
    rows = tuple(parse_dataclass(DraftRow, f"{location}, row {n}", row) for n, row in enumerate(take_tables(location, entry, "rows"), 1))
    return parse_dataclass(Draft, location, entry, rows=rows)

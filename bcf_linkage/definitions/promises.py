"""What a workspace promises about people's identities (`reference/promises.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bcf_linkage.definitions.reference_data import load_toml, parse_dataclass, take_tables

FILE = "promises.toml"


@dataclass(frozen=True)
class Promise:
    """A promise: its number and words, the law or standard behind it, and how well that is known."""

    number: int
    code: str
    words: str
    behind: str
    mark: str


@cache
def promises() -> tuple[Promise, ...]:
    """Return all promises in order. Raises UsageError for an unknown, missing or impossible entry."""
    entries = take_tables(FILE, load_toml(FILE), "promises")
    return tuple(parse_dataclass(Promise, f"{FILE}: promise {n}", entry) for n, entry in enumerate(entries, 1))

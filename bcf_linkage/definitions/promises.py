"""What a workspace promises of how it keeps people's identities (`reference/promises.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bcf_linkage.definitions.reading import document, made

FILE = "promises.toml"


@dataclass(frozen=True)
class Promise:
    """One promise: its number, its words, and the law or standard behind it with how well that is known."""

    number: int
    code: str
    words: str
    behind: str
    mark: str


@cache
def promises() -> tuple[Promise, ...]:
    """All promises, in order. Raises RequestRefused for an unknown, missing or impossible entry."""
    return tuple(made(Promise, f"{FILE}: promise {n}", entry) for n, entry in enumerate(document(FILE)["promises"], 1))

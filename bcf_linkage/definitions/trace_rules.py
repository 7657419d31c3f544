"""How a record is told to be somebody's on the register: weights, thresholds and guards, read from `reference/trace.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reading import document, made, rows

FILE = "trace.toml"


@dataclass(frozen=True)
class Acceptance:
    """What a candidate's score must reach, in bits, how far it must lie above the next, and in how many fields it must agree."""

    threshold: float
    margin: float
    plausible: float
    fewest_fields: int
    fewest_personal: int


@dataclass(frozen=True)
class Blocking:
    """How many people of the register may share a key that candidates are looked up by, and how many pairs one key may make."""

    largest_block: int
    most_pairs: int


@dataclass(frozen=True)
class Guards:
    """What is never believed, and from how many people on an address proves nothing."""

    communal_postcode: int
    communal_address: int
    households: float
    fewest_homes: int
    placeholder_dates: tuple[str, ...]
    vague_day: str
    pseudo_postcodes: str
    junk_names: tuple[str, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """A way for two values of a field to meet: its code in a pattern, and how often it happens to one person's (m) and to two people's (u).

    With `by_value`, u is how common the value is. `counts` says that the field agrees, `personal` that so it tells kin apart, and
    `contradicts` that it may be about one of them.
    """

    level: str
    code: str
    m: float
    u: float
    by_value: bool = False
    counts: bool = False
    personal: bool = False
    contradicts: bool = False


@dataclass(frozen=True)
class Comparison:
    """A field and the levels at which it is compared, the best first. `rarest` is how rare one of its values can be."""

    field: str
    levels: tuple[Level, ...]
    rarest: float | None = None

    def code(self, level: str) -> str:
        """The code of a level in patterns. Raises KeyError."""
        return {each.level: each.code for each in self.levels}[level]


@dataclass(frozen=True)
class TraceRules:
    """All that the trace interprets. `smoothing` is how many people the rarest that a value can be counts for beside the register's own counts."""

    edition: Edition
    acceptance: Acceptance
    smoothing: int
    blocking: Blocking
    guards: Guards
    comparisons: tuple[Comparison, ...]
    known_as: Mapping[str, tuple[str, ...]]

    @classmethod
    def build(cls, as_at: date) -> TraceRules:
        """The rules that hold on the as-at date. Raises RequestRefused for an unknown, missing or impossible entry."""
        found = document(FILE)
        edition = Edition.build(FILE, found, as_at)
        guards = found.pop("guards", {})
        guards |= {name: tuple(words) for name, words in guards.items() if isinstance(words, list)}
        return made(
            cls,
            FILE,
            found,
            edition=edition,
            acceptance=made(Acceptance, f"{FILE}: acceptance", found.pop("acceptance", {})),
            smoothing=found.pop("smoothing", {}).get("people"),
            blocking=made(Blocking, f"{FILE}: blocking", found.pop("blocking", {})),
            guards=made(Guards, f"{FILE}: guards", guards),
            comparisons=tuple(_comparison(entry) for entry in found.pop("comparisons", [])),
            known_as=_known_as(),
        )

    @cached_property
    def by_field(self) -> dict[str, Comparison]:
        """Field to its comparison, in the order in which patterns name them."""
        return {comparison.field: comparison for comparison in self.comparisons}


def _comparison(entry: dict[str, Any]) -> Comparison:
    place = f"{FILE}: comparison {entry.get('field', '')}"
    levels = tuple(made(Level, place, level) for level in entry.pop("levels", []))
    for level in levels:
        if not (0 < level.m <= 1 and 0 < level.u <= 1):
            raise RequestRefused(f"{place}: m and u of {level.level} must lie above 0 and not above 1")
    return made(Comparison, place, entry, levels=levels)


def _known_as() -> dict[str, tuple[str, ...]]:
    """A name by which somebody may be known to the names that it may stand for, all in lower case."""
    known: dict[str, tuple[str, ...]] = {}
    for row in rows("nicknames.csv"):
        known[row["known_as"]] = (*known.get(row["known_as"], ()), row["given_name"])
    return known

"""How a record is matched to a person on the register: match weights, thresholds and guards, read from `reference/trace.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reference_data import TomlTable, load_csv, load_toml, parse_dataclass, take_table, take_tables

FILE = "trace.toml"


@dataclass(frozen=True)
class Acceptance:
    """When a scored candidate is accepted: the threshold and the margin over the second best, in bits, and the fields that must agree.

    `plausible` is the match weight in bits below which no reason names the candidate. `fewest_fields` counts all fields.
    `fewest_personal` counts given name, family name and date of birth, and applies where relatives are to be expected.
    """

    threshold: float
    margin: float
    plausible: float
    fewest_fields: int
    fewest_personal: int


@dataclass(frozen=True)
class Blocking:
    """The limits of blocking: how many people on the register may share a blocking key, and how many pairs one key may make."""

    largest_block: int
    most_pairs: int


@dataclass(frozen=True)
class Guards:
    """Values that are never believed, and the numbers of people from which an address carries no weight."""

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
    """A level of agreement of a field: its code in a pattern, and its m- and u-probability (records of one person, of two people).

    With `by_value`, u is the frequency of the value itself. A level that `counts` is agreement of the field. A `personal` level
    tells relatives apart. A level that `contradicts` may mean that the record is a relative's.
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
    """A field and its levels of agreement, the best first. `rarest` is the lowest frequency of a value that is believed."""

    field: str
    levels: tuple[Level, ...]
    rarest: float | None = None

    def code(self, level: str) -> str:
        """Return the code of a level in patterns. Raises KeyError."""
        return {declared.level: declared.code for declared in self.levels}[level]


@dataclass(frozen=True)
class TraceRules:
    """All rules of the trace. `smoothing` is the weight in people of `rarest` beside the counts of the register."""

    edition: Edition
    acceptance: Acceptance
    smoothing: int
    blocking: Blocking
    guards: Guards
    comparisons: tuple[Comparison, ...]
    known_as: Mapping[str, tuple[str, ...]]

    @classmethod
    def build(cls, as_at: date) -> TraceRules:
        """Return the rules that are valid on the as-at date. Raises UsageError for an unknown, missing or impossible entry."""
        contents = load_toml(FILE)
        edition = Edition.build(FILE, contents, as_at)
        return parse_dataclass(
            cls,
            FILE,
            contents,
            edition=edition,
            acceptance=parse_dataclass(Acceptance, f"{FILE}: acceptance", take_table(FILE, contents, "acceptance")),
            smoothing=take_table(FILE, contents, "smoothing").get("people"),
            blocking=parse_dataclass(Blocking, f"{FILE}: blocking", take_table(FILE, contents, "blocking")),
            guards=parse_dataclass(Guards, f"{FILE}: guards", take_table(FILE, contents, "guards")),
            comparisons=tuple(_parse_comparison(entry) for entry in take_tables(FILE, contents, "comparisons")),
            known_as=_load_nicknames(),
        )

    @cached_property
    def by_field(self) -> dict[str, Comparison]:
        """Comparisons by field, in the order in which patterns name them."""
        return {comparison.field: comparison for comparison in self.comparisons}


def _parse_comparison(entry: TomlTable) -> Comparison:
    location = f"{FILE}: comparison {entry.get('field', '')}"
    levels = tuple(parse_dataclass(Level, location, level) for level in take_tables(location, entry, "levels"))
    for level in levels:
        # The match weight is log2(m / u): neither may be 0.
        if not (0 < level.m <= 1 and 0 < level.u <= 1):
            raise UsageError(f"{location}: m and u of {level.level} must be above 0 and at most 1")
    return parse_dataclass(Comparison, location, entry, levels=levels)


def _load_nicknames() -> dict[str, tuple[str, ...]]:
    """Return, for each nickname or other spelling, the given names that it may stand for, all in lower case."""
    nicknames: dict[str, tuple[str, ...]] = {}
    for row in load_csv("nicknames.csv"):
        nicknames[row["known_as"]] = (*nicknames.get(row["known_as"], ()), row["given_name"])
    return nicknames

"""What the report is told of the run that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from bcf_linkage.definitions.governance import Drafts
from bcf_linkage.definitions.schema import Table
from bcf_linkage.published.exact import ALL

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """One source as its agreement states it: the declared extract, who sends it, under which agreement and on which basis in law, in words."""

    extract: Table
    sector: str
    supplier: str
    agreement: str
    parties: tuple[str, ...]
    basis: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """An earlier release that this one was protected against."""

    run: str
    as_at: date
    profile: str
    cells: int
    shown: int


@dataclass(frozen=True)
class Told:
    """All that the report says, in words that anybody may read; `tables` are published rows by table.

    `objections` are those that hold, in words; `checked` is the day of the national check, if that holds; `kept` says of a zone for how
    long it keeps what it holds; `practices` is how many may ask for their own patients by name, of all.
    """

    locality: str
    code: str
    as_at: date
    run_id: str
    made_up: bool
    purpose: str
    recipient: str
    project: str
    key: str
    fingerprint: str
    algorithm: str
    keys_lie: str
    sources: tuple[Source, ...]
    objections: tuple[str, ...]
    checked: str
    kept: Mapping[str, str]
    practices: tuple[int, int]
    rule: str
    before: tuple[Release, ...]
    versions: Mapping[str, str]
    tables: Mapping[str, Sequence[Row]]
    drafts: Drafts

    @cached_property
    def figures(self) -> dict[tuple[str, str], int | None]:
        """Published numbers of records by (measure, source), None where suppressed."""
        rows = (row for row in self.tables["linkage_quality"] if row["group_type"] == row["group"] == ALL)
        return {(row["measure"], row["area_code"]): row["numerator"] for row in rows}

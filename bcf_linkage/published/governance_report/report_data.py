"""The facts of a run that the information governance report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from bcf_linkage.definitions.governance import Drafts
from bcf_linkage.definitions.schema import Table
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.published_rows import DisclosureRow, FigureRow, PublishedRow, typed_rows


@dataclass(frozen=True)
class AgreedSource:
    """One source and its data sharing agreement: the declared extract, the supplier, the agreement, its parties and its legal basis, in words."""

    extract: Table
    sector: str
    supplier: str
    agreement: str
    parties: tuple[str, ...]
    basis: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class PriorRelease:
    """An earlier release that this one is protected against."""

    run: str
    as_at: date
    profile: str
    cells: int
    shown: int


@dataclass(frozen=True)
class GovernanceReportData:
    """Everything that the report shows, without identifiers, keys or names of staff. `tables` are published rows by table.

    `objections` are the kinds of objection in force, in words. `national_check_date` is the day of the national data opt-out check, blank
    if it is not in force. `retention_limits` gives the retention period of each zone. `practices` is the number of practices that may ask
    for re-identification of their own patients, and the number of all practices.
    """

    locality: str
    code: str
    as_at: date
    run_id: str
    is_synthetic: bool
    purpose: str
    recipient: str
    project: str
    root_key: str
    fingerprint: str
    algorithm: str
    key_location: str
    sources: tuple[AgreedSource, ...]
    objections: tuple[str, ...]
    national_check_date: str
    retention_limits: Mapping[str, str]
    practices: tuple[int, int]
    rule: str
    earlier_releases: tuple[PriorRelease, ...]
    versions: Mapping[str, str]
    tables: Mapping[str, Sequence[PublishedRow]]
    drafts: Drafts

    @cached_property
    def figures(self) -> dict[tuple[str, str], int | None]:
        """Published numbers of records by (measure, source), None where suppressed."""
        rows = (row for row in typed_rows(FigureRow, self.tables["linkage_quality"]) if row["group_type"] == row["group"] == ALL)
        return {(row["measure"], row["area_code"]): row["numerator"] for row in rows}

    @cached_property
    def opt_outs(self) -> list[FigureRow]:
        """Rows of `opt_outs`."""
        return typed_rows(FigureRow, self.tables["opt_outs"])

    @cached_property
    def disclosure_summaries(self) -> list[DisclosureRow]:
        """Rows of `disclosure_control`: one per published table."""
        return typed_rows(DisclosureRow, self.tables["disclosure_control"])

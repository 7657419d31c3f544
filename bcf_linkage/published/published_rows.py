"""Typed rows of published tables: the columns that the summary and the reports read.

Frames return a row as a mapping of column to value. `typed_rows` gives such rows the type of their table, so that code that reads them is
checked. `lower`, `upper`, `gap` and the like are typed as numbers although they can be null: code reads them only where the value that they
belong to is not null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict, TypeVar, cast

PublishedRow = Mapping[str, object]
"""A row of a published table, as a frame returns it."""

RowType = TypeVar("RowType")


def typed_rows(kind: type[RowType], rows: Iterable[PublishedRow]) -> list[RowType]:
    """Return rows of a published table with the type of that table. The rows are not checked: the table was, when it was written."""
    return cast(list[RowType], list(rows))


class FigureRow(TypedDict):
    """A row of `linkage_quality` or `opt_outs`: one figure of one source and group. Rates and their intervals are in the unit of the figure."""

    section: str
    measure: str
    area_code: str
    group_type: str
    group: str
    unit: str
    numerator: int | None
    denominator: int | None
    value: float | None
    lower: float
    upper: float
    status: str
    gap: float
    stands_out: bool | None
    change: float | None


class SummaryRow(TypedDict):
    """A row of `linkage_summary`, without its stamp: one figure of one source, in percent."""

    measure: str
    measure_name: str
    area_code: str
    area_name: str
    value: float | None
    lower: float
    upper: float
    truth_lower: float | None
    truth_upper: float
    green: float | None
    amber: float | None
    light: str
    basis: str


class SensitivityRow(TypedDict):
    """A row of `linkage_sensitivity`: one cohort of the whole locality under one linkage rule."""

    table: str
    measure: str
    measure_name: str
    rule: str
    people: int | None
    moved: int | None
    moved_percent: float | None


class BoundsRow(TypedDict):
    """A row of `linkage_bounds`, without its stamp: one cohort, between the least and the most people."""

    table: str
    measure: str
    measure_name: str
    people: int | None
    sources: str
    least: int | None
    most: int | None
    direction: str | None
    status: str


class DifferenceRow(TypedDict):
    """A row of `linkage_differences`: one characteristic or group of a source, linked people compared with unlinked people."""

    area_code: str
    characteristic: str
    characteristic_name: str
    group: str
    unit: str
    linked_people: int | None
    unlinked_people: int | None
    linked: float
    unlinked: float
    difference: float | None
    stands_out: bool | None


class ProvenanceRow(TypedDict):
    """A row of `linkage_provenance`: one fact about a source or the run."""

    subject: str
    fact: str
    detail: str


class LedgerRow(TypedDict):
    """A row of `linkage_ledger`: records of one extract by outcome and reason."""

    extract: str
    outcome: str
    reason: str
    rows: int | None


class DisclosureRow(TypedDict):
    """A row of `disclosure_control`: how many numbers of a table are shown."""

    table: str
    cells: int
    shown: int
    suppressed: int

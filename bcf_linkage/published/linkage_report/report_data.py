"""The published tables that the linkage report reads, and the format of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.pages.elements import Cell, number
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_quality.published_figures import BOUNDED
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, REGISTER
from bcf_linkage.published.published_rows import (
    BoundsRow,
    DifferenceRow,
    FigureRow,
    LedgerRow,
    ProvenanceRow,
    PublishedRow,
    SensitivityRow,
    SummaryRow,
    typed_rows,
)

HIDDEN = "hidden"
"""Text of a suppressed number."""

FULL_PERCENT = 100


@dataclass(frozen=True)
class LinkageReportData:
    """What a run published on its linkage: `tables` are published rows by table.

    `is_synthetic` says that the people are made up, so that the truth is known. `rule` is the rule of disclosure control, in words.
    `fields` are the fields of a pattern of agreement, in its order.
    """

    locality: str
    as_at: date
    run_id: str
    is_synthetic: bool
    tables: Mapping[str, Sequence[PublishedRow]]
    rules: QualityRules
    rule: str
    fields: tuple[str, ...] = ()

    @cached_property
    def quality(self) -> list[FigureRow]:
        """Rows of `linkage_quality`."""
        return typed_rows(FigureRow, self.tables["linkage_quality"])

    @cached_property
    def figures(self) -> dict[tuple[str, str, str, str], FigureRow]:
        """Rows of `linkage_quality` by measure, source, kind of group and group."""
        return {(r["measure"], r["area_code"], r["group_type"], r["group"]): r for r in self.quality}

    @cached_property
    def summary(self) -> dict[tuple[str, str], SummaryRow]:
        """Rows of `linkage_summary` by measure and source."""
        return {(r["measure"], r["area_code"]): r for r in typed_rows(SummaryRow, self.tables["linkage_summary"])}

    @cached_property
    def sensitivity(self) -> list[SensitivityRow]:
        """Rows of `linkage_sensitivity`."""
        return typed_rows(SensitivityRow, self.tables["linkage_sensitivity"])

    @cached_property
    def bounds(self) -> list[BoundsRow]:
        """Rows of `linkage_bounds`."""
        return typed_rows(BoundsRow, self.tables["linkage_bounds"])

    @cached_property
    def differences(self) -> list[DifferenceRow]:
        """Rows of `linkage_differences`."""
        return typed_rows(DifferenceRow, self.tables["linkage_differences"])

    @cached_property
    def provenance(self) -> list[ProvenanceRow]:
        """Rows of `linkage_provenance`."""
        return typed_rows(ProvenanceRow, self.tables["linkage_provenance"])

    @cached_property
    def ledger(self) -> list[LedgerRow]:
        """Rows of `linkage_ledger`."""
        return typed_rows(LedgerRow, self.tables["linkage_ledger"])

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that are linked to the register, in alphabetical order."""
        return tuple(sorted({area for measure, area, _, _ in self.figures if measure == "linked"} - {ALL_SOURCES, REGISTER}))

    @property
    def areas(self) -> tuple[str, ...]:
        """All sources together, then each source."""
        return (ALL_SOURCES, *self.sources)

    def whole_source(self, measure: str, area: str) -> FigureRow | None:
        """Return a figure of a whole source, None if it was not counted."""
        return self.figures.get((measure, area, ALL, ALL))

    def measure_names(self, section: str) -> dict[str, str]:
        """Return code and name of the figures of a section that were counted."""
        counted = {measure for measure, *_ in self.figures}
        return {figure.code: figure.name for figure in self.rules.figures if figure.section == section and figure.code in counted}


def label_for(code: str) -> str:
    """Return the code of a source, table or reason as words."""
    return code.replace("_", " ").replace("gp ", "GP ")


def format_count(value: float | None) -> str:
    """Format a published number; `hidden` where it is suppressed."""
    return HIDDEN if value is None else f"{value:,.0f}"


def format_percent(value: float | None, decimals: int = 1) -> str:
    """Format a percentage; nothing where there is none."""
    return "" if value is None else f"{value:.{decimals}f}%"


def at_least_prefix(row: SummaryRow) -> str:
    """Return the words before a figure of the summary that is the worst possible value of a suppressed number; nothing before another."""
    return "at least " if row["basis"] == BOUNDED and row["value"] is not None and row["value"] < FULL_PERCENT else ""


def format_truth(row: SummaryRow) -> str:
    """Format the true figure of a row of the summary, or the span that a suppressed number leaves; nothing where it is not known."""
    if row["truth_lower"] is None:
        return ""
    return f"{row['truth_lower']:.2f}%" if row["truth_lower"] == row["truth_upper"] else f"{row['truth_lower']:.2f} to {row['truth_upper']:.2f}%"


def rate_cell(row: FigureRow | None, decimals: int = 1, sign: str = "%") -> Cell:
    """Return the rate of a figure as a cell: blank where it was not counted, `hidden` where it is suppressed."""
    if row is None or row["status"] == "not applicable":
        return number("")
    return number(HIDDEN if row["value"] is None else f"{row['value']:.{decimals}f}{sign}")


def format_interval(row: FigureRow, decimals: int = 2) -> str:
    """Format a value with its interval."""
    return f"{row['value']:.{decimals}f}% ({row['lower']:.{decimals}f} to {row['upper']:.{decimals}f})"

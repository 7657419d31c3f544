"""The published tables as the report reads them, and how a figure is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.pages.elements import Cell, number
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_quality.assessment import BOUNDED
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, REGISTER

Row = Mapping[str, Any]
HIDDEN = "hidden"
MOST = 100
"""In percent: more there cannot be."""


@dataclass(frozen=True)
class Told:
    """What a run published on its linkage. `made_up` says that the people are, so that the truth about them is known.

    `rule` is that of disclosure control, in words. `fields` are those that a pattern of agreement has a sign for, in its order.
    """

    locality: str
    as_at: date
    run_id: str
    made_up: bool
    tables: Mapping[str, Sequence[Row]]
    rules: QualityRules
    rule: str
    fields: tuple[str, ...] = ()

    @cached_property
    def figures(self) -> dict[tuple[str, str, str, str], Row]:
        """Rows of `linkage_quality` by measure, source, kind of group and group."""
        return {(r["measure"], r["area_code"], r["group_type"], r["group"]): r for r in self.tables["linkage_quality"]}

    @cached_property
    def summary(self) -> dict[tuple[str, str], Row]:
        """Rows of `linkage_summary` by measure and source."""
        return {(r["measure"], r["area_code"]): r for r in self.tables["linkage_summary"]}

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that are linked to the register, by name."""
        return tuple(sorted({area for measure, area, _, _ in self.figures if measure == "linked"} - {EVERYWHERE, REGISTER}))

    @property
    def areas(self) -> tuple[str, ...]:
        """All sources together, then each."""
        return (EVERYWHERE, *self.sources)

    def whole(self, measure: str, area: str) -> Row | None:
        """A figure of a whole source."""
        return self.figures.get((measure, area, ALL, ALL))

    def names(self, section: str) -> dict[str, str]:
        """Code to words of a section's figures that were counted."""
        counted = {measure for measure, *_ in self.figures}
        return {figure.code: figure.name for figure in self.rules.figures if figure.section == section and figure.code in counted}


def words(code: str) -> str:
    """A code of a source, table or reason as it is read."""
    return code.replace("_", " ").replace("gp ", "GP ")


def count(value: float | None) -> str:
    """A published number; `hidden` where it is suppressed."""
    return HIDDEN if value is None else f"{value:,.0f}"


def percent(value: float | None, decimals: int = 1) -> str:
    """A percentage; nothing where there is none."""
    return "" if value is None else f"{value:.{decimals}f}%"


def at_least(row: Row) -> str:
    """What goes before a figure of the summary that is the worst that a hidden number leaves open."""
    return "at least " if row["basis"] == BOUNDED and row["value"] < MOST else ""


def truth(row: Row) -> str:
    """The true figure of a row of the summary, or the span that a hidden number leaves open; nothing where it is not known."""
    if row["truth_lower"] is None:
        return ""
    return f"{row['truth_lower']:.2f}%" if row["truth_lower"] == row["truth_upper"] else f"{row['truth_lower']:.2f} to {row['truth_upper']:.2f}%"


def rate(row: Row | None, decimals: int = 1, sign: str = "%") -> Cell:
    """A figure's rate as a cell: blank where it was not counted, `hidden` where it is suppressed."""
    if row is None or row["status"] == "not applicable":
        return number("")
    return number(HIDDEN if row["value"] is None else f"{row['value']:.{decimals}f}{sign}")


def interval(row: Row, decimals: int = 2) -> str:
    """A value with the ends of its interval."""
    return f"{row['value']:.{decimals}f}% ({row['lower']:.{decimals}f} to {row['upper']:.{decimals}f})"

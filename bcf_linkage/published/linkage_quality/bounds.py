"""Bounds of a published cohort under the estimated linkage error, from published figures alone.

A missed link leaves a person out of a cohort that depends on the source. A wrong link puts in a person who does not belong there. A
cohort that depends on several sources needs all their links to be made, and to be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import TypedDict

from bcf_linkage.published.disclosure_control.figures import SHOWN, SUPPRESSED
from bcf_linkage.published.linkage_quality.sensitivity import DEFAULT
from bcf_linkage.published.published_rows import BoundsRow, PublishedRow, SensitivityRow, SummaryRow, typed_rows

NOT_APPLICABLE = "not applicable"
TOO_LOW, TOO_HIGH, NEITHER = "too low", "too high", "neither"


class CohortBounds(TypedDict):
    """Columns of `linkage_bounds` that are computed: people from least to most, and whether the published count is more likely too low or too high."""

    least: int | None
    most: int | None
    direction: str | None
    status: str


def estimate_bounds(cohorts: Iterable[PublishedRow], summary: Iterable[PublishedRow], needs: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[BoundsRow]:
    """Rows of `linkage_sensitivity` and `linkage_summary` -> rows of `linkage_bounds` without their stamp: one per cohort that needs a linked source.

    `needs` gives, by (table, measure), the sources that a cohort depends on.
    """
    errors = {(row["measure"], row["area_code"]): row for row in typed_rows(SummaryRow, summary)}
    for row in typed_rows(SensitivityRow, cohorts):
        sources = needs.get((row["table"], row["measure"]), ())
        if row["rule"] == DEFAULT and sources:
            yield {
                "table": row["table"],
                "measure": row["measure"],
                "measure_name": row["measure_name"],
                "people": row["people"],
                "sources": ", ".join(sources),
                **_bounds_of_cohort(row["people"], [(errors["precision", s], errors["recall", s]) for s in sources]),
            }


def _bounds_of_cohort(people: int | None, errors: Sequence[tuple[SummaryRow, SummaryRow]]) -> CohortBounds:
    """Return the bounds of a cohort from the (precision, recall) of each source that it depends on."""
    values = [(precision["value"], recall["value"]) for precision, recall in errors]
    if people is None:
        return {"least": None, "most": None, "direction": None, "status": SUPPRESSED}
    if any(None in pair for pair in values) or not all(recall["lower"] for _, recall in errors):
        return {"least": None, "most": None, "direction": None, "status": NOT_APPLICABLE}
    precision, recall = (prod(pair[n] or 0.0 for pair in values) for n in (0, 1))
    right_share, found_share = (prod(_hundredths(pair[n]["lower"]) for pair in errors) for n in (0, 1))
    full_scale = _hundredths(100) ** len(errors)
    lowest, highest = people * right_share // full_scale, -(-people * full_scale // found_share)
    # Whichever error is the larger decides: missed links make a count too low, wrong links too high.
    direction = TOO_LOW if recall < precision else TOO_HIGH if precision < recall else NEITHER
    return {"least": lowest, "most": highest, "direction": direction, "status": SHOWN}


def _hundredths(percent: float) -> int:
    """Return hundredths of a percent as a whole number, so that a product of shares is exact before it is rounded to people."""
    return round(100 * percent)

"""Between what numbers a published count lies, if as many links are missed and wrong as is estimated. From published figures alone.

A link that is missed takes somebody out of a cohort that rests on the source, a wrong one puts somebody in who does not belong there.
A cohort that rests on several sources needs all of their links to be made, and right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from bcf_linkage.published.disclosure_control.figures import SHOWN, SUPPRESSED
from bcf_linkage.published.linkage_quality.sensitivity import DEFAULT

Row = Mapping[str, Any]
NOT_APPLICABLE = "not applicable"
TOO_LOW, TOO_HIGH, NEITHER = "too low", "too high", "neither"


def bounds(cohorts: Iterable[Row], summary: Iterable[Row], needs: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[dict[str, Any]]:
    """Rows of `linkage_sensitivity` and `linkage_summary`, and by (table, measure) the sources that cohorts need -> rows of `linkage_bounds`.

    They are without their stamp.
    """
    errors = {(row["measure"], row["area_code"]): row for row in summary}
    for row in cohorts:
        sources = needs.get((row["table"], row["measure"]), ())
        if row["rule"] == DEFAULT and sources:
            told = {name: row[name] for name in ("table", "measure", "measure_name", "people")}
            yield {**told, "sources": ", ".join(sources), **_bounded(row["people"], [(errors["precision", s], errors["recall", s]) for s in sources])}


def _bounded(people: int | None, errors: Sequence[tuple[Row, Row]]) -> dict[str, Any]:
    nothing = {"least": None, "most": None, "direction": None}
    if people is None:
        return {**nothing, "status": SUPPRESSED}
    if any(row["value"] is None for pair in errors for row in pair) or not all(recall["lower"] for _, recall in errors):
        return {**nothing, "status": NOT_APPLICABLE}
    precision, recall = (prod(pair[n]["value"] for pair in errors) for n in (0, 1))
    right, found = (prod(_hundredths(pair[n]["lower"]) for pair in errors) for n in (0, 1))
    whole = _hundredths(100) ** len(errors)
    least, most = people * right // whole, -(-people * whole // found)
    direction = TOO_LOW if recall < precision else TOO_HIGH if precision < recall else NEITHER
    return {"least": least, "most": most, "direction": direction, "status": SHOWN}


def _hundredths(percent: float) -> int:
    """Hundredths of a percent, whole: a product of shares is then exact, and is not rounded past the number that it is."""
    return round(100 * percent)

"""Bounds of a cohort under the estimated linkage error."""

from __future__ import annotations

from typing import Any

import pytest

from bcf_linkage.published.linkage_quality.bounds import estimate_bounds

CARE, STAYS = "adult_social_care", "hospital_admissions"


def estimate(measure: str, area: str, value: float | None, lower: float | None) -> dict[str, Any]:
    return {"measure": measure, "area_code": area, "value": value, "lower": lower}


GOOD = [
    estimate("precision", CARE, 99.9, 99.0),
    estimate("recall", CARE, 99.0, 95.0),
    estimate("precision", STAYS, 98.0, 90.0),
    estimate("recall", STAYS, 99.0, 98.0),
]


def cohort(people: int | None = 1_000, rule: str = "default", measure: str = "clients") -> dict[str, Any]:
    return {"table": "cohort_counts", "measure": measure, "measure_name": "Clients", "rule": rule, "people": people}


def bounds_row(needs: tuple[str, ...], people: int | None = 1_000, summary: list[dict[str, Any]] = GOOD) -> dict[str, Any]:
    (row,) = estimate_bounds([cohort(people), cohort(people, "strict"), cohort(people, measure="registered")], summary, {("cohort_counts", "clients"): needs})
    return row


@pytest.mark.parametrize(
    ("needs", "least", "most", "direction"),
    [((CARE,), 990, 1_053, "too low"), ((STAYS,), 900, 1_021, "too high"), ((CARE, STAYS), 891, 1_075, "too high")],
)
def test_the_least_and_most_use_the_lower_ends(needs: tuple[str, ...], least: int, most: int, direction: str) -> None:
    row = bounds_row(needs)
    # 1,000 x 0.99 and 1,000 / 0.95; 1,000 x 0.9 and 1,000 / 0.98; both together.
    assert (row["least"], row["most"], row["direction"], row["status"]) == (least, most, direction, "shown")
    assert row["sources"] == ", ".join(needs)


def test_a_suppressed_count_or_unknown_error_has_no_bounds() -> None:
    assert bounds_row((CARE,), None)["status"] == "suppressed"
    for unknown in (estimate("recall", CARE, None, None), estimate("recall", CARE, 50.0, 0.0)):
        row = bounds_row((CARE,), summary=[GOOD[0], unknown])
        assert (row["status"], row["least"], row["most"]) == ("not applicable", None, None)


def test_a_perfect_linkage_does_not_move_a_count() -> None:
    row = bounds_row((CARE,), summary=[estimate(measure, CARE, 100.0, 100.0) for measure in ("precision", "recall")])
    assert (row["least"], row["most"], row["direction"]) == (1_000, 1_000, "neither")

"""The figures of a run, worked out again in plain Python from what lies on disk: the truth, the received rows and the exact ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity

REGISTER, EVERYWHERE, ALL = "gp_registrations", "all sources", "all"
SOURCES = [extract for extract in EXTRACTS if extract != REGISTER]
THRESHOLD, BASE = 7, 5

Figures = dict[tuple[str, str, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def run(published: Path) -> str:
    return (published / "published" / "current").resolve().name


@pytest.fixture(scope="module")
def figures(published: Path) -> Figures:
    rows = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_quality.parquet").to_dicts()
    return {(r["measure"], r["area_code"], r["group_type"], r["group"]): r for r in rows}


@pytest.fixture(scope="module")
def summary(published: Path) -> dict[tuple[str, str], dict[str, Any]]:
    rows = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_summary.parquet").to_dicts()
    return {(r["measure"], r["area_code"]): r for r in rows}


@pytest.fixture(scope="module")
def received(published: Path, run: str) -> dict[str, list[dict[str, Any]]]:
    folder = published / "pseudonymised" / run / "received"
    return {extract: pl.read_parquet(folder / f"{extract}.parquet").to_dicts() for extract in EXTRACTS}


@pytest.fixture(scope="module")
def truth(published: Path, received: dict[str, list[dict[str, Any]]]) -> dict[str, Counter[str]]:
    """Right, wrong and missed links of every source, by the truth, one record after another."""
    whose = {(r["extract"], r["row"]): r["true_person"] for r in pl.read_parquet(published / "truth" / "records.parquet").to_dicts()}
    owners: dict[str, set[int]] = defaultdict(set)
    for row in received[REGISTER]:
        if row["place"] == "linked":
            owners[row["person"]].add(whose[REGISTER, row["row"]])
    findable = set().union(*owners.values())
    told: dict[str, Counter[str]] = {}
    for extract in SOURCES:
        counts: Counter[str] = Counter()
        for row in received[extract]:
            person = whose[extract, row["row"]]
            right = row["place"] == "linked" and person in owners[row["person"]]
            counts["true_linked"] += row["place"] == "linked"
            counts["true_wrong"] += row["place"] == "linked" and not right
            counts["true_findable"] += person in findable
            counts["true_missed"] += person in findable and not right
        told[extract] = counts
    told[EVERYWHERE] = sum(told.values(), Counter())
    return told


def agrees(row: dict[str, Any] | None, exact: int) -> bool:
    """Whether a published number is the exact one rounded, or hidden because it is small."""
    if row is None:
        return exact == 0
    if row["numerator"] is None:
        return 1 <= exact <= THRESHOLD or row["unit"] == "percent"
    return bool(row["numerator"] == (exact + BASE // 2) // BASE * BASE)


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
@pytest.mark.parametrize("measure", ["true_linked", "true_wrong", "true_findable", "true_missed"])
def test_the_truth_that_is_printed_is_the_truth(measure: str, area: str, figures: Figures, truth: dict[str, Counter[str]]) -> None:
    assert agrees(figures[measure, area, ALL, ALL], truth[area][measure])


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
def test_true_precision_recall_and_f1_stand_beside_the_estimates(
    area: str, summary: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Counter[str]]
) -> None:
    counts = truth[area]
    precision, recall = 1 - counts["true_wrong"] / counts["true_linked"], 1 - counts["true_missed"] / counts["true_findable"]
    expected = {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}
    for measure, share in expected.items():
        # Each count is rounded to the nearest 5; beside so few records that is what it comes to.
        slack = 100 * BASE / min(counts["true_linked"], counts["true_findable"]) + 0.02
        assert summary[measure, area]["truth_lower"] - slack <= 100 * share <= summary[measure, area]["truth_upper"] + slack


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
@pytest.mark.parametrize("measure", ["precision", "recall"])
def test_an_estimate_is_near_the_truth_or_says_how_unsure_it_is(
    measure: str, area: str, summary: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Counter[str]]
) -> None:
    told = summary[measure, area]
    if told["value"] is None:
        assert told["light"] == "not known"
        return
    counts = truth[area]
    wrong, of = ("true_wrong", "true_linked") if measure == "precision" else ("true_missed", "true_findable")
    true = 100 * (1 - counts[wrong] / counts[of])
    assert abs(told["value"] - true) <= 0.5 or told["lower"] <= true <= told["upper"]


def groups(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Sex and deprivation of a received record, in the report's words."""
    if "deprivation_quintile" in row:
        sex = row.get("sex", row.get("gender"))
        yield "sex", {"1": "Male", "2": "Female", "9": "Indeterminate", "0": "Not known", "X": "Not known"}.get(sex, "Not recorded")
        yield "deprivation_quintile", "Not recorded" if row["deprivation_quintile"] is None else str(row["deprivation_quintile"])


def test_match_rates_by_group(figures: Figures, received: dict[str, list[dict[str, Any]]]) -> None:
    traced: Counter[tuple[str, str, str]] = Counter()
    linked: Counter[tuple[str, str, str]] = Counter()
    for extract in SOURCES:
        for row in received[extract]:
            for kind, group in [(ALL, ALL), *groups(row)]:
                for area in (extract, EVERYWHERE):
                    traced[area, kind, group] += 1
                    linked[area, kind, group] += row["place"] == "linked"
    assert len(traced) > 30
    for (area, kind, group), exact in linked.items():
        row = figures["linked", area, kind, group]
        if kind == ALL and row["numerator"] is not None:
            assert abs(row["numerator"] - exact) <= 25, "a whole that is added up from its parts"
        elif row["numerator"] is not None:
            assert agrees(row, exact), (area, kind, group)
            assert row["denominator"] == (traced[area, kind, group] + BASE // 2) // BASE * BASE


def test_the_flow_is_that_of_the_exact_ledger(published: Path, run: str, figures: Figures) -> None:
    ledger = pl.read_parquet(published / "audit" / run / "ledger.parquet")
    for extract in EXTRACTS:
        exact = ledger.filter(pl.col("extract") == extract)["rows"].sum()
        read = figures["rows_read", extract, ALL, ALL]["numerator"]
        assert read is None or abs(read - exact) <= 25


def test_what_the_gold_standard_said_is_at_most_what_was_asked(published: Path, run: str) -> None:
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    for extract in (extract for extract in SOURCES if EXTRACTS[extract].identity(Identity.FAMILY_NAME)):
        told = dict(evidence.filter(pl.col("area_code") == extract).filter(pl.col("group") == ALL).select("measure", "count").iter_rows())
        assert told["holdout"] == told["decoys"] > 0
        assert told["holdout_missed"] + told["holdout_linked"] - told["holdout_wrong"] == told["holdout"]
        assert told["decoys_linked"] <= told["decoys"]

"""At full size, the published figures of synthetic Southampton agree with those that its BCF plan prints."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import Outcome
from synthetic import calibrate, faults, profiles
from synthetic.faults import expected_outcomes
from synthetic.lives import generate_lives
from synthetic.locality import Locality
from synthetic.make_locality import build_extracts, build_truth
from synthetic.rates import figure, rate_table
from tests.linkage_truth import count_linkage_errors

pytestmark = pytest.mark.long

AS_AT, PEOPLE = date(2014, 9, 30), 249_089
BCF = Path(sys.executable).with_name("bcf")
RELATIVE_TOLERANCE = 0.02


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published workspace of a whole city, with faults."""
    folder = tmp_path_factory.mktemp("full size") / "southampton"
    subprocess.run([BCF, "synth", "southampton", "--people", str(PEOPLE), "--seed", "1", "--out", folder], check=True)
    subprocess.run([BCF, "run", folder, "--no-prefect", "--as-at", AS_AT.isoformat()], check=True)
    return folder


def published_table(city: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(city / "published/current/tables" / f"{name}.parquet")


def pseudonymised_table(city: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(next((city / "pseudonymised").glob(f"*/{name}.parquet")))


def metric(city: Path, code: str) -> dict[str, float]:
    return published_table(city, "bcf_metrics").filter(pl.col("measure") == code).sort("period_start").row(-1, named=True)


def test_every_band_that_the_plan_prints_has_its_people_and_mean_cost(city: Path) -> None:
    found = {row["band"]: row for row in published_table(city, "risk_bands").iter_rows(named=True)}
    for band, people, mean in rate_table("bands").filter(pl.col("mark") == "S").select("band", "people", "mean_cost").iter_rows():
        assert found[band]["people"] == pytest.approx(int(people), rel=RELATIVE_TOLERANCE), band
        assert found[band]["mean_cost"] == pytest.approx(int(mean), rel=RELATIVE_TOLERANCE), band
    assert sum(row["people"] for row in found.values()) == pytest.approx(PEOPLE, rel=0.001)


def test_emergency_admissions_come_at_the_rate_of_the_plan(city: Path) -> None:
    assert metric(city, "emergency_admissions")["value"] == pytest.approx(figure("urgent.emergency_admissions"), rel=RELATIVE_TOLERANCE)


def test_emergency_admissions_rise_with_age_and_deprivation(city: Path) -> None:
    people = pseudonymised_table(city, "people").filter(pl.col("population") == "registered")
    emergency = pl.col("admission_method_hospital_provider_spell").str.starts_with("2") & pl.col("start_date_hospital_provider_spell").is_between(
        date(2013, 10, 1), AS_AT
    )
    each = pseudonymised_table(city, "spells").filter(emergency).group_by("person").len("admissions")
    rates = (
        people.join(each, on="person", how="left")
        .group_by(pl.col("age").cut([19, 37, 52, 66], labels=["0-19", "20-37", "38-52", "53-66", "67+"]).cast(pl.String), "deprivation_quintile")
        .agg(rate=1000 * pl.col("admissions").fill_null(0).sum() / pl.len())
    )
    found = {(age, quintile): rate for age, quintile, rate in rates.iter_rows()}
    sourced = {
        (age, int(row["quintile"])): row[age]
        for row in rate_table("emergency_admissions").iter_rows(named=True)
        for age in ("38-52", "53-66", "67+", "0-19", "20-37")
    }
    ratios = np.array([found[cell] / sourced[cell] for cell in sourced])
    assert (np.abs(ratios / np.median(ratios) - 1) < 0.25).all()
    for quintile in range(1, 6):
        assert found["38-52", quintile] < found["53-66", quintile] < found["67+", quintile]
    for age in ("0-19", "20-37", "38-52", "53-66", "67+"):
        assert found[age, 1] > found[age, 5]


def test_social_care_comes_at_the_rates_of_the_plans(city: Path) -> None:
    assert metric(city, "permanent_care_home_admissions_65")["value"] == pytest.approx(700, rel=0.2)
    events = pl.read_csv(city / "landing/adult_social_care/adult_social_care.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
    assert events["nhs_number"].is_not_null().mean() == pytest.approx(0.83, abs=0.02)


def test_every_row_is_accounted_for_and_untraced_rows_have_the_expected_outcomes(city: Path) -> None:
    """The truth expects links by NHS number alone. By names and addresses the trace links more rows, and opts out more."""
    records = pl.read_parquet(city / "truth/records.parquet")
    expected = expected_outcomes(records, pl.read_parquet(city / "truth/faults.parquet"))
    ledger = pl.read_parquet(next((city / "audit").glob("*/ledger.parquet")))
    expected_counts, found = (count_outcomes(frame) for frame in (expected.with_columns(rows=pl.lit(1, pl.Int64)), ledger))
    assert {name: sum(each.values()) for name, each in found.items()} == dict(records.group_by("extract").len().iter_rows())
    for name in EXTRACTS:
        for outcome in (Outcome.UNREADABLE, Outcome.REFUSED, Outcome.DUPLICATE, Outcome.OUT_OF_PERIOD):
            assert found[name].get(outcome, 0) == expected_counts[name].get(outcome, 0), (name, outcome)
        assert found[name][Outcome.LINKED] > 0.999 * expected_counts[name][Outcome.LINKED]
        assert found[name][Outcome.OPTED_OUT] >= expected_counts[name][Outcome.OPTED_OUT]


def test_false_matches_are_rare_and_every_missed_match_has_an_untraced_record(city: Path) -> None:
    merged, unexplained, rows = count_linkage_errors(city)
    assert merged <= rows / 20_000
    assert unexplained == 0


def count_outcomes(rows: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Count the rows of each extract by outcome."""
    outcomes: dict[str, dict[str, int]] = {name: {} for name in EXTRACTS}
    for name, outcome, count in rows.group_by("extract", "outcome").agg(pl.col("rows").sum()).iter_rows():
        outcomes[name][outcome] = count
    return outcomes


@pytest.mark.parametrize("seed", [2, 3, 42])
def test_other_seeds_give_the_same_figures(seed: int) -> None:
    profile = profiles.load_profile("southampton")
    lives = generate_lives(profile, PEOPLE, AS_AT, seed)
    faulted = faults.inject_faults(Locality(build_truth(lives), build_extracts(lives), lives.homes.lookup), profile, seed, as_at=AS_AT)
    off = calibrate.measure_results(lives, faults.linkable_extracts(faulted)) - calibrate.plan_results()
    assert dict(zip(calibrate.RESULTS, off, strict=True)) == pytest.approx(dict.fromkeys(calibrate.RESULTS, 0.0), abs=RELATIVE_TOLERANCE)

"""At full size, Southampton comes out of the river as its plan prints it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import Place
from synthetic import calibrate, faults, profiles
from synthetic.faults import expected_places
from synthetic.lives import live
from synthetic.locality import Locality
from synthetic.make import observed, truth
from synthetic.rates import figure, table
from tests.people_and_truth import people_and_truth

pytestmark = pytest.mark.long

AS_AT, PEOPLE = date(2014, 9, 30), 249_089
BCF = Path(sys.executable).with_name("bcf")
WITHIN = 0.02


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a whole city with faults, published."""
    folder = tmp_path_factory.mktemp("full size") / "southampton"
    subprocess.run([BCF, "synth", "southampton", "--people", str(PEOPLE), "--seed", "1", "--out", folder], check=True)
    subprocess.run([BCF, "run", folder, "--no-prefect", "--as-at", AS_AT.isoformat()], check=True)
    return folder


def published(city: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(city / "published/current/tables" / f"{name}.parquet")


def kept(city: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(next((city / "pseudonymised").glob(f"*/{name}.parquet")))


def metric(city: Path, code: str) -> dict[str, float]:
    return published(city, "bcf_metrics").filter(pl.col("measure") == code).sort("period_start").row(-1, named=True)


def test_every_band_that_the_plan_prints_has_its_people_and_their_mean_cost(city: Path) -> None:
    found = {row["band"]: row for row in published(city, "risk_bands").iter_rows(named=True)}
    for band, people, mean in table("bands").filter(pl.col("mark") == "S").select("band", "people", "mean_cost").iter_rows():
        assert found[band]["people"] == pytest.approx(int(people), rel=WITHIN), band
        assert found[band]["mean_cost"] == pytest.approx(int(mean), rel=WITHIN), band
    assert sum(row["people"] for row in found.values()) == pytest.approx(PEOPLE, rel=0.001)


def test_emergency_admissions_come_at_the_rate_of_the_plan(city: Path) -> None:
    assert metric(city, "emergency_admissions")["value"] == pytest.approx(figure("urgent.emergency_admissions"), rel=WITHIN)


def test_emergency_admissions_rise_with_age_and_deprivation(city: Path) -> None:
    people = kept(city, "people").filter(pl.col("population") == "registered")
    emergency = pl.col("admission_method_hospital_provider_spell").str.starts_with("2") & pl.col("start_date_hospital_provider_spell").is_between(
        date(2013, 10, 1), AS_AT
    )
    each = kept(city, "spells").filter(emergency).group_by("person").len("admissions")
    rates = (
        people.join(each, on="person", how="left")
        .group_by(pl.col("age").cut([19, 37, 52, 66], labels=["0-19", "20-37", "38-52", "53-66", "67+"]).cast(pl.String), "deprivation_quintile")
        .agg(rate=1000 * pl.col("admissions").fill_null(0).sum() / pl.len())
    )
    found = {(age, quintile): rate for age, quintile, rate in rates.iter_rows()}
    sourced = {
        (age, int(row["quintile"])): row[age]
        for row in table("emergency_admissions").iter_rows(named=True)
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


def test_every_row_is_accounted_for_and_those_that_never_reach_the_trace_are_where_the_truth_says(city: Path) -> None:
    """The truth tells of numbers alone; by names and addresses the trace links more rows than that, and opts out more."""
    records = pl.read_parquet(city / "truth/records.parquet")
    expected = expected_places(records, pl.read_parquet(city / "truth/faults.parquet"))
    ledger = pl.read_parquet(next((city / "audit").glob("*/ledger.parquet")))
    told, found = (counted(frame) for frame in (expected.with_columns(rows=pl.lit(1, pl.Int64)), ledger))
    assert {name: sum(each.values()) for name, each in found.items()} == dict(records.group_by("extract").len().iter_rows())
    for name in EXTRACTS:
        for place in (Place.UNREADABLE, Place.REFUSED, Place.DUPLICATE, Place.OUT_OF_PERIOD):
            assert found[name].get(place, 0) == told[name].get(place, 0), (name, place)
        assert found[name][Place.LINKED] > 0.999 * told[name][Place.LINKED]
        assert found[name][Place.OPTED_OUT] >= told[name][Place.OPTED_OUT]


def test_hardly_two_people_are_one_and_nobody_is_two_without_an_untraced_record(city: Path) -> None:
    merged, unexplained, rows = people_and_truth(city)
    assert merged <= rows / 20_000
    assert unexplained == 0


def counted(rows: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Rows by place, of each extract."""
    places: dict[str, dict[str, int]] = {name: {} for name in EXTRACTS}
    for name, place, count in rows.group_by("extract", "place").agg(pl.col("rows").sum()).iter_rows():
        places[name][place] = count
    return places


@pytest.mark.parametrize("seed", [2, 3, 42])
def test_other_seeds_come_out_alike(seed: int) -> None:
    profile = profiles.load("southampton")
    lives = live(profile, PEOPLE, AS_AT, seed)
    faulted = faults.apply(Locality(truth(lives), observed(lives), lives.homes.lookup), profile, seed, as_at=AS_AT)
    off = calibrate.outcomes(lives, faults.found(faulted)) - calibrate.printed()
    assert dict(zip(calibrate.OUTCOMES, off, strict=True)) == pytest.approx(dict.fromkeys(calibrate.OUTCOMES, 0.0), abs=WITHIN)

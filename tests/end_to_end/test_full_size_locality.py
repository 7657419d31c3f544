"""At full size, Southampton comes out as its plan prints it, before and after faults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
import pytest

from bcf_linkage.definitions.places import Place
from synthetic import costs, faults, profiles
from synthetic.lives import Lives, live
from synthetic.locality import Locality
from synthetic.make import observed, truth
from synthetic.people import Standing
from synthetic.rates import figure, table

AS_AT, PEOPLE = date(2014, 9, 30), 249_089
YEAR = (date(2013, 10, 1), AS_AT)


def check(lives: Lives, extracts: Mapping[str, pl.DataFrame], tolerance: float) -> None:
    """The bands that the plan prints and its emergency admissions, within the tolerance."""
    registered = lives.people.standing == Standing.REGISTERED
    pounds = costs.health_costs(extracts, len(lives.people), *YEAR)[registered]
    printed = table("bands").filter(pl.col("mark") == "S").select("band", people=pl.col("people").cast(int), mean=pl.col("mean_cost").cast(float))
    found = dict(zip(table("bands")["band"], costs.bands(pounds), strict=True))
    for band, people, mean in printed.iter_rows():
        assert found[band][0] == pytest.approx(people, rel=tolerance), band
        assert found[band][1] == pytest.approx(mean, rel=tolerance), band
    admissions = costs.emergency_admissions(extracts, len(lives.people), *YEAR)[registered].mean()
    assert 1000 * admissions == pytest.approx(figure("urgent.emergency_admissions"), rel=tolerance)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_band_table_and_the_emergency_admissions_of_the_plan(seed: int) -> None:
    profile = profiles.load("southampton")
    lives = live(profile, PEOPLE, AS_AT, seed)
    extracts = observed(lives)
    check(lives, extracts, 0.02)
    faulted = faults.apply(Locality(truth(lives), extracts, lives.homes.lookup), profile, seed, as_at=AS_AT)
    check(lives, {name: linked(rows, faulted.labels.filter(pl.col("extract") == name)) for name, rows in faulted.extracts.items()}, 0.02)


def linked(rows: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The rows that a perfect run links, by their labels."""
    elsewhere = labels.filter(pl.col("place").is_not_null() & (pl.col("place") != Place.LINKED))["row"].to_numpy()
    kept = np.ones(rows.height, np.bool_)
    kept[elsewhere - 1] = False
    return rows.filter(kept)

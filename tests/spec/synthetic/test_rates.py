"""Every rate of the synthetic locality states its source and how well it is known."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic.rates import FOLDER, MARKS, by_age, figures, rate_table

TABLES = sorted(entry.name.removesuffix(".csv") for entry in FOLDER.iterdir() if entry.name.endswith(".csv"))


@pytest.mark.parametrize("name", sorted(figures()))
def test_a_figure_has_value_source_and_mark(name: str) -> None:
    entry = figures()[name]
    assert entry.keys() == {"value", "mark", "source"}
    assert isinstance(entry["value"], int | float | date)
    assert entry["source"].strip()
    assert entry["mark"] in MARKS


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_a_table_has_source_and_mark(name: str) -> None:
    rates = rate_table(name)
    assert rates.columns[-2:] == ["source", "mark"]
    assert rates.select(pl.all_horizontal(pl.col("source", "mark").is_not_null()).all()).item()
    assert set(rates["mark"]) <= set(MARKS)


@pytest.mark.parametrize("name", [name for name in TABLES if "85+" in rate_table(name).columns])
def test_age_bands_leave_no_gap(name: str) -> None:
    bands = by_age(rate_table(name))
    columns = [column for column in rate_table(name).columns if column[0].isdigit()]
    assert [int(column.rstrip("+").split("-")[-1]) + 1 for column in columns[:-1]] == bands.starts[1:].tolist()
    assert np.isfinite(bands.values).all()


def test_spending_rises_with_need() -> None:
    spend = rate_table("spend").select("need", "pounds").cast(pl.Float64)
    assert spend["need"].is_sorted()
    assert spend["pounds"].is_sorted()

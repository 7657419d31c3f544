"""The share of the council's records that are linked to their true person, at the number coverage of Southampton and of Castle Point.

`test_linkage_truth` checks that the estimates without labels are near the truth.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from pipelines.cli.demo import write_synthetic_workspace
from pipelines.cli.screens import Screen
from pipelines.receive.receive import ReceiveContext, receive_deliveries
from pipelines.receive.register import load_register, read_areas
from pipelines.receive.tokens import TokenCache
from pipelines.workspace.settings import read_settings
from tests.conftest import AS_AT
from tests.delivery_builder import KEY, build_objections

REGISTER, CARE = "gp_registrations", "adult_social_care"
SMALL, LARGE, SEED = 2_000, 25_000, 11
FEWEST_WRONG = 1 / 2_000


class Scenario(NamedTuple):
    """A locality of that size, the share of its clients with a number at the council, and the smallest accepted link rate."""

    locality: str
    coverage: float
    least: float
    people: int


SETTINGS = [
    pytest.param(Scenario(locality, coverage, least, people), id=f"{coverage:.0%}-of-{people}", marks=marks)
    for people, marks in ((SMALL, ()), (LARGE, pytest.mark.long))
    for locality, coverage, least in (("southampton", 0.83, 0.99), ("castle_point_and_rochford", 0.15, 0.97))
]


class LinkageResult(NamedTuple):
    """The traced records of the council, each with its true person and the true people behind its link; and the findable people."""

    setting: Scenario
    records: pl.DataFrame
    findable: pl.Series
    people: pl.DataFrame


@pytest.fixture(scope="module", params=SETTINGS)
def linkage_result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LinkageResult:
    setting: Scenario = request.param
    folder = tmp_path_factory.mktemp("rates") / setting.locality
    write_synthetic_workspace(setting.locality, setting.people, SEED, folder, "parquet", Screen(as_json=True))
    register = load_register(delivery_files(folder, REGISTER), "synthetic", AS_AT)
    context = ReceiveContext("synthetic", AS_AT, TokenCache(KEY), read_areas(read_settings(folder).postcodes), register, build_objections(register, {}))
    register_rows, records = (receive_with_truth(folder, extract, context) for extract in (REGISTER, CARE))
    register_links = register_rows.filter(pl.col("outcome") == "linked")
    owners = register_links.group_by("person").agg(owners=pl.col("true_person").unique())
    return LinkageResult(
        setting, records.join(owners, on="person", how="left"), register_links["true_person"].unique(), pl.read_parquet(folder / "truth" / "people.parquet")
    )


def delivery_files(folder: Path, extract: str) -> list[Path]:
    return sorted((folder / "landing" / extract).iterdir())


def receive_with_truth(folder: Path, extract: str, context: ReceiveContext) -> pl.DataFrame:
    """Return the kept rows of an extract, each with its true person."""
    out = folder / f"{extract}.parquet"
    receive_deliveries(EXTRACTS[extract], delivery_files(folder, extract), context, out)
    record_owners = pl.read_parquet(folder / "truth" / "records.parquet").filter(pl.col("extract") == extract).select("row", "true_person")
    return pl.read_parquet(out).join(record_owners, on="row", how="left")


def is_right() -> pl.Expr:
    return (pl.col("outcome") == "linked") & pl.col("owners").list.contains(pl.col("true_person")).fill_null(value=False)


def test_the_share_of_records_with_a_number_is_the_coverage(linkage_result: LinkageResult) -> None:
    given = linkage_result.records.filter(pl.col("number_state") != "number_missing").height / linkage_result.records.height
    assert given == pytest.approx(linkage_result.setting.coverage, abs=0.08)


def test_enough_of_those_on_the_register_are_linked(linkage_result: LinkageResult) -> None:
    findable = linkage_result.records.filter(pl.col("true_person").is_in(linkage_result.findable.implode()))
    assert findable.height > linkage_result.setting.people / 20
    assert findable.filter(is_right()).height >= linkage_result.setting.least * findable.height


def test_hardly_anybody_is_linked_to_another_person(linkage_result: LinkageResult) -> None:
    linked = linkage_result.records.filter(pl.col("outcome") == "linked", pl.col("true_person").is_not_null())
    assert linked.filter(~is_right()).height <= FEWEST_WRONG * linked.height


def test_no_twin_of_one_sex_is_taken_for_the_other(linkage_result: LinkageResult) -> None:
    people = linkage_result.people.select("true_person", "sex", "date_of_birth", "family_name", "address_line_1", "postcode")
    born_together = people.join(people.rename({"true_person": "twin"}), on=["sex", "date_of_birth", "address_line_1", "postcode"]).filter(
        pl.col("true_person") != pl.col("twin")
    )
    if linkage_result.setting.people >= LARGE:
        assert not born_together.is_empty()
    swapped = linkage_result.records.filter(pl.col("outcome") == "linked").join(born_together.select("true_person", "twin"), on="true_person")
    assert swapped.filter(pl.col("owners").list.contains(pl.col("twin")) & ~is_right()).is_empty()

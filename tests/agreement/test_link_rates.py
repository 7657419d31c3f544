"""How many of the council's records find their person, by the truth: at the number coverage of Southampton and of Castle Point, with nobody swapped.

That the estimates without labels are near the truth is held by `test_linkage_truth`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from pipelines.demo import synthesise
from pipelines.receive import ReceiveContext, areas_of, receive, register_of
from pipelines.screens import Screen
from pipelines.settings import read_settings
from pipelines.tokens import Tokens
from tests.conftest import AS_AT
from tests.spec.delivered import KEY, objections

REGISTER, CARE = "gp_registrations", "adult_social_care"
SMALL, LARGE, SEED = 2_000, 25_000, 11
FEWEST_WRONG = 1 / 2_000


class Setting(NamedTuple):
    """A locality of so many people whose council holds the number of so many of its clients, and how many must be linked at the least."""

    locality: str
    coverage: float
    least: float
    people: int


SETTINGS = [
    pytest.param(Setting(locality, coverage, least, people), id=f"{coverage:.0%}-of-{people}", marks=marks)
    for people, marks in ((SMALL, ()), (LARGE, pytest.mark.long))
    for locality, coverage, least in (("southampton", 0.83, 0.99), ("castle_point_and_rochford", 0.15, 0.97))
]


class Found(NamedTuple):
    """The council's records that went to trace, each with its true person and the true people of whom it was linked to; and who can be found."""

    setting: Setting
    records: pl.DataFrame
    findable: pl.Series
    people: pl.DataFrame


@pytest.fixture(scope="module", params=SETTINGS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    setting: Setting = request.param
    folder = tmp_path_factory.mktemp("rates") / setting.locality
    synthesise(setting.locality, setting.people, SEED, folder, "parquet", Screen(as_json=True))
    known = register_of(delivered(folder, REGISTER), "synthetic", AS_AT)
    context = ReceiveContext("synthetic", AS_AT, Tokens(KEY), areas_of(read_settings(folder).postcodes), known, objections(known, {}))
    listed, records = (received(folder, extract, context) for extract in (REGISTER, CARE))
    own = listed.filter(pl.col("place") == "linked")
    owners = own.group_by("person").agg(owners=pl.col("true_person").unique())
    return Found(setting, records.join(owners, on="person", how="left"), own["true_person"].unique(), pl.read_parquet(folder / "truth" / "people.parquet"))


def delivered(folder: Path, extract: str) -> list[Path]:
    return sorted((folder / "landing" / extract).iterdir())


def received(folder: Path, extract: str, context: ReceiveContext) -> pl.DataFrame:
    """The rows that were kept of an extract, each with its true person."""
    out = folder / f"{extract}.parquet"
    receive(EXTRACTS[extract], delivered(folder, extract), context, out)
    whose = pl.read_parquet(folder / "truth" / "records.parquet").filter(pl.col("extract") == extract).select("row", "true_person")
    return pl.read_parquet(out).join(whose, on="row", how="left")


def right() -> pl.Expr:
    return (pl.col("place") == "linked") & pl.col("owners").list.contains(pl.col("true_person")).fill_null(value=False)


def test_the_council_holds_as_many_numbers_as_it_should(found: Found) -> None:
    given = found.records.filter(pl.col("number_state") != "number_missing").height / found.records.height
    assert given == pytest.approx(found.setting.coverage, abs=0.08)


def test_enough_of_those_on_the_register_are_linked(found: Found) -> None:
    findable = found.records.filter(pl.col("true_person").is_in(found.findable.implode()))
    assert findable.height > found.setting.people / 20
    assert findable.filter(right()).height >= found.setting.least * findable.height


def test_hardly_anybody_is_linked_to_another(found: Found) -> None:
    linked = found.records.filter(pl.col("place") == "linked", pl.col("true_person").is_not_null())
    assert linked.filter(~right()).height <= FEWEST_WRONG * linked.height


def test_no_twin_of_one_sex_is_taken_for_the_other(found: Found) -> None:
    people = found.people.select("true_person", "sex", "date_of_birth", "family_name", "address_line_1", "postcode")
    born_together = people.join(people.rename({"true_person": "twin"}), on=["sex", "date_of_birth", "address_line_1", "postcode"]).filter(
        pl.col("true_person") != pl.col("twin")
    )
    if found.setting.people >= LARGE:
        assert not born_together.is_empty()
    swapped = found.records.filter(pl.col("place") == "linked").join(born_together.select("true_person", "twin"), on="true_person")
    assert swapped.filter(pl.col("owners").list.contains(pl.col("twin")) & ~right()).is_empty()

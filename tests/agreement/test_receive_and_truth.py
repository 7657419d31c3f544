"""Three tellings of where every row ends: what `receive` does, a plain reading of the same files, and the truth about the faults put into them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import KEPT
from pipelines.receive import ReceiveContext, Received, areas_of, receive, register_of
from synthetic.faults import apply, expected_places, load_rates
from synthetic.files import records, write
from synthetic.profiles import load
from tests.spec.delivered import AS_AT, KEY
from tests.spec.plain_ledger import PlainLedger, plain_ledger
from tests.spec.small_locality import small_locality

Places = dict[tuple[str, int], tuple[str, str]]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small locality in whose files faults crowd."""
    folder = tmp_path_factory.mktemp("crowded")
    crowded = [dataclasses.replace(rate, rate=max(rate.rate, 0.05 if rate.extract == "gp_registrations" else 0.015)) for rate in load_rates()]
    clean = small_locality(1500)
    faulted = apply(clean, load("southampton"), 5, crowded)
    write(faulted, clean.lookup, folder)
    expected_places(records(faulted), faulted.labels).write_parquet(folder / "places.parquet")
    return folder


@pytest.fixture(scope="module")
def received(landed: Path) -> dict[str, Received]:
    landing = {name: [landed / "landing" / name / f"{name}.csv"] for name in EXTRACTS}
    register = register_of(landing["gp_registrations"], "synthetic", AS_AT)
    context = ReceiveContext("synthetic", AS_AT, KEY, areas_of(landed / "lookups" / "postcodes.csv"), register)
    return {name: receive(table, landing[name], context, landed / f"{name}.parquet") for name, table in EXTRACTS.items()}


@pytest.fixture(scope="module")
def plain(landed: Path) -> PlainLedger:
    return plain_ledger(landed / "landing")


@pytest.fixture(scope="module")
def truth(landed: Path) -> Places:
    return {(extract, row): (place, reason) for extract, row, place, reason in pl.read_parquet(landed / "places.parquet").iter_rows()}


def counted(places: Places, extract: str) -> Counter[tuple[str, str]]:
    return Counter(place for (name, _), place in places.items() if name == extract)


@pytest.mark.parametrize("extract", EXTRACTS)
def test_all_three_count_the_same_rows_in_the_same_places(extract: str, received: dict[str, Received], plain: PlainLedger, truth: Places) -> None:
    ledger = Counter({(str(entry.place), entry.reason): entry.rows for entry in received[extract].ledger})
    assert ledger == counted(truth, extract)
    assert ledger == counted(plain.places, extract)
    assert ledger.total() == received[extract].rows_read


@pytest.mark.parametrize("extract", EXTRACTS)
def test_the_rows_that_are_kept_are_those_that_the_truth_keeps(extract: str, received: dict[str, Received], truth: Places) -> None:
    kept = pl.read_parquet(received[extract].path).select("row", "place", "trace_reason")
    expected = {row: place for (name, row), place in truth.items() if name == extract and place[0] in [*KEPT]}
    assert {row: (place, reason) for row, place, reason in kept.iter_rows()} == expected


@pytest.mark.parametrize("extract", EXTRACTS)
def test_the_rules_count_what_a_plain_reading_counts(extract: str, received: dict[str, Received], plain: PlainLedger) -> None:
    found = {f"{count.column}: {count.rule}": count.failed for count in received[extract].rules}
    assert found == {rule: plain.broken[extract, rule] for rule in found}
    readable = sum(entry.rows for entry in received[extract].ledger if entry.place != "unreadable")
    assert {count.rows for count in received[extract].rules} == {readable}


def test_the_places_are_worth_comparing(truth: Places) -> None:
    assert len(set(truth.values())) > 40


def test_one_person_is_one_token_in_every_extract(landed: Path, received: dict[str, Received]) -> None:
    whose = pl.read_parquet(landed / "truth" / "records.parquet")
    linked = pl.concat(
        pl.read_parquet(one.path).filter(pl.col("place") == "linked").select("row", "person", extract=pl.lit(name)) for name, one in received.items()
    ).join(whose, on=["extract", "row"])
    assert linked.group_by("person").agg(pl.col("true_person").n_unique())["true_person"].max() == 1
    two = linked.group_by("true_person").agg(pl.col("person").n_unique())
    assert two.filter(pl.col("person") > 1).height < 0.1 * two.height  # those whom the register holds under two numbers

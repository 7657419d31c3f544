"""Three tellings of where rows end: what `receive` does, a plain reading of the same files, and the truth about the faults put into them.

The plain reading goes by number and date of birth alone. Where it finds nobody, a further rung of the trace may find the right
person, and must never find another.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import KEPT, Place
from bcf_linkage.definitions.trace_reasons import reasons_for
from pipelines.receive import ReceiveContext, Received, areas_of, receive, register_of
from pipelines.tokens import Tokens
from synthetic.faults import apply, expected_places, load_rates
from synthetic.files import records, write
from synthetic.profiles import load
from tests.spec.delivered import AS_AT, KEY, objections
from tests.spec.plain_ledger import PlainLedger, plain_ledger
from tests.spec.small_locality import small_locality

Ended = tuple[str, str]
Places = dict[tuple[str, int], Ended]
ON_DEMOGRAPHICS = {("linked", reason) for reason in ("cross_check_partial", "exact_demographics", "scored")}
TRACED = {*KEPT, Place.OPTED_OUT}


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
def labels(landed: Path) -> pl.DataFrame:
    return pl.read_parquet(landed / "truth" / "faults.parquet")


@pytest.fixture(scope="module")
def received(landed: Path) -> dict[str, Received]:
    landing = {name: [landed / "landing" / name / f"{name}.csv"] for name in EXTRACTS}
    register = register_of(landing["gp_registrations"], "synthetic", AS_AT)
    context = ReceiveContext("synthetic", AS_AT, Tokens(KEY), areas_of(landed / "lookups" / "postcodes.csv"), register, objections(register, {}))
    return {name: receive(table, landing[name], context, landed / f"{name}.parquet") for name, table in EXTRACTS.items()}


@pytest.fixture(scope="module")
def plain(landed: Path) -> PlainLedger:
    return plain_ledger(landed / "landing")


@pytest.fixture(scope="module")
def truth(landed: Path) -> Places:
    return {(extract, row): (place, reason) for extract, row, place, reason in pl.read_parquet(landed / "places.parquet").iter_rows()}


def counted(places: Places, extract: str) -> Counter[Ended]:
    """Rows by place and reason, those that went to trace as one."""
    told = (place for (name, _), place in places.items() if name == extract)
    return Counter(place if place[0] not in TRACED else ("traced", "") for place in told)


@pytest.mark.parametrize("extract", EXTRACTS)
def test_all_three_count_the_same_rows_before_the_trace(extract: str, received: dict[str, Received], plain: PlainLedger, truth: Places) -> None:
    ledger: Counter[Ended] = Counter()
    for entry in received[extract].ledger:
        ledger[(str(entry.place), entry.reason) if entry.place not in TRACED else ("traced", "")] += entry.rows
    assert ledger == counted(truth, extract)
    assert ledger == counted(plain.places, extract)
    assert ledger.total() == received[extract].rows_read


@pytest.mark.parametrize("extract", EXTRACTS)
def test_a_traced_row_ends_where_the_truth_says_or_is_found_by_a_further_rung(extract: str, received: dict[str, Received], truth: Places) -> None:
    kept = pl.read_parquet(received[extract].path).select("row", "place", "trace_reason")
    expected = {row: place for (name, row), place in truth.items() if name == extract}
    further = {("unlinked", reason) for reason in reasons_for(Place.UNLINKED)}
    for row, *ended in kept.iter_rows():
        place = expected[row]
        allowed = {place} if place[0] == Place.LINKED or extract == "gp_registrations" else {place, *ON_DEMOGRAPHICS}
        assert tuple(ended) in (allowed | further if place[0] == Place.UNLINKED else allowed), (row, place, ended)
    objectors = {row for row, place in expected.items() if place[0] == Place.OPTED_OUT}
    assert not objectors & set(kept["row"])


def test_every_labelled_fault_lands_where_its_label_says(received: dict[str, Received], labels: pl.DataFrame) -> None:
    kept = pl.concat([pl.read_parquet(one.path).select("row", "trace_reason", extract=pl.lit(name), ended="place") for name, one in received.items()])
    found = labels.join(kept, on=["extract", "row"], how="left").with_columns(pl.col("ended").fill_null("not kept"))
    allowed = {str(place): {str(place)} if place in KEPT else {"not kept"} for place in Place} | {"traced": {"linked", "unlinked", "not kept"}}
    for place, ended in found.drop_nulls("place").group_by("place", "ended").len().select("place", "ended").iter_rows():
        assert ended in allowed[place], (place, ended)
    # Not kept of those that went to trace are the objectors whom it found.
    decided = found.filter(pl.col("place") == "traced").group_by("ended").len()
    assert dict(decided.iter_rows())["linked"] > 10 * dict(decided.iter_rows()).get("not kept", 0)


@pytest.mark.parametrize("extract", EXTRACTS)
def test_the_rules_count_what_a_plain_reading_counts(extract: str, received: dict[str, Received], plain: PlainLedger) -> None:
    found = {f"{count.column}: {count.rule}": count.failed for count in received[extract].rules}
    assert found == {rule: plain.broken[extract, rule] for rule in found}
    readable = sum(entry.rows for entry in received[extract].ledger if entry.place != "unreadable")
    assert {count.rows for count in received[extract].rules} == {readable}


def test_the_places_are_worth_comparing(truth: Places) -> None:
    assert len(set(truth.values())) > 40


@pytest.fixture(scope="module")
def linked(landed: Path, received: dict[str, Received]) -> pl.DataFrame:
    """Linked rows with the person found and the true one."""
    whose = pl.read_parquet(landed / "truth" / "records.parquet")
    kept = (pl.read_parquet(one.path).select("row", "place", "trace_reason", "person", extract=pl.lit(name)) for name, one in received.items())
    return pl.concat(kept).filter(pl.col("place") == "linked").join(whose, on=["extract", "row"])


def test_nobody_is_linked_to_another(linked: pl.DataFrame) -> None:
    assert linked.group_by("person").agg(pl.col("true_person").n_unique())["true_person"].max() == 1
    assert linked.group_by("true_person").agg(pl.col("person").n_unique())["person"].max() == 1  # whom the register holds under two numbers, too


def test_most_rows_whose_number_is_at_fault_are_found_all_the_same(linked: pl.DataFrame, received: dict[str, Received]) -> None:
    named = [name for name in EXTRACTS if name not in ("gp_registrations", "gp_events")]
    found = linked.filter(pl.col("trace_reason").is_in([reason for _, reason in ON_DEMOGRAPHICS]) & pl.col("extract").is_in(named)).height
    left = pl.concat([pl.read_parquet(received[name].path).filter(pl.col("place") == "unlinked")["trace_reason"] for name in named])
    unlinked = left.filter(left != "number_shared").len()
    assert found > 1.5 * unlinked

"""Three independent derivations of row outcomes agree: `receive`, a plain reading of the same files, and the labels of the faults.

The plain reading uses number and date of birth only. Where it finds nobody, a further match pass of the trace may find the right
person, and must never find another.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES, Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for
from pipelines.receive.receive import ReceiveContext, ReceivedExtract, receive_deliveries
from pipelines.receive.register import load_register, read_areas
from pipelines.receive.tokens import TokenCache
from synthetic.faults import expected_outcomes, inject_faults, load_rates
from synthetic.files import record_owners, write_files
from synthetic.profiles import load_profile
from tests.delivery_builder import AS_AT, KEY, build_objections
from tests.reference_ledger import ReferenceLedger, build_reference_ledger
from tests.small_locality import small_locality

OutcomeReason = tuple[str, str]
OutcomesByRow = dict[tuple[str, int], OutcomeReason]
ON_DEMOGRAPHICS = {("linked", reason) for reason in ("cross_check_partial", "exact_demographics", "scored")}
REACHES_TRACE = {*KEPT_OUTCOMES, Outcome.OPTED_OUT}


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small locality with many faults in its files."""
    folder = tmp_path_factory.mktemp("crowded")
    crowded = [dataclasses.replace(rate, rate=max(rate.rate, 0.05 if rate.extract == "gp_registrations" else 0.015)) for rate in load_rates()]
    clean = small_locality(1500)
    faulted = inject_faults(clean, load_profile("southampton"), 5, crowded)
    write_files(faulted, clean.lookup, folder)
    expected_outcomes(record_owners(faulted), faulted.labels).write_parquet(folder / "outcomes.parquet")
    return folder


@pytest.fixture(scope="module")
def labels(landed: Path) -> pl.DataFrame:
    return pl.read_parquet(landed / "truth" / "faults.parquet")


@pytest.fixture(scope="module")
def received(landed: Path) -> dict[str, ReceivedExtract]:
    landing = {name: [landed / "landing" / name / f"{name}.csv"] for name in EXTRACTS}
    register = load_register(landing["gp_registrations"], "synthetic", AS_AT)
    context = ReceiveContext("synthetic", AS_AT, TokenCache(KEY), read_areas(landed / "lookups" / "postcodes.csv"), register, build_objections(register, {}))
    return {name: receive_deliveries(table, landing[name], context, landed / f"{name}.parquet") for name, table in EXTRACTS.items()}


@pytest.fixture(scope="module")
def reference_ledger(landed: Path) -> ReferenceLedger:
    return build_reference_ledger(landed / "landing")


@pytest.fixture(scope="module")
def truth(landed: Path) -> OutcomesByRow:
    return {(extract, row): (outcome, reason) for extract, row, outcome, reason in pl.read_parquet(landed / "outcomes.parquet").iter_rows()}


def count_outcomes(outcomes_by_row: OutcomesByRow, extract: str) -> Counter[OutcomeReason]:
    """Return rows by outcome and reason, with those that went to trace under one heading."""
    outcomes = (outcome for (name, _), outcome in outcomes_by_row.items() if name == extract)
    return Counter(outcome if outcome[0] not in REACHES_TRACE else ("traced", "") for outcome in outcomes)


@pytest.mark.parametrize("extract", EXTRACTS)
def test_all_three_derivations_count_the_same_rows_before_the_trace(
    extract: str, received: dict[str, ReceivedExtract], reference_ledger: ReferenceLedger, truth: OutcomesByRow
) -> None:
    ledger: Counter[OutcomeReason] = Counter()
    for entry in received[extract].ledger:
        ledger[(str(entry.outcome), entry.reason) if entry.outcome not in REACHES_TRACE else ("traced", "")] += entry.rows
    assert ledger == count_outcomes(truth, extract)
    assert ledger == count_outcomes(reference_ledger.outcomes, extract)
    assert ledger.total() == received[extract].rows_read


@pytest.mark.parametrize("extract", EXTRACTS)
def test_a_traced_row_has_the_expected_outcome_or_is_linked_by_a_later_match_pass(
    extract: str, received: dict[str, ReceivedExtract], truth: OutcomesByRow
) -> None:
    kept = pl.read_parquet(received[extract].path).select("row", "outcome", "trace_reason")
    expected = {row: outcome for (name, row), outcome in truth.items() if name == extract}
    other_reasons = {("unlinked", reason) for reason in reasons_for(Outcome.UNLINKED)}
    for row, *actual in kept.iter_rows():
        outcome = expected[row]
        allowed = {outcome} if outcome[0] == Outcome.LINKED or extract == "gp_registrations" else {outcome, *ON_DEMOGRAPHICS}
        assert tuple(actual) in (allowed | other_reasons if outcome[0] == Outcome.UNLINKED else allowed), (row, outcome, actual)
    objectors = {row for row, outcome in expected.items() if outcome[0] == Outcome.OPTED_OUT}
    assert not objectors & set(kept["row"])


def test_every_faulty_row_has_the_outcome_of_its_label(received: dict[str, ReceivedExtract], labels: pl.DataFrame) -> None:
    kept = pl.concat([pl.read_parquet(one.path).select("row", "trace_reason", extract=pl.lit(name), actual="outcome") for name, one in received.items()])
    found = labels.join(kept, on=["extract", "row"], how="left").with_columns(pl.col("actual").fill_null("not kept"))
    allowed = {str(outcome): {str(outcome)} if outcome in KEPT_OUTCOMES else {"not kept"} for outcome in Outcome} | {
        "traced": {"linked", "unlinked", "not kept"}
    }
    for outcome, actual in found.drop_nulls("outcome").group_by("outcome", "actual").len().select("outcome", "actual").iter_rows():
        assert actual in allowed[outcome], (outcome, actual)
    # Traced rows that are not kept are those of people who object.
    decided = found.filter(pl.col("outcome") == "traced").group_by("actual").len()
    assert dict(decided.iter_rows())["linked"] > 10 * dict(decided.iter_rows()).get("not kept", 0)


@pytest.mark.parametrize("extract", EXTRACTS)
def test_the_rules_count_what_a_plain_reading_counts(extract: str, received: dict[str, ReceivedExtract], reference_ledger: ReferenceLedger) -> None:
    found = {f"{count.column}: {count.rule}": count.failed for count in received[extract].rule_counts}
    assert found == {rule: reference_ledger.broken[extract, rule] for rule in found}
    readable = sum(entry.rows for entry in received[extract].ledger if entry.outcome != "unreadable")
    assert {count.rows for count in received[extract].rule_counts} == {readable}


def test_the_outcomes_are_varied_enough_to_compare(truth: OutcomesByRow) -> None:
    assert len(set(truth.values())) > 40


@pytest.fixture(scope="module")
def linked(landed: Path, received: dict[str, ReceivedExtract]) -> pl.DataFrame:
    """Return linked rows with the person found and the true person."""
    true_persons = pl.read_parquet(landed / "truth" / "records.parquet")
    kept = (pl.read_parquet(one.path).select("row", "outcome", "trace_reason", "person", extract=pl.lit(name)) for name, one in received.items())
    return pl.concat(kept).filter(pl.col("outcome") == "linked").join(true_persons, on=["extract", "row"])


def test_nobody_is_linked_to_another_person(linked: pl.DataFrame) -> None:
    assert linked.group_by("person").agg(pl.col("true_person").n_unique())["true_person"].max() == 1
    assert linked.group_by("true_person").agg(pl.col("person").n_unique())["person"].max() == 1  # also people on the register under two numbers


def test_most_rows_with_a_faulty_number_are_linked(linked: pl.DataFrame, received: dict[str, ReceivedExtract]) -> None:
    named = [name for name in EXTRACTS if name not in ("gp_registrations", "gp_events")]
    found = linked.filter(pl.col("trace_reason").is_in([reason for _, reason in ON_DEMOGRAPHICS]) & pl.col("extract").is_in(named)).height
    left = pl.concat([pl.read_parquet(received[name].path).filter(pl.col("outcome") == "unlinked")["trace_reason"] for name in named])
    unlinked = left.filter(left != "number_shared").len()
    assert found > 1.5 * unlinked

"""Properties of linkage quality on random numbers: the flow adds up, and an interval contains its share and is within 0 to 1."""

from __future__ import annotations

from datetime import date
from itertools import product

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.intervals import wilson_interval
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES, Outcome
from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.linkage_quality.error_estimates import estimate_precision_and_recall
from bcf_linkage.published.linkage_quality.flow import MEASURE_OF_OUTCOME, tally_flow
from bcf_linkage.published.linkage_quality.published_figures import PublishedFigures
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, build_exact_counts
from tests.frame_builder import collect, lazy, protect_counts
from tests.spec.published.linkage_quality.test_linkage_quality import figure

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
YEAR = year_to(AS_AT)
EXTRACTS, REASONS = ("gp_registrations", "outpatients", "adult_social_care"), ("one", "two")

ledgers = st.dictionaries(st.sampled_from(list(product(EXTRACTS, Outcome, REASONS))), st.integers(1, 400), min_size=1)


@settings(max_examples=25, deadline=None)
@given(ledgers)
def test_the_flow_adds_up_to_the_records_read(ledger: dict[tuple[str, Outcome, str], int]) -> None:
    rows = [(extract, "f.csv", str(outcome), reason, n) for (extract, outcome, reason), n in ledger.items()]
    frame = pl.DataFrame(rows, ["extract", "file", "outcome", "reason", "rows"], orient="row")
    tree = build_exact_counts([tally_flow(lazy(frame), RULES.linkage)], RULES.linkage, YEAR)
    counted = collect(tree).filter(pl.col("group_type") == "all")
    counts = {(measure, area): n for measure, area, n in counted.select("measure", "area_code", "count").iter_rows()}
    for extract in {extract for extract, _, _ in ledger}:
        by_outcome = {outcome: sum(ledger.get((extract, outcome, reason), 0) for reason in REASONS) for outcome in Outcome}
        assert counts["rows_read", extract] == sum(by_outcome.values())
        assert {outcome: counts.get((MEASURE_OF_OUTCOME[outcome], extract), 0) for outcome in Outcome} == by_outcome
        assert counts.get(("rows_traced", extract), 0) == sum(by_outcome[outcome] for outcome in KEPT_OUTCOMES)
    all_sources = sum(n for (extract, _, _), n in ledger.items() if extract != "gp_registrations")
    assert counts.get(("rows_read", ALL_SOURCES), 0) == all_sources
    shown = collect(protect_counts(tree)).filter(pl.col("group_type") == "all")
    small = shown.filter(pl.col("numerator").is_between(1, RULES.disclosure.rule.threshold))
    assert small.is_empty()
    rates = shown.filter(pl.col("value").is_not_null() & (pl.col("unit") == "percent"))
    assert rates.select(((pl.col("lower") <= pl.col("value")) & (pl.col("value") <= pl.col("upper")) & (pl.col("upper") <= 100)).all()).item()


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_contains_its_share_and_is_within_0_and_1(counts: tuple[int, int]) -> None:
    top, bottom = counts
    lower, upper = wilson_interval(top, bottom)
    assert -1e-9 <= lower <= top / bottom + 1e-9
    assert top / bottom - 1e-9 <= upper <= 1 + 1e-9


@given(st.integers(8, 10**5), st.data())
def test_an_estimate_is_within_its_interval_and_within_0_and_1(linked: int, data: st.DataObject) -> None:
    on_demographics = data.draw(st.one_of(st.none(), st.integers(0, linked)))
    sample = data.draw(st.integers(8, 2_000))
    found = data.draw(st.integers(0, sample))
    wrong = data.draw(st.one_of(st.none(), st.integers(0, found)))
    rows = [
        figure("linked", linked, linked + 100),
        figure("linked_on_demographics", on_demographics, linked),
        figure("holdout_missed", sample - found, sample),
        figure("holdout_wrong", wrong, found),
    ]
    for share in estimate_precision_and_recall(PublishedFigures(rows, RULES.disclosure), "adult_social_care"):
        if share is not None:
            assert -1e-9 <= share.lower <= share.value + 1e-9
            assert share.value - 1e-9 <= share.upper <= 1 + 1e-9

"""Whatever the numbers: the flow adds up, an interval lies within 0 to 1 about its share, and no light is brighter than its figure."""

from __future__ import annotations

from datetime import date
from itertools import product

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.places import KEPT, Place
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.linkage_quality.assessment import Figures, precision_and_recall, wilson
from bcf_linkage.published.linkage_quality.flow import MEASURES, flow
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, exact
from tests.made_frames import as_released, collected, lazy
from tests.spec.test_linkage_quality import figure

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
YEAR = year_to(AS_AT)
EXTRACTS, REASONS = ("gp_registrations", "outpatients", "adult_social_care"), ("one", "two")

ledgers = st.dictionaries(st.sampled_from(list(product(EXTRACTS, Place, REASONS))), st.integers(1, 400), min_size=1)


@settings(max_examples=25, deadline=None)
@given(ledgers)
def test_the_flow_adds_up_to_the_records_read(ledger: dict[tuple[str, Place, str], int]) -> None:
    rows = [(extract, "f.csv", str(place), reason, n) for (extract, place, reason), n in ledger.items()]
    frame = pl.DataFrame(rows, ["extract", "file", "place", "reason", "rows"], orient="row")
    tree = exact([flow(lazy(frame), RULES.linkage)], RULES.linkage, YEAR)
    counted = collected(tree).filter(pl.col("group_type") == "all")
    counts = {(measure, area): n for measure, area, n in counted.select("measure", "area_code", "count").iter_rows()}
    for extract in {extract for extract, _, _ in ledger}:
        ends = {place: sum(n for (of, at, _), n in ledger.items() if of == extract and at is place) for place in Place}
        assert counts["rows_read", extract] == sum(ends.values())
        assert {place: counts.get((MEASURES[place], extract), 0) for place in Place} == ends
        assert counts.get(("rows_traced", extract), 0) == sum(ends[place] for place in KEPT)
    everywhere = sum(n for (extract, _, _), n in ledger.items() if extract != "gp_registrations")
    assert counts.get(("rows_read", EVERYWHERE), 0) == everywhere
    shown = collected(as_released(tree)).filter(pl.col("group_type") == "all")
    small = shown.filter(pl.col("numerator").is_between(1, RULES.disclosure.rule.threshold))
    assert small.is_empty()
    rates = shown.filter(pl.col("value").is_not_null() & (pl.col("unit") == "percent"))
    assert rates.select(((pl.col("lower") <= pl.col("value")) & (pl.col("value") <= pl.col("upper")) & (pl.col("upper") <= 100)).all()).item()


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_its_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    top, bottom = counts
    lower, upper = wilson(top, bottom)
    assert -1e-9 <= lower <= top / bottom + 1e-9
    assert top / bottom - 1e-9 <= upper <= 1 + 1e-9


@given(st.integers(8, 10**5), st.data())
def test_an_estimate_lies_within_its_own_interval_and_within_0_and_1(linked: int, data: st.DataObject) -> None:
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
    for share in precision_and_recall(Figures(rows, RULES.disclosure), "adult_social_care"):
        if share is not None:
            assert -1e-9 <= share.lower <= share.value + 1e-9
            assert share.value - 1e-9 <= share.upper <= 1 + 1e-9

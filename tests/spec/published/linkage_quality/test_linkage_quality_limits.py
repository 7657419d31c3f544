"""The limits of linkage quality, each with a case on either side, and every relation between its counts, by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.intervals import Z, wilson_interval
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.pseudonymised_tables import SPELLS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.pseudonymised.contacts import build_contacts
from bcf_linkage.published.disclosure_control.figures import SHOWN
from bcf_linkage.published.exact_counts import ExactCount, Node
from bcf_linkage.published.intervals import add_intervals, round_half_up
from bcf_linkage.published.linkage_quality.bounds import estimate_bounds
from bcf_linkage.published.linkage_quality.differences import compare_linked_and_unlinked, sum_quantities
from bcf_linkage.published.linkage_quality.error_estimates import estimate_precision_and_recall, estimate_precision_by_duplicates
from bcf_linkage.published.linkage_quality.flow import find_coverage, tally_flow, tally_people_seen
from bcf_linkage.published.linkage_quality.implausible import tally_implausible_links
from bcf_linkage.published.linkage_quality.linkage_summary import summarise_linkage
from bcf_linkage.published.linkage_quality.published_figures import PublishedFigures
from bcf_linkage.published.linkage_quality.published_views import build_linkage_ledger, build_linkage_quality, compare_with_whole
from bcf_linkage.published.linkage_quality.relations import find_bounded_elsewhere, find_disjoint_parts, find_equal_remainders
from bcf_linkage.published.linkage_quality.sensitivity import RULES as LINKAGE_RULES
from bcf_linkage.published.linkage_quality.sensitivity import build_sensitivity
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, TALLY_COLUMNS, pool_sources
from tests.frame_builder import build_received_extract, build_table, collect, lazy, previous_figures, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
QUALITY = RULES.linkage
CARE, STAYS, REGISTER = "adult_social_care", "hospital_admissions", "gp_registrations"
Row = Mapping[str, Any]

# --- Declarations ----------------------------------------------------------------------------------------------------------------

THRESHOLDS = [("match_rate", 95.0, 90.0), ("precision", 99.9, 99.5), ("recall", 99.75, 99.0)]
# code, section, part of, split, among, unit, and whether it is pooled, shared out, grouped together, of the truth
FIGURES = """
rows_read C - area - count -
unreadable C rows_read area - count -
refused C rows_read area - count -
duplicate C rows_read area - count -
out_of_period C rows_read area - count -
opted_out C rows_read area - count -
rows_traced C rows_read area - count -
links_compared C - area - count pooled
links_kept C links_compared change links_compared percent pooled
links_found C links_compared change links_compared percent pooled
links_moved C links_compared change links_compared percent pooled
links_lost C links_compared change links_compared percent pooled
links_neither C links_compared change links_compared percent pooled
linked D rows_traced area rows_traced percent -
linked_by_number D linked basis linked percent pooled
linked_on_demographics D linked basis linked percent pooled
not_matched D rows_traced area rows_traced percent -
not_registered D not_matched area rows_traced percent -
unlinked D not_matched area rows_traced percent -
people D - area - count -
people_linked D - area people percent shared_out
people_unlinked D - area people percent shared_out
number_sound B rows_traced number rows_traced percent -
number_missing B rows_traced number rows_traced percent -
number_format B rows_traced number rows_traced percent -
number_check_digit B rows_traced number rows_traced percent -
number_repeated_digit B rows_traced number rows_traced percent -
number_other_nation B rows_traced number rows_traced percent -
number_never_issued B rows_traced number rows_traced percent -
number_live B rows_traced number rows_traced percent -
number_of_several B - area rows_traced percent -
number_status B - area rows_traced percent -
number_not_listed B - area rows_traced percent -
number_superseded B - area rows_traced percent -
number_doubled B - area rows_traced percent -
birth_date_missing B - area rows_traced percent -
birth_date_default B - area rows_traced percent -
birth_date_first_january B - area rows_traced percent -
birth_date_impossible B - area rows_traced percent -
postcode_missing B - area rows_traced percent -
postcode_invalid B - area rows_traced percent -
postcode_pseudo B - area rows_traced percent -
postcode_unknown B - area rows_traced percent -
postcode_communal B - area rows_traced percent -
name_missing B - area rows_traced percent -
name_junk B - area rows_traced percent -
holdout E - area - count pooled,together
holdout_missed E - area holdout per_10,000 pooled,together
holdout_linked E - area - count pooled,together
holdout_wrong E - area holdout_linked per_10,000 pooled,together
decoys E - area - count pooled
decoys_linked E - area decoys per_10,000 pooled
strangers_numbers E - area - count pooled
strangers_numbers_linked E - area strangers_numbers per_10,000 pooled
positive_control E - area - count pooled
positive_control_missed E - area positive_control per_10,000 pooled
local_numbers E - area - count pooled
one_person_many_numbers E - area local_numbers per_10,000 pooled
one_number_many_people E - area local_numbers per_10,000 pooled
reviewed E - area - count -
reviewed_another E - area reviewed percent -
reviewed_unsure E - area - count -
true_linked E - area - count pooled,truth
true_wrong E - area true_linked per_10,000 pooled,truth
true_findable E - area - count pooled,truth
true_missed E - area true_findable per_10,000 pooled,truth
after_death F - area linked per_10,000 -
before_birth F - area linked per_10,000 -
other_sex F - area linked per_10,000 -
sex_contradicted F - area linked per_10,000 -
other_birth_month F - area linked per_10,000 -
stays_linked F - area - count -
overlapping_stays F - area stays_linked per_10,000 -
stays_at_two_hospitals F - area stays_linked per_10,000 -
long_stays_linked F - area - count -
home_care_in_long_stays F - area long_stays_linked per_10,000 -
placements_linked F - area - count -
two_homes F - area placements_linked per_10,000 -
true_twins_linked F - area - count pooled,truth
true_twins_merged F - area true_twins_linked per_10,000 pooled,truth
score J - area - count -
margin J - area - count -
pattern J - area - count -
""".strip().splitlines()


def test_every_figure_is_declared_as_agreed() -> None:
    declared = []
    for figure in QUALITY.figures:
        kinds = {"pooled": figure.pooled, "shared_out": figure.shared_out, "together": figure.grouped_together, "truth": figure.truth}
        words = (figure.code, figure.section, figure.part_of or "-", figure.split, figure.among or "-", figure.unit)
        declared.append(" ".join(word.replace(" ", "_") for word in (*words, ",".join(kind for kind, holds in kinds.items() if holds) or "-")))
    assert declared == FIGURES


def test_every_limit_and_list_is_as_agreed() -> None:
    limits = QUALITY.limits
    assert (limits.days_after_death, limits.difference, limits.least_in_pattern, limits.oldest, limits.long_stay) == (28, 10, 10, 120, 28)
    assert (QUALITY.validation.holdout_sample, QUALITY.validation.clerical_sample) == (1000, 60)
    assert [(threshold.code, threshold.green, threshold.amber) for threshold in QUALITY.thresholds] == THRESHOLDS
    assert QUALITY.strict_reasons == ("cross_check", "superseded_number", "superseded")
    assert QUALITY.number_reasons == ("cross_check", "superseded_number", "superseded", "cross_check_partial")
    assert QUALITY.scored_reasons == ("scored",)
    assert QUALITY.one_number_each == ("adult_social_care",)
    assert LINKAGE_RULES == ("strict", "unscored", "default", "loose")


EVERY_SOURCE = ("gp_events", "hospital_admissions", "emergency_care", "outpatients", "adult_social_care")


def test_every_characteristic_is_read_from_the_agreed_column() -> None:
    hospital = dict.fromkeys(EVERY_SOURCE[1:4])
    provider, practice = (dict.fromkeys(hospital, name) for name in ("organisation_code_code_of_provider", "practice_code_of_registered_gp"))
    assert {c.code: (c.kind, dict(c.columns)) for c in QUALITY.characteristics} == {
        "number_given": ("number", {}),
        "age_band": ("age", dict.fromkeys(EVERY_SOURCE, "age")),
        "sex": ("codes", {**dict.fromkeys(hospital, "sex"), CARE: "gender"}),
        "deprivation_quintile": ("plain", dict.fromkeys(EVERY_SOURCE[1:], "deprivation_quintile")),
        "ethnic_category": ("codes", {**dict.fromkeys(hospital, "ethnic_group"), CARE: "ethnicity"}),
        "care_home": ("values", {STAYS: "source_of_admission_hospital_provider_spell", CARE: "accommodation_status"}),
        "event_type": ("codes", {CARE: "event_type"}),
        "service_type": ("codes", {CARE: "service_type"}),
        "provider": ("plain", {**provider, CARE: "la_code"}),
        "practice": ("practice", {"gp_events": "practice_code", **practice, CARE: "gp_practice_code"}),
    }
    values = {c.code: c.values for c in QUALITY.characteristics if c.values}
    assert values == {"care_home": ("54", "65", "85", "Registered care home", "Registered nursing home")}


@pytest.mark.parametrize(
    ("code", "percent", "light"),
    [
        ("match_rate", 95.0, "green"),
        ("match_rate", 94.99, "amber"),
        ("match_rate", 90.0, "amber"),
        ("match_rate", 89.99, "red"),
        ("match_rate", 0.0, "red"),
        ("precision", 99.9, "green"),
        ("precision", 99.89, "amber"),
        ("precision", 99.5, "amber"),
        ("precision", 99.49, "red"),
        ("recall", 99.75, "green"),
        ("recall", 99.74, "amber"),
        ("recall", 99.0, "amber"),
        ("recall", 98.99, "red"),
    ],
)
def test_a_light_changes_at_its_threshold(code: str, percent: float, light: str) -> None:
    assert QUALITY.threshold(code).light(percent) == light


# --- Intervals -------------------------------------------------------------------------------------------------------------------


def test_intervals_are_of_95_percent() -> None:
    assert Z == 1.959964


@pytest.mark.parametrize(
    ("top", "bottom", "lower", "upper"),
    [
        # z x z = 3.841459, of 10: 0.384146. root(0.5 x 0.5 x 0.384146 + 0.384146 x 0.384146 / 4) = 0.364594; (0.5 + 0.192073 -+ 0.364594) / 1.384146
        (5, 10, 0.236593089, 0.763406911),
        (0, 20, 0.0, 0.161125160),  # 3.841459 / 20 = 0.192073; (0.0960365 -+ 0.0960365) / 1.192073
        (20, 20, 0.838874840, 1.0),
        (10, 100, 0.055229137, 0.174365662),
    ],
)
def test_the_ends_of_wilsons_interval(top: int, bottom: int, lower: float, upper: float) -> None:
    assert wilson_interval(top, bottom) == (pytest.approx(lower, abs=1e-9), pytest.approx(upper, abs=1e-9))


@pytest.mark.parametrize(
    ("kind", "top", "bottom", "value", "lower", "upper"),
    [
        ("wilson", 5.0, 10.0, 500_000.0, 236_593.09, 763_406.91),  # a million times the ends above
        ("wilson", 10.0, 100.0, 100_000.0, 55_229.14, 174_365.66),
        # 1 - 1 / 90 - z / (3 x root 10) = 0.782290, cubed and times 10; 1 - 1 / 99 + z / (3 x root 11) = 1.186883, cubed and times 11; of 1,000,000
        ("byar", 10.0, 1_000_000.0, 10.0, 4.79, 18.39),
        ("byar", 10.0, 1_000.0, 10_000.0, 4_787.45, 18_391.46),
        ("byar", 0.0, 1_000.0, 0.0, 0.0, 3_668.01),  # 1 - 1 / 9 + z / 3 = 1.542210, cubed
        (None, 10.0, 1_000.0, 10_000.0, None, None),
    ],
)
def test_an_interval_of_a_rate_in_a_million(kind: str | None, top: float, bottom: float, value: float, lower: float | None, upper: float | None) -> None:
    frame = pl.DataFrame({"top": [top], "bottom": [bottom], "scale": [1e6], "interval": [kind]}, schema_overrides={"interval": pl.String})
    assert sorted_rows(add_intervals(lazy(frame)), "value", "lower", "upper") == [(value, lower, upper)]


@pytest.mark.parametrize(("number", "decimals", "rounded"), [(0.125, 2, 0.13), (0.1249, 2, 0.12), (2.5, 0, 3.0), (2.49, 0, 2.0)])
def test_a_half_is_rounded_up(number: float, decimals: int, rounded: float) -> None:
    frame = lazy(pl.DataFrame({"number": [number]}))
    assert sorted_rows(frame.select(rounded=round_half_up(nw.col("number"), decimals)), "rounded") == [(rounded,)]


# --- The estimates ---------------------------------------------------------------------------------------------------------------


def figure(measure: str, numerator: int | None, denominator: int | None = None, area: str = CARE, **changes: Any) -> dict[str, Any]:
    """Build a published row of a whole source. A numerator of None is suppressed."""
    unit = QUALITY.by_code[measure].unit
    scale = {"percent": 100, "per 10,000": 10_000, "count": 1}[unit]
    share = numerator / denominator if numerator is not None and denominator else None
    value = None if share is None else scale * share
    status = "shown" if numerator is not None else "suppressed"
    named = {"measure": measure, "area_code": area, "group_type": "all", "group": "all", "unit": unit}
    return {**named, "numerator": numerator, "denominator": denominator, "value": value, "lower": value, "upper": value, "status": status, **changes}


def figures(*rows: dict[str, Any], most: Mapping[tuple[str, str], int | None] | None = None) -> PublishedFigures:
    return PublishedFigures(rows, RULES.disclosure, {} if most is None else most)


def test_precision_and_recall_are_estimated_from_the_hold_out() -> None:
    result = figures(
        figure("linked", 1000, 1200), figure("linked_on_demographics", 200, 1000), figure("holdout_missed", 100, 1000), figure("holdout_wrong", 18, 900)
    )
    precision, recall = estimate_precision_and_recall(result, CARE)
    assert precision is not None
    assert recall is not None
    # 18 / 900 = 2% of 200 are wrong: 4 of 1,000.
    assert precision.value == pytest.approx(0.996, abs=1e-9)
    # 800 + 196 = 996 are right; 100 / 1,000 = 10% missed, so that 196 / 0.9 = 217.7778 can be found: 996 / 1,017.7778.
    assert recall.value == pytest.approx(0.978602620, abs=1e-9)


def test_a_suppressed_error_is_taken_as_twice_the_threshold_of_seven() -> None:
    rows = (
        figure("linked", 1000, 1200),
        figure("linked_on_demographics", 200, 1000),
        figure("holdout_missed", None, 1000),
        figure("holdout_wrong", None, 1000),
    )
    precision, _ = estimate_precision_and_recall(figures(*rows), CARE)
    assert precision is not None
    # 2 x 7 = 14 of 1,000 may be wrong: 200 x 0.014 = 2.8 of 1,000. At best one of 1,000 is wrong: its Wilson interval starts at 0.000176546.
    assert precision.value == pytest.approx(0.9972, abs=1e-9)
    assert precision.upper == pytest.approx(1 - 0.2 * 0.000176546, abs=1e-9)


@pytest.mark.parametrize(("denominator", "share"), [(14, None), (15, 14 / 15)])
def test_a_suppressed_number_gives_a_share_only_of_a_larger_denominator(denominator: int, share: float | None) -> None:
    result = figures(figure("holdout_missed", None, denominator)).share("holdout_missed", CARE)
    assert (result and result.value) == share


@pytest.mark.parametrize("measure", ["local_numbers", "people_linked", "holdout", "links_kept", "stays_linked"])
def test_a_figure_within_the_links_above_twice_seven_shows_that_most_are_linked(measure: str) -> None:
    # 15 cannot be part of 14 links, so at most 14 of 1,000 are not linked.
    result = figures(figure("linked", None, 1000), figure(measure, 15)).match_rate(CARE)
    assert result is not None
    assert result.value == pytest.approx(0.986, abs=1e-9)
    assert figures(figure("linked", None, 1000), figure(measure, 14)).match_rate(CARE) is None


@pytest.mark.parametrize(("traced", "value"), [(200, None), (201, 101 / 201)])
def test_a_suppressed_match_rate_is_bounded_only_where_more_than_half_is_linked(traced: int, value: float | None) -> None:
    result = figures(figure("linked", None, traced), figure("not_matched", 100, traced), most={("linked", CARE): None}).match_rate(CARE)
    assert (result and result.value) == (None if value is None else pytest.approx(value, abs=1e-9))


def test_the_duplicate_method_takes_half_of_the_numbers_that_share_a_person() -> None:
    rows = (figure("people", 1000, area=REGISTER), figure("local_numbers", 200), figure("people_linked", 190), figure("one_person_many_numbers", 10, 200))
    result = estimate_precision_by_duplicates(figures(*rows), CARE)
    assert result is not None
    # 10 / 2 = 5 second numbers x 1,000 / 190 = 26.3158 wrong links of 200.
    assert result.value == pytest.approx(0.868421053, abs=1e-9)
    without = figures(*(row if row["measure"] != "people_linked" else {**row, "numerator": None} for row in rows))
    result = estimate_precision_by_duplicates(without, CARE)
    assert result is not None
    # 200 - 5 = 195 people: 5 x 1,000 / 195 = 25.6410 wrong links of 200.
    assert result.value == pytest.approx(0.871794872, abs=1e-9)


@pytest.mark.parametrize(("lower", "rounded", "light"), [(95.0, 95.0, "green"), (94.9999, 94.99, "amber"), (90.0, 90.0, "amber"), (89.9999, 89.99, "red")])
def test_the_lower_end_is_rounded_down_before_it_is_compared_with_a_threshold(lower: float, rounded: float, light: str) -> None:
    rows = [figure("linked", 97, 100, area, lower=lower) for area in (CARE, ALL_SOURCES)]
    found = [row for row in summarise_linkage(rows, QUALITY, RULES.disclosure) if row["measure"] == "match_rate"]
    assert [(row["value"], row["lower"], row["light"]) for row in found] == [(97.0, rounded, light)] * 2


def test_the_least_and_most_of_a_cohort_are_whole_people() -> None:
    errors = [
        {"measure": "precision", "area_code": CARE, "value": 99.9, "lower": 99.07},
        {"measure": "recall", "area_code": CARE, "value": 99.0, "lower": 95.04},
    ]
    cohort = {"table": "t", "measure": "m", "measure_name": "M", "rule": "default", "people": 10_000}
    (row,) = estimate_bounds([cohort], errors, {("t", "m"): (CARE,)})
    # 10,000 x 0.9907 = 9,907; 10,000 / 0.9504 = 10,521.89, up.
    assert (row["least"], row["most"]) == (9907, 10_522)


# --- Differences, groups and changes ---------------------------------------------------------------------------------------------


def mean_difference(linked_mean: float, people: int, fewest: int = 8) -> tuple[float | None, bool | None]:
    """Compare linked people of that mean age with unlinked people of mean age 50, both with a variance of 100."""
    sums = [
        {"measure": measure, "area_code": CARE, "quantity": "age", "people": n, "total": mean * n, "squares": (100 + mean * mean) * n}
        for measure, mean, n in (("people_linked", linked_mean, 100), ("people_unlinked", 50.0, people))
    ]
    labels = {"area_code": CARE, "group_type": "mean", "group": "age", "period_start": AS_AT, "period_end": AS_AT}
    protected = [{**labels, "measure": row["measure"], "numerator": 100, "denominator": 100, "value": 1.0} for row in sums]
    (row,) = sorted_rows(compare_linked_and_unlinked(lazy(pl.DataFrame(protected)), lazy(pl.DataFrame(sums)), QUALITY, fewest), "difference", "stands_out")
    return row[0], row[1]


@pytest.mark.parametrize(
    ("linked_mean", "difference", "stands_out"),
    [(51.0, 0.1, False), (51.1, 0.11, True), (49.0, -0.1, False), (48.9, -0.11, True)],
)
def test_a_difference_is_marked_above_a_tenth_of_a_standard_deviation(linked_mean: float, difference: float, stands_out: bool) -> None:
    # The standard deviation is 10: 51 - 50 = 1 is a tenth of it.
    assert mean_difference(linked_mean, 100) == (difference, stands_out)


def test_a_mean_is_shown_for_at_least_so_many_people() -> None:
    assert mean_difference(60.0, 8) == (1.0, True)
    assert mean_difference(60.0, 7) == (None, None)


def test_a_cost_is_rounded_half_a_pound_up() -> None:
    seen = build_contacts({CARE: lazy(build_received_extract(CARE, [{"person": "a", "age": 40}, {"person": "b", "age": 40}]))})
    spent = lazy(pl.DataFrame({"person": ["a", "b"], "setting": [CARE, CARE], "cost": [2.5, 2.49]}))
    result = {row[0]: row[1:] for row in sorted_rows(sum_quantities(seen, spent), "quantity", "people", "total", "squares")}
    # 3 + 2 pounds, 9 + 4; 40 + 40 years, 2 x 1,600; one record each.
    assert result == {"pounds": (2, 5, 13), "age": (2, 80, 3200), "records": (2, 2, 2)}


GROUP = {"area_code": CARE, "group_type": "sex", "group": "Male", "unit": "percent"}


@pytest.mark.parametrize(("lower", "upper", "stands_out"), [(87.5, 90.0, False), (87.51, 90.0, True), (80.0, 87.5, False), (80.0, 87.49, True)])
def test_a_group_stands_out_where_its_interval_excludes_the_whole(lower: float, upper: float, stands_out: bool) -> None:
    rows = [
        {**GROUP, "measure": "linked", "group_type": "all", "group": "all", "value": 87.5, "lower": 87.0, "upper": 88.0},
        {**GROUP, "measure": "linked", "value": 85.0, "lower": lower, "upper": upper},
    ]
    compared = collect(compare_with_whole(lazy(pl.DataFrame(rows)), nw.col("group_type") != "all")).filter(pl.col("group") == "Male")
    assert compared.select("reference", "gap", "stands_out").row(0) == (87.5, -2.5, stands_out)


PUBLISHED_BY_GROUP = ("linked", "score", "margin", "pattern", "number_status", "holdout_missed", "holdout_wrong", "reviewed_another")


def test_groups_are_published_for_eight_figures_and_reasons_for_unlinked_records_only() -> None:
    rows = [
        {**GROUP, "group_type": kind, "measure": code, "value": 1.0, "lower": 1.0, "upper": 1.0}
        for code in QUALITY.by_code
        for kind in ("all", "sex", "reason")
    ]
    result = sorted_rows(build_linkage_quality(lazy(pl.DataFrame(rows)), previous_figures(), QUALITY), "measure", "group_type")
    assert {measure for measure, kind in result if kind == "all"} == set(QUALITY.by_code)
    assert {measure for measure, kind in result if kind == "sex"} == set(PUBLISHED_BY_GROUP)
    assert {measure for measure, kind in result if kind == "reason"} == {"unlinked"}


def test_the_ledger_has_every_outcome() -> None:
    measures = ("unreadable", "refused", "duplicate", "out of period", "opted out", "linked", "not_registered", "unlinked")
    rows = [
        {"measure": m, "group_type": "reason", "group": "r", "area_code": CARE, "numerator": 9, "status": "shown", "period_start": AS_AT, "period_end": AS_AT}
        for m in measures
    ]
    result = {row[0] for row in sorted_rows(build_linkage_ledger(lazy(pl.DataFrame(rows))), "outcome")}
    assert result == {*measures} - {"not_registered"} | {"seen, not registered"}


@pytest.mark.parametrize(
    ("people", "moved", "percent"),
    [(1010, 10, 1.0), (990, -10, -1.0), (1000, 0, 0.0), (335, -665, -66.5)],
)
def test_the_change_of_a_cohort_is_a_percentage_of_the_default(people: int, moved: int, percent: float) -> None:
    words = {"measure": "m", "measure_name": "m", "area_type": "locality", "area_code": "10X", "group_type": "all", "period_start": AS_AT, "period_end": AS_AT}
    cohorts = {("default", "t"): lazy(pl.DataFrame([{**words, "numerator": 1000}])), ("strict", "t"): lazy(pl.DataFrame([{**words, "numerator": people}]))}
    result = [row[1:] for row in sorted_rows(build_sensitivity(cohorts), "rule", "moved", "moved_percent", "status") if row[0] == "strict"]
    assert result == [(moved, percent, SHOWN)]


# --- The flow, and the people of an extract --------------------------------------------------------------------------------------


def test_a_link_is_by_number_for_certain_reasons_and_on_demographics_for_the_others() -> None:
    ledger = [{"extract": CARE, "outcome": "linked", "reason": reason, "rows": 1} for reason in reasons_for(Outcome.LINKED)]
    for reason, measure in {
        "cross_check": "linked_by_number",
        "superseded_number": "linked_by_number",
        "cross_check_partial": "linked_by_number",
        "exact_demographics": "linked_on_demographics",
        "scored": "linked_on_demographics",
        "national_trace": "linked_on_demographics",
    }.items():
        result = {row[0] for row in sorted_rows(tally_flow(lazy(pl.DataFrame([row for row in ledger if row["reason"] == reason])), QUALITY), "measure")}
        assert result == {"rows_read", "rows_traced", "linked", measure}


POOLED = ("linked_by_number", "links_kept", "holdout", "decoys", "positive_control", "local_numbers", "true_linked")
NOT_POOLED = ("unreadable", "people", "number_sound", "after_death", "stays_linked", "reviewed", "score")
FLOW = ("rows_read", "rows_traced", "linked", "not_matched", "not_registered", "unlinked")


@pytest.mark.parametrize(("measure", "pooled"), [*((measure, True) for measure in (*FLOW, *POOLED)), *((measure, False) for measure in NOT_POOLED)])
def test_a_figure_is_pooled_over_all_sources_or_not(measure: str, pooled: bool) -> None:
    rows = pl.DataFrame([(measure, area, "all", "all", 5) for area in (CARE, STAYS, REGISTER)], list(TALLY_COLUMNS), orient="row")
    # 5 + 5: the register is not a source.
    assert sorted_rows(pool_sources(lazy(rows), QUALITY), "count") == ([(10,)] if pooled else [])


def test_a_person_with_two_ages_counts_once_in_an_extract() -> None:
    rows = [{"person": "a", "age": 40}, {"person": "a", "age": 41}, {"person": "a", "age": 41, "sex": "1"}, {"person": "b", "age": 40, "outcome": "unlinked"}]
    seen = build_contacts({"outpatients": lazy(build_received_extract("outpatients", rows))})
    # Three rows of contacts are of one person.
    assert collect(seen).height == 4
    assert sorted_rows(tally_people_seen(seen), "measure", "count") == [("people", 2), ("people_linked", 1)]


@pytest.mark.parametrize(("fewest", "months"), [(2, [("2014-02", "2014-04")]), (3, [("2014-03", "2014-03")]), (5, [("2014-05", "2014-01")]), (6, [])])
def test_a_month_is_covered_from_so_many_people(fewest: int, months: list[tuple[str, str]]) -> None:
    seen = pl.DataFrame([(CARE, f"2014-0{n}", f"2014-0{n}", 1) for n in range(1, 6)], ["extract", "first", "last", "people"], orient="row")
    assert sorted_rows(find_coverage(lazy(seen), fewest), "first_month", "last_month") == months


# --- Implausible links -----------------------------------------------------------------------------------------------------------

REGISTERED = [
    {"person": "gone", "sex": "1", "birth_month": "1930-01", "date_of_death": date(2014, 3, 1)},
    {"person": "woman", "sex": "2", "birth_month": "1964-05"},
    {"person": "man", "sex": "1", "birth_month": "1964-05"},
]
NO_PLACEMENTS = pl.DataFrame(schema={"person": pl.String, "first_day": pl.Date, "last_day": pl.Date})


def implausible(*episodes: Row, stays: list[Row] | None = None, care: list[Row] | None = None, placements: pl.DataFrame = NO_PLACEMENTS) -> dict[str, int]:
    """Return the tallies of implausible links by measure."""
    received = {
        REGISTER: lazy(build_received_extract(REGISTER, REGISTERED)),
        STAYS: lazy(build_received_extract(STAYS, episodes)),
        CARE: lazy(build_received_extract(CARE, care or [])),
    }
    spells = build_table(SPELLS, ({"person": "woman", "nights": 3, "hospital_provider_spell_number": f"s{n}", **stay} for n, stay in enumerate(stays or [])))
    counted: dict[str, int] = {}
    for measure, count in sorted_rows(tally_implausible_links(received, build_contacts(received), lazy(spells), lazy(placements), QUALITY), "measure", "count"):
        counted[measure] = counted.get(measure, 0) + count
    return counted


ADMITTED, DISCHARGED = "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell"


@pytest.mark.parametrize(
    ("person", "day", "measure", "count"),
    [
        ("gone", date(2014, 3, 29), "after_death", 0),  # 28 days after 1 March
        ("gone", date(2014, 3, 30), "after_death", 1),
        ("woman", date(1964, 5, 1), "before_birth", 0),
        ("woman", date(1964, 4, 30), "before_birth", 1),
    ],
)
def test_a_record_after_death_or_before_birth(person: str, day: date, measure: str, count: int) -> None:
    assert implausible({"person": person, ADMITTED: day})[measure] == count


@pytest.mark.parametrize(
    ("nights", "home", "long", "covered"),
    [
        (28, 40, 0, 0),
        (29, 40, 1, 1),
        (40, 28, 1, 0),
        (40, 29, 1, 1),
    ],
)
def test_a_long_stay_is_longer_than_28_nights_and_so_is_home_care_during_it(nights: int, home: int, long: int, covered: int) -> None:
    first = date(2014, 1, 1)
    stay = {ADMITTED: first, DISCHARGED: date.fromordinal(first.toordinal() + nights)}
    service = {"person": "woman", "service_component": "Home support or domiciliary care", "event_start_date": first}
    counted = implausible(stays=[stay], care=[{**service, "event_end_date": date.fromordinal(first.toordinal() + home)}])
    assert (counted["long_stays_linked"], counted["home_care_in_long_stays"]) == (long, covered)


@pytest.mark.parametrize(("nights", "covered"), [(28, 0), (29, 1)])
def test_home_care_that_begins_during_a_stay_lasts_more_than_28_nights(nights: int, covered: int) -> None:
    # From 5 January: the 28th night ends on 2 February.
    service = {"person": "woman", "service_component": "Home support or domiciliary care", "event_start_date": date(2014, 1, 5)}
    end_date = date.fromordinal(date(2014, 1, 5).toordinal() + nights)
    counted = implausible(stays=[{ADMITTED: date(2014, 1, 1), DISCHARGED: date(2014, 3, 31)}], care=[{**service, "event_end_date": end_date}])
    assert counted["home_care_in_long_stays"] == covered


@pytest.mark.parametrize(("other", "elsewhere"), [("RHM12", 0), ("RHN01", 1)])
def test_a_hospital_is_identified_by_the_first_three_characters_of_its_code(other: str, elsewhere: int) -> None:
    first, provider = date(2014, 1, 1), "organisation_code_code_of_provider"
    stays = [{ADMITTED: first, DISCHARGED: date(2014, 1, 9), provider: "RHM01"}, {ADMITTED: date(2014, 1, 3), DISCHARGED: date(2014, 1, 5), provider: other}]
    assert implausible(stays=stays)["stays_at_two_hospitals"] == elsewhere


@pytest.mark.parametrize(("nights", "counted"), [(0, 0), (1, 1)])
def test_a_stay_has_at_least_one_night(nights: int, counted: int) -> None:
    assert implausible(stays=[{"nights": nights, ADMITTED: date(2014, 1, 1)}])["stays_linked"] == counted


@pytest.mark.parametrize(("second", "overlapping"), [(5, 0), (4, 1)])
def test_a_stay_overlaps_one_that_ends_after_it_begins(second: int, overlapping: int) -> None:
    stays = [{ADMITTED: date(2014, 1, 1), DISCHARGED: date(2014, 1, 5)}, {ADMITTED: date(2014, 1, second), DISCHARGED: date(2014, 1, 9)}]
    assert implausible(stays=stays)["overlapping_stays"] == overlapping
    homes = pl.DataFrame([("woman", stay[ADMITTED], stay[DISCHARGED]) for stay in stays], NO_PLACEMENTS.schema, orient="row")
    assert implausible(placements=homes)["two_homes"] == overlapping


@pytest.mark.parametrize(
    ("code", "woman", "man"),
    [
        *((code, 0, 1) for code in ("O80", "C53", "C539", "C54", "C56", "N80", "Z34")),
        *((code, 1, 0) for code in ("C61", "C619", "N40", "C62")),
        *((code, 0, 0) for code in ("J45", "C55", "C57", "C60", "C63", "N41", "N81", "Z35", "P80")),
    ],
)
def test_a_diagnosis_that_the_sex_rules_out(code: str, woman: int, man: int) -> None:
    counted = [implausible({"person": person, ADMITTED: date(2014, 1, 1), "primary_diagnosis_icd": code})["sex_contradicted"] for person in ("woman", "man")]
    assert counted == [woman, man]


@pytest.mark.parametrize(
    ("person", "recorded", "measure", "count"),
    [
        ("woman", {"sex": "1"}, "other_sex", 1),
        ("woman", {"sex": "2"}, "other_sex", 0),
        ("woman", {"sex": "9"}, "other_sex", 0),
        ("woman", {"birth_month": "1964-06"}, "other_birth_month", 1),
        ("woman", {"birth_month": "1964-05"}, "other_birth_month", 0),
    ],
)
def test_a_record_that_contradicts_the_register(person: str, recorded: Row, measure: str, count: int) -> None:
    assert implausible({"person": person, ADMITTED: date(2014, 1, 1), **recorded})[measure] == count


# --- The relations ---------------------------------------------------------------------------------------------------------------


def node(measure: str, group: str = "all", area: str = CARE) -> Node:
    return Node(f"{measure} {group}", "source", area, "2014")


def counted(measure: str, kind: str = "all", *groups: str, area: str = CARE) -> list[ExactCount]:
    """Build the counts of a figure: one for each group, or one for the whole."""
    return [
        ExactCount(
            measure=measure,
            area_type="source",
            area_code=area,
            group_type=kind,
            group=group,
            unit="count",
            node=node(measure, group, area),
            part_of=None,
            split="area",
            among=None,
            count=10,
        )
        for group in groups or ("all",)
    ]


WHOLES = (
    "rows_traced linked linked_by_number linked_on_demographics number_superseded number_missing birth_date_conflict positive_control positive_control_missed "
    "people people_linked people_unlinked local_numbers links_kept links_found links_moved links_lost holdout decoys not_registered number_not_listed unlinked "
    "overlapping_stays stays_at_two_hospitals stays_linked long_stays_linked placements_linked"
)
PRACTICES = ("J82001", "J82002", "Another practice", "Not recorded")
MEALS, NURSING, RESIDENTIAL, NONE = "Long term support: Community", "Long term support: Nursing care", "Long term support: Residential care", "Not a service"
CROSSED = ("01 supplied, derived 01", "01 supplied, derived 05", "none supplied, derived 03", "07 supplied, derived 07")

RELEASE = [
    *(row for measure in WHOLES.split() for row in counted(measure)),
    *counted("linked", "reason", "cross_check", "superseded_number", "cross_check_partial", "exact_demographics", "scored"),
    *counted("not_registered", "reason", "not_on_register"),
    *counted("unlinked", "reason", "number_missing", "birth_date_conflict"),
    *counted("rows_traced", "practice", *PRACTICES),
    *counted("linked", "practice", *PRACTICES),
    *counted("rows_traced", "event_type", "Service", "Review"),
    *counted("linked", "event_type", "Service", "Review"),
    *counted("rows_traced", "service_type", MEALS, NURSING, RESIDENTIAL, NONE),
    *counted("linked", "service_type", MEALS, NURSING, RESIDENTIAL, NONE),
    *counted("score", "score", "2", "4"),
    *counted("margin", "margin", "6", "8"),
    *counted("pattern", "pattern", "N=", "N-"),
    *counted("number_status", "number_status", *CROSSED),
]

LINKED_REASONS = {node("linked", reason) for reason in ("cross_check", "superseded_number", "cross_check_partial", "exact_demographics", "scored")}
STATUS = {code: node("number_status", group) for code, group in zip(("01", "05", "03", "07"), CROSSED, strict=True)}
CONFLICT, MISSING, STRANGER = node("unlinked", "birth_date_conflict"), node("unlinked", "number_missing"), node("not_registered", "not_on_register")

RELATIONS: dict[str, tuple[Node, set[Node]]] = {
    "links by number are those of its reasons": (
        node("linked_by_number"),
        {node("linked", reason) for reason in ("cross_check", "superseded_number", "cross_check_partial")},
    ),
    "links on demographics are those of the other reasons": (
        node("linked_on_demographics"),
        {node("linked", "exact_demographics"), node("linked", "scored")},
    ),
    "superseded numbers are those of the reason": (node("number_superseded"), {node("linked", "superseded_number")}),
    "records without a number are those of the reason": (node("number_missing"), {MISSING}),
    "records with another date of birth are those of the reason": (node("birth_date_conflict"), {CONFLICT}),
    "the positive control is the records of the locality's practices": (
        node("positive_control"),
        {node("rows_traced", "J82001"), node("rows_traced", "J82002")},
    ),
    "the positive control is the linked records of these and the missed": (
        node("positive_control"),
        {node("positive_control_missed"), node("linked", "J82001"), node("linked", "J82002")},
    ),
    "people are linked or unlinked": (node("people"), {node("people_linked"), node("people_unlinked")}),
    "clients who are linked now are among the local numbers": (node("local_numbers"), {node("links_kept"), node("links_found"), node("links_moved")}),
    "scores are of records traced": (node("rows_traced"), {node("score", "2"), node("score", "4")}),
    "margins are of records traced": (node("rows_traced"), {node("margin", "6"), node("margin", "8")}),
    "patterns are of records traced": (node("rows_traced"), {node("pattern", "N="), node("pattern", "N-")}),
    "statuses are of records traced": (node("rows_traced"), {*STATUS.values()}),
    "the derived status 01 follows from the reasons of links": (node("rows_traced"), {STATUS["01"], CONFLICT, MISSING, STRANGER}),
    "the derived status 02 has no reason here": (node("rows_traced"), {*LINKED_REASONS, CONFLICT, MISSING, STRANGER}),
    "the derived status 03 follows from the lack of a number": (node("rows_traced"), {STATUS["03"], *LINKED_REASONS, CONFLICT, STRANGER}),
    "the derived status 04 follows from a number that is not listed": (node("rows_traced"), {*LINKED_REASONS, CONFLICT, MISSING}),
    "the derived status 05 follows from a conflict": (node("rows_traced"), {STATUS["05"], *LINKED_REASONS, MISSING, STRANGER}),
    "a status that only a supplier can give is of unlinked records": (node("unlinked"), {STATUS["07"]}),
    "a status that only a supplier can give is of records without a number": (node("number_missing"), {STATUS["07"]}),
    "events traced are services or have no kind of service": (node("rows_traced"), {node("rows_traced", NONE), node("rows_traced", "Service")}),
    "events linked are services or have no kind of service": (node("linked"), {node("linked", NONE), node("linked", "Service")}),
    "placements are among linked services in care homes": (node("linked"), {node("placements_linked"), node("linked", MEALS), node("linked", NONE)}),
    "the hold-out and the decoys are the same people": (node("holdout"), {node("decoys")}),
    "records not registered have a number that is not listed": (node("not_registered"), {node("number_not_listed")}),
    "stays at two hospitals are among those that overlap": (node("overlapping_stays"), {node("stays_at_two_hospitals")}),
    "long stays are among the stays": (node("stays_linked"), {node("long_stays_linked")}),
}


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_between_counts_is_found(relation: str) -> None:
    whole, parts = RELATIONS[relation]
    assert (whole, parts) in [(found_whole, set(found_parts)) for found_whole, found_parts in find_disjoint_parts(RELEASE, QUALITY)]


def test_no_relation_between_the_counts_of_a_source_is_missing_or_extra() -> None:
    found = sorted((str(whole), sorted(map(str, parts))) for whole, parts in find_disjoint_parts(RELEASE, QUALITY))
    assert found == sorted((str(whole), sorted(map(str, parts))) for whole, parts in RELATIONS.values())


@pytest.mark.parametrize(("events", "services"), [(("Service", "Review"), (MEALS,)), (("Review",), (MEALS, NONE))])
def test_services_are_related_to_events_only_where_both_kinds_are_counted(events: tuple[str, ...], services: tuple[str, ...]) -> None:
    rows = [*counted("rows_traced"), *counted("rows_traced", "event_type", *events), *counted("rows_traced", "service_type", *services)]
    assert find_disjoint_parts(rows, QUALITY) == []


@pytest.mark.parametrize("reason", ["superseded", "superseded_number"])
def test_a_superseded_number_has_two_reasons(reason: str) -> None:
    rows = [*counted("number_superseded"), *counted("linked_by_number"), *counted("linked", "reason", reason, "scored")]
    assert find_disjoint_parts(rows, QUALITY) == [(node(measure), [node("linked", reason)]) for measure in ("linked_by_number", "number_superseded")]


SOURCES = (CARE, STAYS)


@pytest.mark.parametrize(("measure", "kind", "group"), [("linked", "all", "all"), ("decoys", "all", "all"), ("linked", "sex", "Male")])
def test_a_count_of_all_sources_adds_up_from_those_of_each(measure: str, kind: str, group: str) -> None:
    rows = [row for area in (*SOURCES, ALL_SOURCES, REGISTER) for row in counted(measure, kind, group, area=area)]
    assert (node(measure, group, ALL_SOURCES), {node(measure, group, area) for area in SOURCES}) in [
        (whole, set(parts)) for whole, parts in find_disjoint_parts(rows, QUALITY)
    ]


def test_a_count_of_the_truth_has_no_relation_to_those_of_the_sources() -> None:
    assert find_disjoint_parts([row for area in (*SOURCES, ALL_SOURCES) for row in counted("true_linked", area=area)], QUALITY) == []


@pytest.mark.parametrize("measure", ["holdout", "holdout_missed", "holdout_linked", "holdout_wrong"])
def test_a_figure_with_groups_over_all_sources_only_adds_up_from_its_groups(measure: str) -> None:
    rows = [*counted(measure, area=ALL_SOURCES), *counted(measure, "sex", "Male", "Female", area=ALL_SOURCES)]
    assert find_disjoint_parts(rows, QUALITY) == [
        (node(measure, "all", ALL_SOURCES), [node(measure, "Male", ALL_SOURCES), node(measure, "Female", ALL_SOURCES)])
    ]
    assert find_disjoint_parts([*counted("decoys", area=ALL_SOURCES), *counted("decoys", "sex", "Male", "Female", area=ALL_SOURCES)], QUALITY) == []


def test_people_not_missed_in_the_hold_out_sample_were_linked_rightly() -> None:
    measures = ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong")
    rows = [row for measure in measures for row in counted(measure)] + [row for measure in measures for row in counted(measure, "sex", "Male")]
    # For each group as well as for the whole.
    assert find_equal_remainders(rows) == [tuple(node(measure) for measure in measures), tuple(node(measure, "Male") for measure in measures)]
    assert find_equal_remainders([row for row in rows if row.measure != "holdout_wrong"]) == []


IN_SUMMARY = (
    "linked", "linked_on_demographics", "holdout_missed", "holdout_wrong", "positive_control_missed", "one_person_many_numbers", "true_wrong", "true_missed"
)  # fmt: skip


def test_the_summary_bounds_eight_figures_of_each_source() -> None:
    rows = [
        row
        for area in (CARE, ALL_SOURCES, REGISTER)
        for measure in QUALITY.by_code
        for row in (*counted(measure, area=area), *counted(measure, "sex", "Male", area=area))
    ]
    assert find_bounded_elsewhere(rows) == {node(measure) for measure in IN_SUMMARY}

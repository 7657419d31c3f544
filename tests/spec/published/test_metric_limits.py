"""Every limit of day, age, cost and share: for each, one case just inside and one just outside."""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.measures import Clause, Cohort, CohortSet, Edition, Grouping
from bcf_linkage.definitions.periods import Period, window_to, year_to
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY, CARE, PEOPLE, SPELLS, STRATA, TRANSFERS
from bcf_linkage.definitions.rulebook import HighRisk, Rulebook
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.bands import assign_cost_bands, flag_high_risk
from bcf_linkage.pseudonymised.care import build_care
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.days import age_in_month_of, day_number, split_by_month
from bcf_linkage.pseudonymised.pence import from_pence, to_pence
from bcf_linkage.pseudonymised.people import is_registered_on
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.strata import build_strata
from bcf_linkage.published.clause_filters import meets_clauses
from bcf_linkage.published.cohort_counts import count_cohorts
from bcf_linkage.published.intervals import add_intervals, round_half_up
from bcf_linkage.published.metrics import count_metric_events, select_residents
from bcf_linkage.published.population import build_population
from bcf_linkage.published.risk_bands import build_risk_bands, count_by_band
from tests.frame_builder import build_received_extract, build_received_extracts, build_table, collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
YEAR = year_to(AS_AT)
THIS, BEFORE = date(2013, 10, 1), date(2012, 10, 1)
AREAS = pl.DataFrame({"locality_code": ["10X"], "locality_name": ["Anytown"]})

Row = dict[str, Any]

# --- registration on a day ----------------------------------------------------------------------------------------------------

REGISTERED_ON = [
    ({"registration_start_date": date(2014, 9, 29)}, True),
    ({"registration_start_date": date(2014, 9, 30)}, True),
    ({"registration_start_date": date(2014, 10, 1)}, False),
    ({"registration_end_date": date(2014, 9, 29)}, False),
    ({"registration_end_date": date(2014, 9, 30)}, True),
    ({"registration_end_date": date(2014, 10, 1)}, True),
    ({"registration_end_date": None}, True),
    ({"date_of_death": date(2014, 9, 29)}, False),
    ({"date_of_death": date(2014, 9, 30)}, False),
    ({"date_of_death": date(2014, 10, 1)}, True),
    ({"date_of_death": None}, True),
    ({"outcome": "unlinked"}, False),
]
"""A registration is valid from its first day to its last, both included. A person counts if alive at the end of the day."""


@pytest.mark.parametrize(("registration", "counted"), REGISTERED_ON)
def test_a_resident_is_registered_on_the_day_and_alive_at_its_end(registration: Row, counted: bool) -> None:
    register = lazy(build_received_extract("gp_registrations", [{"person": "p", "age": 50, **registration}]))
    assert sorted_rows(select_residents(register, AS_AT, AS_AT), "person", "age") == ([("p", 50)] if counted else [])


@pytest.mark.parametrize(
    ("registration", "age"),
    [
        ({"registration_start_date": date(2013, 9, 30)}, 49),
        ({"registration_start_date": date(2013, 10, 1)}, None),
        ({"registration_end_date": date(2013, 9, 30)}, 49),
        ({"registration_end_date": date(2013, 9, 29)}, None),
        ({"date_of_death": date(2013, 10, 1)}, 49),
        ({"date_of_death": date(2013, 9, 30)}, None),
    ],
)
def test_a_resident_of_a_year_ago_was_registered_then_and_a_year_younger(registration: Row, age: int | None) -> None:
    register = lazy(build_received_extract("gp_registrations", [{"person": "p", "age": 50, **registration}]))
    given = select_residents(register, date(2013, 9, 30), AS_AT)
    assert sorted_rows(given, "person", "age") == ([] if age is None else [("p", age)])  # 50 - (2014 - 2013)


@pytest.mark.parametrize(("registration", "counted"), [(row, is_current) for row, is_current in REGISTERED_ON if "outcome" not in row])
def test_a_registration_is_valid_on_its_first_and_last_day(registration: Row, counted: bool) -> None:
    register = lazy(build_received_extract("gp_registrations", [{"person": "p", **registration}]))
    assert sorted_rows(register.filter(is_registered_on(AS_AT)), "person") == ([("p",)] if counted else [])


def test_the_larger_of_two_ages_of_a_person_counts() -> None:
    register = lazy(build_received_extract("gp_registrations", [{"person": "p", "age": 64}, {"person": "p", "age": 65}]))
    assert sorted_rows(select_residents(register, AS_AT, AS_AT), "age") == [(65,)]


# --- metrics of a period ------------------------------------------------------------------------------------------------------


def measured(as_at: date = AS_AT, **events: Any) -> dict[tuple[str, date, date], int]:
    """Return the counts above zero by measure, first and last day of the period."""
    frames = (
        lazy(build_received_extract("gp_registrations", events.get("register", ()))),
        lazy(build_table(SPELLS, events.get("spells", ()))),
        lazy(build_table(TRANSFERS, events.get("transfers", ()))),
    )
    rows = sorted_rows(count_metric_events(*frames, lazy(AREAS), RULES.metrics, as_at), "measure", "period_start", "period_end", "count")
    return {(measure, start, end): count for measure, start, end, count in rows if count}


@pytest.mark.parametrize(
    ("day", "period"),
    [
        (date(2012, 9, 30), None),
        (date(2012, 10, 1), (date(2012, 10, 1), date(2013, 9, 30))),
        (date(2013, 9, 30), (date(2012, 10, 1), date(2013, 9, 30))),
        (date(2013, 10, 1), (date(2013, 10, 1), date(2014, 9, 30))),
        (date(2014, 9, 30), (date(2013, 10, 1), date(2014, 9, 30))),
        (date(2014, 10, 1), None),
    ],
)
def test_an_event_of_the_first_or_last_day_of_a_year_is_counted_in_it(day: date, period: tuple[date, date] | None) -> None:
    spell = {
        "person": "p",
        "registered": True,
        "start_date_hospital_provider_spell": day,
        "admission_method_hospital_provider_spell": "21",
        "main_specialty_code": "300",
        "treatment_function_code": "300",
    }
    home = {"person": "p", "transfer": "care_home_admission", "day": day, "age": 65}
    found = measured(spells=[spell], transfers=[home])
    codes = ("emergency_admissions", "non_elective_admissions", "non_elective_admissions_rate", "permanent_care_home_admissions_65")
    assert found == ({(code, *period): 1 for code in codes} if period else {})


@pytest.mark.parametrize(
    ("day", "winter"),
    [
        (date(2012, 9, 30), None),
        (date(2012, 10, 1), 2012),
        (date(2012, 12, 31), 2012),
        (date(2013, 1, 1), None),
        (date(2013, 9, 30), None),
        (date(2013, 10, 1), 2013),
        (date(2013, 12, 31), 2013),
        (date(2014, 1, 1), None),
    ],
)
def test_a_discharge_to_reablement_is_counted_from_october_through_december(day: date, winter: int | None) -> None:
    discharge = {"person": "p", "transfer": "reablement_discharge", "day": day, "age": 65, "at_home": True}
    found = measured(transfers=[discharge])
    codes = ("reablement_discharges_65", "still_at_home_91_days")
    assert found == ({(code, date(winter, 10, 1), date(winter, 12, 31)): 1 for code in codes} if winter else {})


@pytest.mark.parametrize(
    ("as_at", "winters"),
    [
        (date(2015, 3, 31), (2013, 2012)),  # 31 December 2014 plus 90 days: 31 + 28 + 31 = 90; the 91st is 1 April
        (date(2015, 4, 30), (2014, 2013)),
        (date(2016, 2, 29), (2014, 2013)),  # 31 December 2015 plus 60 days
        (date(2016, 3, 31), (2015, 2014)),  # 31 December 2015 plus 31 + 29 + 31 = 91 days in a leap year
        (date(2015, 12, 31), (2014, 2013)),  # the winter that ends on the as-at date has no day of follow-up
    ],
)
def test_a_winter_counts_after_91_days_of_follow_up(as_at: date, winters: tuple[int, int]) -> None:
    discharges = [{"person": "p", "transfer": "reablement_discharge", "day": date(year, 11, 1), "age": 65, "at_home": True} for year in range(2010, 2018)]
    found = {start.year for measure, start, _ in measured(as_at, transfers=discharges) if measure == "still_at_home_91_days"}
    assert found == set(winters)


@pytest.mark.parametrize(
    ("kind", "age", "codes"),
    [
        ("care_home_admission", 64, []),
        ("care_home_admission", 65, ["permanent_care_home_admissions_65"]),
        ("delay", 17, []),
        ("delay", 18, ["delayed_days"]),
        ("reablement_discharge", 64, []),
        ("reablement_discharge", 65, ["reablement_discharges_65", "still_at_home_91_days"]),
    ],
)
def test_a_transfer_is_counted_from_an_age_on(kind: str, age: int, codes: list[str]) -> None:
    row = {"person": "p", "transfer": kind, "day": date(2013, 12, 1), "age": age, "at_home": True, "delayed_days": 7}
    found = measured(transfers=[row])
    assert {code: count for (code, _, _), count in found.items()} == {code: 7 if code == "delayed_days" else 1 for code in codes}


@pytest.mark.parametrize(
    ("age", "codes"),
    [
        (17, {"registered"}),
        (18, {"registered", "adults"}),
        (64, {"registered", "adults"}),
        (65, {"registered", "adults", "aged_65"}),
    ],
)
def test_residents_are_adults_from_18_and_older_people_from_65(age: int, codes: set[str]) -> None:
    found = measured(register=[{"person": "p", "age": age}])
    assert {code for code, start, _ in found if start == THIS} == codes
    # A year earlier they were a year younger.
    found = measured(register=[{"person": "p", "age": age + 1}])
    assert {code for code, start, _ in found if start == BEFORE} == codes


# --- clauses ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clause", "values"),
    [
        # the values from 17 to 19, and null
        (Clause("a", "at_least", 18), [False, True, True, False]),
        (Clause("a", "below", 18), [True, False, False, False]),
        (Clause("a", "is", 18), [False, True, False, False]),
        (Clause("a", "one_of", [17, 18]), [True, True, False, False]),
        (Clause("a", "none_of", [17, 18]), [False, False, True, True]),
        (Clause("a", "known", True), [True, True, True, False]),
        (Clause("a", "known", False), [False, False, False, True]),
    ],
)
def test_a_clause_is_met_up_to_its_limit(clause: Clause, values: list[bool]) -> None:
    frame = lazy(pl.DataFrame({"a": [17, 18, 19, None]}))
    assert collect(frame.with_columns(met=meets_clauses([clause])))["met"].to_list() == values


# --- cohorts by area and group ------------------------------------------------------------------------------------------------


def people_of_ages(*ages: int) -> Any:
    """Build registered people of one practice, of these ages."""
    flags = {"care_plan": False, "accountable_professional": False, "case_management_register": False, "social_care": False, "care_home": False}
    rows = [
        {"person": str(n), "population": "registered", "practice_code": "J82001", "age": age, "age_band": "65-74", "long_term_conditions": 0, **flags}
        for n, age in enumerate(ages)
    ]
    frames = [lazy(build_table(table, ({name: row[name] for name in table.names if name in row} for row in rows))) for table in (PEOPLE, STRATA, CARE)]
    areas = {"practice_code": ["J82001"], "practice_name": ["One"], "cluster_code": ["C1"], "cluster_name": ["East"]}
    return build_population(*frames, lazy(pl.DataFrame({**areas, "locality_code": ["10X"], "locality_name": ["Anytown"]})))


def cohorts(*definitions: Cohort, groups: tuple[Grouping, ...] = ()) -> CohortSet:
    edition = Edition("test", "1", date(2000, 1, 1), "a test", "D")
    return CohortSet(edition, (Cohort("registered", "Everybody"), *definitions), ("practice", "cluster", "locality"), groups)


@pytest.mark.parametrize(
    ("first", "beyond", "same"),
    [(65, 75, True), (64, 75, False), (66, 75, False), (65, 74, False), (65, 76, False)],
)
def test_an_age_band_and_a_cohort_of_the_same_ages_are_one_count(first: int, beyond: int, same: bool) -> None:
    """The band 65-74 and a cohort from 65 to below 75 are one number, under any name."""
    of_age = Cohort("of_age", "Of such an age", "registered", (Clause("age", "at_least", first), Clause("age", "below", beyond)))
    given = count_cohorts(people_of_ages(70), cohorts(of_age, groups=(Grouping("age_band"),)), YEAR, RULES.bands.ages)
    nodes = {(measure, area, group): node for measure, area, group, node in sorted_rows(given, "measure", "area_type", "group", "node")}
    assert (nodes["of_age", "locality", "all"] == nodes["registered", "locality", "65-74"]) is same


def test_an_area_is_part_of_the_next_larger_one() -> None:
    found = sorted_rows(count_cohorts(people_of_ages(70), cohorts(), YEAR), "area_type", "node", "part_of")
    node = {area: name for area, name, _ in found}
    assert {area: part_of for area, _, part_of in found} == {"practice": node["cluster"], "cluster": node["locality"], "locality": None}
    assert len(node) == 3


def test_a_cohort_counts_each_person_who_meets_all_clauses_once() -> None:
    aged = Cohort("aged", "65 or over", "registered", (Clause("age", "at_least", 65),))
    oldest = Cohort("oldest", "75 or over", "aged", (Clause("age", "at_least", 75),))
    found = sorted_rows(count_cohorts(people_of_ages(64, 65, 74, 75, 76), cohorts(aged, oldest), YEAR), "area_type", "measure", "count")
    assert [(measure, count) for area, measure, count in found if area == "locality"] == [("aged", 4), ("oldest", 2), ("registered", 5)]


# --- risk bands and their cost ------------------------------------------------------------------------------------------------


def banded(exact: list[float], *, shown: int, everybody: int | None, status: str = "shown", fewest: int = 2) -> tuple[Any, ...]:
    """Return the published row of one band, from the costs of its people and the published numbers."""
    days = {"period_start": YEAR.start, "period_end": YEAR.end, "status": status}
    rows = [{**days, "group_type": "band", "group": "High", "numerator": shown}, {**days, "group_type": "all", "group": "all", "numerator": everybody}]
    protected = pl.DataFrame(rows, schema_overrides={"numerator": pl.Int64})
    people = pl.DataFrame({"band": ["High"] * len(exact), "health_cost": exact})
    (row,) = sorted_rows(build_risk_bands(lazy(people), lazy(protected), fewest), "people", "share", "mean_cost", "total_cost")
    return row


@pytest.mark.parametrize(
    ("exact", "mean"),
    [
        ([1.00, 1.99], 1.0),  # 299 pence over 2 people are 149.5 each
        ([1.00, 2.00], 2.0),  # 150 pence each: half a pound is rounded up
        ([0.29, 0.71], 1.0),  # 100 pence over 2 people are 50 each; 0.29 x 100 is 28.999999999999996 in floating point and must be 29
        ([0.29, 0.70], 0.0),  # 99 pence over 2 people are 49.5 each
        ([2.49, 2.49, 2.49], 2.0),
        ([2.50, 2.50, 2.50], 3.0),
    ],
)
def test_a_mean_cost_is_in_whole_pounds_rounded_half_up(exact: list[float], mean: float) -> None:
    assert banded(exact, shown=10, everybody=100) == (10, 10.0, mean, 10 * mean)


@pytest.mark.parametrize(("people", "mean"), [(9, None), (10, 5.0), (11, 5.0)])
def test_a_mean_cost_is_shown_for_at_least_the_minimum_of_people(people: int, mean: float | None) -> None:
    assert banded([5.0] * people, shown=10, everybody=100, fewest=10)[2] == mean


@pytest.mark.parametrize(("status", "mean"), [("shown", 5.0), ("suppressed", None), ("rounded", None)])
def test_a_mean_cost_is_shown_where_the_number_of_people_is(status: str, mean: float | None) -> None:
    assert banded([5.0] * 20, shown=20, everybody=100, status=status)[2] == mean


@pytest.mark.parametrize(
    ("shown", "everybody", "share"),
    [
        (1, 800, 0.13),  # 0.125%: half a hundredth is rounded up
        (124, 100_000, 0.12),  # 0.124%
        (1, 1, 100.0),
        (0, 1, 0.0),
        (0, 0, None),
    ],
)
def test_a_share_has_two_decimals_and_is_null_without_people(shown: int, everybody: int, share: float | None) -> None:
    assert banded([5.0] * 20, shown=shown, everybody=everybody)[1] == share


def test_the_bands_count_all_registered_people_once() -> None:
    people = pl.DataFrame({"band": ["High", "High", "Low"]})
    assert sorted_rows(count_by_band(lazy(people), YEAR), "group_type", "group", "count") == [("all", "all", 3), ("band", "High", 2), ("band", "Low", 1)]


@pytest.mark.parametrize(("value", "rounded"), [(0.124, 0.12), (0.125, 0.13), (0.126, 0.13), (2.5, 2.5), (0.004, 0.0), (0.005, 0.01)])
def test_a_half_is_rounded_up(value: float, rounded: float) -> None:
    assert sorted_rows(lazy(pl.DataFrame({"v": [value]})).select(round_half_up(nw.col("v"), 2)), "v") == [(rounded,)]


@pytest.mark.parametrize(
    ("interval", "top", "bottom", "scale", "expected"),
    [
        # Wilson, 50 of 100: (0.5 + 0.0192073 -+ 1.959964 x root(0.0025 + 0.0000960365)) / 1.0384146 = (0.5192073 -+ 0.0998640) / 1.0384146
        ("wilson", 50, 100, 100.0, (50.0, 40.38, 59.62)),
        # Per million, so that the third decimal of z matters: 10 of 1,000
        # (0.01 + 0.00192073 -+ 1.959964 x root(0.0000099 + 0.000000960365)) / 1.003841459 = (0.011920729 -+ 0.006459080) / 1.003841459
        ("wilson", 10, 1_000, 1_000_000.0, (10_000.0, 5_440.75, 18_309.47)),
        # Byar, 10 events: 10 x (1 - 1/90 - 1.959964 / (3 x 3.1622777))³ = 10 x 0.7822900³ = 10 x 0.478744 = 4.787
        # and 11 x (1 - 1/99 + 1.959964 / (3 x 3.3166248))³ = 11 x 1.1868833³ = 11 x 1.671957 = 18.392
        ("byar", 10, 1, 1.0, (10.0, 4.79, 18.39)),
        # No events: 1 x (1 - 1/9 + 1.959964 / 3)³ = 1.5422102³ = 3.668
        ("byar", 0, 1, 1.0, (0.0, 0.0, 3.67)),
        (None, 10, 100, 1.0, (0.1, None, None)),
    ],
)
def test_intervals_are_those_of_95_percent(interval: str | None, top: int, bottom: int, scale: float, expected: tuple[float | None, ...]) -> None:
    frame = pl.DataFrame({"top": [float(top)], "bottom": [float(bottom)], "scale": [scale], "interval": pl.Series([interval], dtype=pl.String)})
    assert sorted_rows(add_intervals(lazy(frame)), "value", "lower", "upper") == [expected]


# --- cost bands and high risk --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("costlier", "band"),
    [
        # of 10,000 pence in total
        (1_999, "Very High"),
        (2_000, "High"),
        (3_999, "High"),
        (4_000, "Moderate"),
        (5_999, "Moderate"),
        (6_000, "Low"),
        (7_999, "Low"),
        (8_000, "Healthy"),
    ],
)
def test_a_band_begins_where_the_costlier_people_have_its_share_of_the_cost(costlier: int, band: str) -> None:
    frame = pl.DataFrame({"pence": [costlier, 1], "counted": [1, 10_000 - costlier]})
    assert dict(sorted_rows(assign_cost_bands(lazy(frame), RULES.bands), "pence", "band"))[1] == band


@pytest.mark.parametrize(("pence", "band"), [(0, "Non users"), (1, "Very High")])
def test_a_person_who_costs_a_penny_is_not_a_non_user(pence: int, band: str) -> None:
    frame = pl.DataFrame({"pence": [pence], "counted": [1]})
    assert sorted_rows(assign_cost_bands(lazy(frame), RULES.bands), "band") == [(band,)]


@pytest.mark.parametrize(
    ("adults", "expected"),
    [
        (1, 1),  # 2% of 1 is 0.02, rounded up to a whole person
        (50, 1),  # 1.00
        (51, 2),  # 1.02
        (100, 2),  # 2.00
        (101, 3),  # 2.02
    ],
)
def test_the_costliest_two_percent_of_adults_are_rounded_up_to_whole_people(adults: int, expected: int) -> None:
    frame = pl.DataFrame({"practice_code": ["A"] * adults, "pence": list(range(1, adults + 1)), "adult": [True] * adults})
    found = sorted_rows(flag_high_risk(lazy(frame), RULES.bands.high_risk), "pence", "high_risk")
    assert [pence for pence, at_risk in found if at_risk] == list(range(adults - expected + 1, adults + 1))


@pytest.mark.parametrize(("adults", "expected"), [(1, 1), (99, 1), (100, 1), (101, 2)])
def test_a_share_of_one_percent_is_rounded_up_too(adults: int, expected: int) -> None:
    frame = pl.DataFrame({"practice_code": ["A"] * adults, "pence": list(range(1, adults + 1)), "adult": [True] * adults})
    found = sorted_rows(flag_high_risk(lazy(frame), HighRisk(percent_of_adults=1, adult_age=18)), "high_risk")
    assert sum(at_risk for (at_risk,) in found) == expected


@pytest.mark.parametrize(("pence", "at_risk"), [(0, False), (1, True)])
def test_only_a_person_with_a_cost_can_be_at_high_risk(pence: int, at_risk: bool) -> None:
    frame = pl.DataFrame({"practice_code": ["A"], "pence": [pence], "adult": [True]})
    assert sorted_rows(flag_high_risk(lazy(frame), RULES.bands.high_risk), "high_risk") == [(at_risk,)]


@pytest.mark.parametrize(("age", "at_risk"), [(17, False), (18, True), (None, False)])
def test_an_adult_is_18_or_older(age: int | None, at_risk: bool) -> None:
    people = build_table(PEOPLE, [{"person": "p", "population": "registered", "practice_code": "A", "age": age}])
    spent = pl.DataFrame({"person": ["p"], "setting": ["outpatients"], "cost": [1.0], "year_cost": [1.0]})
    assert sorted_rows(build_strata(lazy(people), lazy(spent), RULES.bands), "high_risk", "band") == [(at_risk, "Very High")]


@pytest.mark.parametrize(
    ("month", "cost", "of_the_year"),
    [
        (date(2013, 9, 1), 1.01, 0.0),
        (date(2013, 10, 1), 1.01, 1.01),
        (date(2014, 9, 1), 1.01, 1.01),
        (date(2014, 10, 1), 1.01, 0.0),
    ],
)
def test_the_cost_of_a_month_belongs_to_the_year_from_its_first_month_to_its_last(month: date, cost: float, of_the_year: float) -> None:
    row = {"person": "p", "month": month, "setting": "outpatients", "activity": "a", "quantity": 1.0, "cost": cost}
    assert sorted_rows(build_costs(lazy(build_table(ACTIVITY, [row])), YEAR), "cost", "year_cost") == [(cost, of_the_year)]


@pytest.mark.parametrize(("pounds", "pence"), [(0.0, 0), (0.004, 0), (0.005, 1), (0.29, 29), (1.15, 115), (1.154, 115), (1.156, 116)])
def test_pounds_become_whole_pence_rounded_half_up(pounds: float, pence: int) -> None:
    assert sorted_rows(lazy(pl.DataFrame({"v": [pounds]})).select(to_pence(nw.col("v"))), "v") == [(pence,)]


def test_pence_become_pounds() -> None:
    assert sorted_rows(lazy(pl.DataFrame({"v": [0, 1, 115]})).select(from_pence(nw.col("v"))), "v") == [(0.0,), (0.01,), (1.15,)]


# --- activity -----------------------------------------------------------------------------------------------------------------


def used(**extracts: Any) -> list[tuple[Any, ...]]:
    rows = build_received_extracts(**extracts)
    stays = build_spells(rows, AS_AT, RULES.ambulatory)
    return sorted_rows(build_activity(rows, stays, RULES.prices, window_to(AS_AT)), "month", "activity", "quantity", "cost")


def stay(admitted: date, discharged: date | None, **rest: Any) -> Row:
    return {
        "person": "p",
        "hospital_provider_spell_number": "s",
        "episode_number": 1,
        "patient_classification": "1",
        "admission_method_hospital_provider_spell": "21",
        "start_date_hospital_provider_spell": admitted,
        "discharge_date_from_hospital_provider_spell": discharged,
        **rest,
    }


USES_ON = {
    "gp_events": lambda day: {"event_type": "consultation", "consultation_mode": "surgery", "event_date": day},
    "emergency_care": lambda day: {"arrival_date": day, "ae_department_type": "01", "ae_attendance_disposal": "03"},
    "outpatients": lambda day: {"appointment_date": day, "attended_or_did_not_attend": "5"},
    "hospital_admissions": lambda day: stay(day, day),
    "adult_social_care": lambda day: {"event_type": "Review", "event_start_date": day},
}


@pytest.mark.parametrize("name", USES_ON)
@pytest.mark.parametrize(
    ("day", "month"),
    [
        (date(2012, 9, 30), None),
        (date(2012, 10, 1), date(2012, 10, 1)),
        (date(2012, 10, 31), date(2012, 10, 1)),
        (date(2012, 11, 1), date(2012, 11, 1)),
        (date(2014, 9, 30), date(2014, 9, 1)),
        (date(2014, 10, 1), None),
    ],
)
def test_activity_counts_from_the_first_day_of_the_period_to_its_last(name: str, day: date, month: date | None) -> None:
    found = used(**{name: [{"person": "p", **USES_ON[name](day)}]})
    assert [row[0] for row in found] == ([month] if month else [])


MARCH = date(2014, 3, 1)


@pytest.mark.parametrize(
    ("discharged", "items"),
    [
        (date(2014, 3, 2), {"non_elective_short_stay": 1.0}),  # one night
        (date(2014, 3, 3), {"non_elective_long_stay": 1.0}),  # two nights
        (date(2014, 3, 15), {"non_elective_long_stay": 1.0}),  # fourteen nights
        (date(2014, 3, 16), {"non_elective_long_stay": 1.0, "excess_bed_day": 1.0}),  # fifteen
        (date(2014, 3, 17), {"non_elective_long_stay": 1.0, "excess_bed_day": 2.0}),
    ],
)
def test_a_stay_is_long_from_two_nights_and_has_excess_nights_beyond_fourteen(discharged: date, items: dict[str, float]) -> None:
    assert {item: quantity for _, item, quantity, _ in used(hospital_admissions=[stay(MARCH, discharged)])} == items


@pytest.mark.parametrize(
    ("admitted", "discharged", "nights"),
    [
        (date(2014, 9, 15), None, 15),  # not discharged by 30 September
        (date(2014, 9, 15), date(2014, 9, 30), 15),
        (date(2014, 9, 15), date(2014, 10, 1), 15),  # discharged after the as-at date
        (date(2014, 9, 15), date(2014, 9, 29), 14),
    ],
)
def test_nights_are_counted_to_the_discharge_and_no_further_than_the_as_at_date(admitted: date, discharged: date | None, nights: int) -> None:
    stays = build_spells(build_received_extracts(hospital_admissions=[stay(admitted, discharged)]), AS_AT, RULES.ambulatory)
    assert sorted_rows(stays, "nights") == [(nights,)]


@pytest.mark.parametrize(
    ("registration", "registered"),
    [
        ({"registration_start_date": date(2014, 3, 1)}, True),
        ({"registration_start_date": date(2014, 3, 2)}, False),
        ({"registration_end_date": date(2014, 3, 1)}, True),
        ({"registration_end_date": date(2014, 2, 28)}, False),
        ({"registration_end_date": None}, True),
        ({"outcome": "unlinked"}, False),
    ],
)
def test_a_spell_is_of_a_registered_person_if_the_registration_was_valid_on_admission(registration: Row, registered: bool) -> None:
    rows = build_received_extracts(hospital_admissions=[stay(MARCH, MARCH)], gp_registrations=[{"person": "p", **registration}])
    assert sorted_rows(build_spells(rows, AS_AT, RULES.ambulatory), "registered") == [(registered,)]


def service(start: date, end: date | None, pounds: float = 70.0, **rest: Any) -> Row:
    return {
        "person": "p",
        "event_type": "Service",
        "event_start_date": start,
        "event_end_date": end,
        "unit_cost": pounds,
        "cost_frequency_unit_type": "Weekly",
        **rest,
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # £70 a week is £10 a day.
        (service(date(2012, 9, 1), date(2012, 9, 30)), []),  # it ended on the day before the period
        (service(date(2012, 9, 1), date(2012, 10, 1)), [(date(2012, 10, 1), 10.0)]),  # one day of the period
        (service(date(2014, 9, 30), date(2014, 9, 30)), [(date(2014, 9, 1), 10.0)]),
        (service(date(2014, 9, 30), date(2014, 10, 1)), [(date(2014, 9, 1), 10.0)]),  # its second day is beyond the period
        (service(date(2014, 9, 29), None), [(date(2014, 9, 1), 20.0)]),
        (service(date(2014, 10, 1), None), []),
        (service(date(2014, 1, 31), date(2014, 2, 1)), [(date(2014, 1, 1), 10.0), (date(2014, 2, 1), 10.0)]),
        (service(date(2014, 2, 1), date(2014, 2, 28)), [(date(2014, 2, 1), 280.0)]),  # 28 days
        (service(date(2014, 2, 1), date(2014, 3, 1)), [(date(2014, 2, 1), 280.0), (date(2014, 3, 1), 10.0)]),
        # £0.035 a week is half a penny for a day, which is rounded up. £0.0349 is less.
        (service(MARCH, MARCH, 0.035), [(MARCH, 0.01)]),
        (service(MARCH, MARCH, 0.0349), [(MARCH, 0.0)]),
        # A single cost belongs to the month in which the service began, even on its last day.
        (service(date(2014, 3, 31), date(2014, 4, 1), 500.0, cost_frequency_unit_type="One-off"), [(MARCH, 500.0), (date(2014, 4, 1), 0.0)]),
        (service(date(2012, 9, 30), date(2012, 10, 1), 500.0, cost_frequency_unit_type="One-off"), [(date(2012, 10, 1), 0.0)]),
    ],
)
def test_a_service_costs_its_days_of_each_month(row: Row, expected: list[tuple[date, float]]) -> None:
    assert [(month, cost) for month, _, _, cost in used(adult_social_care=[row])] == expected


@pytest.mark.parametrize(
    ("items", "cost"),
    [
        (0.04, 0.24),  # 0.04 x £6.10 = £0.244
        (0.05, 0.31),  # 0.05 x £6.10 = £0.305: half a penny is rounded up
        (1.0, 6.10),
    ],
)
def test_a_cost_is_in_whole_pence_rounded_half_up(items: float, cost: float) -> None:
    event = {"person": "p", "event_type": "medication", "code": "0101", "value": items, "event_date": MARCH}
    assert used(gp_events=[event]) == [(MARCH, "medication_bnf_01", items, cost)]


# --- days and ages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "born", "age"),
    [
        (date(2014, 4, 30), "1949-05", 64),
        (date(2014, 5, 1), "1949-05", 65),
        (date(2014, 6, 1), "1949-05", 65),
        (date(2014, 12, 31), "2015-01", -1),
        (date(2014, 5, 1), None, None),
    ],
)
def test_a_person_is_a_year_older_from_the_month_of_birth(day: date, born: str | None, age: int | None) -> None:
    frame = pl.DataFrame({"day": [day], "born": pl.Series([born], dtype=pl.String)})
    assert sorted_rows(lazy(frame).select(age=age_in_month_of(nw.col("day"), nw.col("born"))), "age") == [(age,)]


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(1, 1, 1), 1),
        (date(1, 12, 31), 365),
        (date(4, 12, 31), 1_461),  # 4 x 365 + 1
        (date(100, 12, 31), 36_524),  # 100 x 365 + 25 - 1: the hundredth year is no leap year
        (date(400, 12, 31), 146_097),  # 400 x 365 + 100 - 4 + 1: the four hundredth is
        (date(2000, 2, 29), 730_179),  # 1999 x 365 + 499 - 19 + 4 + 60
        (date(2000, 3, 1), 730_180),
    ],
)
def test_a_day_has_its_number_in_the_calendar(day: date, number: int) -> None:
    assert sorted_rows(lazy(pl.DataFrame({"day": [day]})).select(n=day_number(nw.col("day"))), "n") == [(number,)]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2014, 1, 31), date(2014, 1, 31), [(date(2014, 1, 1), 1)]),
        (date(2014, 1, 31), date(2014, 2, 1), [(date(2014, 1, 1), 1), (date(2014, 2, 1), 1)]),
        (date(2013, 12, 1), date(2013, 12, 31), []),
        (date(2013, 12, 1), date(2014, 1, 1), [(date(2014, 1, 1), 1)]),
        (date(2014, 2, 28), date(2014, 3, 9), [(date(2014, 2, 1), 1)]),
        (date(2014, 3, 1), date(2014, 3, 9), []),
        (date(2014, 2, 2), date(2014, 2, 1), []),
        (date(2013, 1, 1), date(2015, 1, 1), [(date(2014, 1, 1), 31), (date(2014, 2, 1), 28)]),
    ],
)
def test_a_row_has_its_days_of_each_month_of_the_period(first: date, last: date, expected: list[tuple[date, int]]) -> None:
    frame = lazy(pl.DataFrame({"first": [first], "last": [last], "who": ["p"]}))
    given = split_by_month(frame, nw.col("first"), nw.col("last"), Period(date(2014, 1, 1), date(2014, 2, 28)), ("who",))
    assert sorted_rows(given, "month", "days") == expected


# --- care on the last day -------------------------------------------------------------------------------------------------------


def cared_for(column: str, **extracts: Any) -> Any:
    people = lazy(build_table(PEOPLE, [{"person": "p", "population": "registered", "named_gp": False}]))
    ((value,),) = sorted_rows(build_care(people, build_received_extracts(**extracts), RULES.clinical_codes, YEAR), column)
    return value


def coded(code: str, day: date, kind: str = "process") -> Row:
    return {"person": "p", "event_type": kind, "code": code, "event_date": day}


@pytest.mark.parametrize(("day", "counted"), [(date(2014, 9, 29), True), (date(2014, 9, 30), True), (date(2014, 10, 1), False)])
def test_codes_count_up_to_the_last_day(day: date, counted: bool) -> None:
    assert cared_for("care_plan", gp_events=[coded("8CSB.", day)]) is counted
    assert cared_for("case_management_register", gp_events=[coded("8CV4.", day)]) is counted
    assert cared_for("accountable_professional", gp_events=[coded("67DJ.", day)]) is counted
    assert cared_for("long_term_conditions", gp_events=[coded("G20..", day, "diagnosis")]) == (1 if counted else 0)


@pytest.mark.parametrize(
    ("end_day", "is_current"),
    [(date(2014, 5, 31), True), (date(2014, 6, 1), True), (date(2014, 6, 2), False), (date(2014, 9, 30), False), (date(2014, 10, 1), True)],
)
def test_a_refusal_or_ending_cancels_only_earlier_codes(end_day: date, is_current: bool) -> None:
    begun = date(2014, 6, 1)
    assert cared_for("care_plan", gp_events=[coded("8CSB.", begun), coded("8IAe1", end_day)]) is is_current
    assert cared_for("care_plan", gp_events=[coded("8CSB.", begun), coded("8CT2.", end_day)]) is is_current
    assert cared_for("case_management_register", gp_events=[coded("8CV4.", begun), coded("8CT2.", end_day)]) is is_current


@pytest.mark.parametrize(
    ("start", "end", "client"),
    [
        (date(2014, 9, 30), None, True),
        (date(2014, 10, 1), None, False),
        (date(2013, 1, 1), date(2013, 9, 30), False),
        (date(2013, 1, 1), date(2013, 10, 1), True),
        (date(2013, 1, 1), None, True),
    ],
)
def test_a_client_of_the_year_has_an_event_within_it(start: date, end: date | None, client: bool) -> None:
    event = {"person": "p", "client_type": "Service user", "event_type": "Review", "event_start_date": start, "event_end_date": end}
    assert cared_for("social_care", adult_social_care=[event]) is client


@pytest.mark.parametrize(
    ("start", "end", "counted"),
    [
        (date(2014, 9, 30), None, True),
        (date(2014, 10, 1), None, False),
        (date(2014, 6, 1), date(2014, 9, 29), False),
        (date(2014, 6, 1), date(2014, 9, 30), True),
        (date(2014, 6, 1), date(2014, 10, 1), True),
    ],
)
def test_a_person_in_a_care_home_on_the_last_day_is_counted(start: date, end: date | None, counted: bool) -> None:
    event = {
        "person": "p",
        "client_type": "Service user",
        "event_type": "Service",
        "service_type": "Long term support: Nursing care",
        "event_start_date": start,
        "event_end_date": end,
    }
    assert cared_for("care_home", adult_social_care=[event]) is counted

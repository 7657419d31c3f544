"""Linkage quality on small tables: match rates, implausible links, linked and unlinked people, and estimated linkage error."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.intervals import wilson_interval
from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import CONTACTS, SPELLS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.contacts import build_contacts
from bcf_linkage.published.exact_counts import CONTROL_COLUMNS, ExactCount, Node, parse_counts
from bcf_linkage.published.linkage_quality.differences import compare_linked_and_unlinked, sum_quantities, tally_people_by_group, tally_people_measured
from bcf_linkage.published.linkage_quality.error_estimates import estimate_precision_and_recall, estimate_precision_by_duplicates
from bcf_linkage.published.linkage_quality.flow import count_by_months_seen, find_coverage
from bcf_linkage.published.linkage_quality.implausible import tally_implausible_links
from bcf_linkage.published.linkage_quality.linkage_summary import summarise_linkage
from bcf_linkage.published.linkage_quality.match_rates import group_records, tally_matches
from bcf_linkage.published.linkage_quality.published_figures import PublishedFigures
from bcf_linkage.published.linkage_quality.published_views import build_linkage_quality
from bcf_linkage.published.linkage_quality.relations import find_disjoint_parts
from bcf_linkage.published.linkage_quality.sensitivity import build_sensitivity
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, TALLY_COLUMNS, build_exact_counts
from tests.frame_builder import build_received_extract, build_table, collect, lazy, previous_figures, protect_counts, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
QUALITY, YEAR = RULES.linkage, year_to(AS_AT)
OUR_PRACTICE = "J82001"
UNLINKED = {"outcome": "unlinked", "trace_reason": "number_missing"}
CARE, STAYS = "adult_social_care", "hospital_admissions"


def match_tallies(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """Return the tallies of matches of one source, by measure, kind of group and group."""
    tallies = tally_matches(group_records({CARE: lazy(build_received_extract(CARE, rows))}, QUALITY, RULES.bands.ages, (OUR_PRACTICE,)), QUALITY)
    return {(measure, kind, group): count for measure, kind, group, count in sorted_rows(tallies, "measure", "group_type", "group", "count")}


@pytest.mark.parametrize(
    ("row", "kind", "group"),
    [
        ({"age": 17}, "age_band", "00-17"),
        ({"age": 85}, "age_band", "85+"),
        ({"age": None}, "age_band", "Not recorded"),
        ({"gender": "2"}, "sex", "Female"),
        ({"gender": None}, "sex", "Not recorded"),
        ({"ethnicity": "H"}, "ethnic_category", "Asian: Indian"),
        ({"deprivation_quintile": 1}, "deprivation_quintile", "1"),
        ({"accommodation_status": "Registered nursing home"}, "care_home", "Care home"),
        ({"accommodation_status": "Rough sleeper"}, "care_home", "Elsewhere"),
        ({"accommodation_status": None}, "care_home", "Not recorded"),
        ({"event_type": "Review"}, "event_type", "Review"),
        ({"event_type": "Request", "service_type": None}, "service_type", "Not a service"),
        ({"service_type": "Long term support: Nursing care"}, "service_type", "Long term support: Nursing care"),
        ({"gp_practice_code": OUR_PRACTICE}, "practice", OUR_PRACTICE),
        ({"gp_practice_code": "A81001"}, "practice", "Another practice"),
        ({"gp_practice_code": None}, "practice", "Not recorded"),
    ],
)
def test_a_record_is_counted_in_the_group_that_it_records(row: dict[str, Any], kind: str, group: str) -> None:
    tallies = match_tallies([{"person": "a", **row}, {"person": "b", **row, **UNLINKED}, {"person": "c", **row, "outcome": "seen, not registered"}])
    assert tallies["rows_traced", kind, group] == 3
    assert tallies["linked", kind, group] == 1


def test_the_positive_control_is_records_that_name_a_practice_of_the_locality() -> None:
    tallies = match_tallies([{"gp_practice_code": OUR_PRACTICE}, {"gp_practice_code": OUR_PRACTICE, **UNLINKED}, {"gp_practice_code": "A81001"}])
    assert tallies["positive_control", "all", "all"] == 2
    assert tallies["positive_control_missed", "all", "all"] == 1


def test_a_group_is_compared_with_its_source() -> None:
    rows = [{"person": f"w{n}", "gender": "2"} for n in range(400)] + [{"person": f"m{n}", "gender": "1", **(UNLINKED if n < 100 else {})} for n in range(400)]
    tallies = build_exact_counts(
        [tally_matches(group_records({CARE: lazy(build_received_extract(CARE, rows))}, QUALITY, RULES.bands.ages, ()), QUALITY), source_totals(rows)],
        QUALITY,
        YEAR,
    )
    published_rows = collect(build_linkage_quality(protect_counts(tallies), previous_figures(("linked", CARE, "sex", "Male", 80.25)), QUALITY))
    by_group = {(r["area_code"], r["group"]): r for r in published_rows.filter(pl.col("group_type") == "sex").to_dicts()}
    for area in (CARE, ALL_SOURCES):
        assert (by_group[area, "Male"]["value"], by_group[area, "Male"]["reference"], by_group[area, "Male"]["gap"], by_group[area, "Male"]["stands_out"]) == (
            75.0,
            87.5,
            -12.5,
            True,
        )
        assert (by_group[area, "Female"]["gap"], by_group[area, "Female"]["stands_out"]) == (12.5, True)
    # And with the previous run, where it published the same figure.
    assert [(by_group[CARE, sex]["before"], by_group[CARE, sex]["change"]) for sex in ("Male", "Female")] == [(80.25, -5.25), (None, None)]


def source_totals(rows: list[dict[str, Any]]) -> Any:
    """Return the tallies of a whole source."""
    linked = sum("outcome" not in row for row in rows)
    counts = {"rows_traced": len(rows), "linked": linked, "not_matched": len(rows) - linked, "unlinked": len(rows) - linked}
    keyed = [{"measure": m, "area_code": CARE, "group_type": "all", "group": "all", "count": n} for m, n in counts.items()]
    return lazy(pl.DataFrame(keyed))


NO_PLACEMENTS = pl.DataFrame(schema={"person": pl.String, "first_day": pl.Date, "last_day": pl.Date})

REGISTER = [
    {"person": "gone", "sex": "1", "birth_month": "1930-01", "date_of_death": date(2014, 3, 1)},
    {"person": "there", "sex": "2", "birth_month": "1964-05"},
    {"person": "torn", "sex": "1", "birth_month": "1964-05"},
    {"person": "torn", "sex": "2", "birth_month": "1964-06"},
    {"person": "unsure", "sex": "1", "birth_month": "1950-01", "outcome": "unlinked"},
]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"person": "gone", "day": date(2014, 3, 29)}, set()),
        ({"person": "gone", "day": date(2014, 3, 30)}, {"after_death"}),
        ({"person": "there", "day": date(1964, 5, 1)}, set()),
        ({"person": "there", "day": date(1964, 4, 30)}, {"before_birth"}),
        ({"person": "there", "sex": "1"}, {"other_sex"}),
        ({"person": "there", "sex": "9"}, set()),
        ({"person": "there", "birth_month": "1964-06"}, {"other_birth_month"}),
        ({"person": "there", "primary_diagnosis_icd": "C61X"}, {"sex_contradicted"}),
        ({"person": "gone", "primary_diagnosis_icd": "O80X"}, {"sex_contradicted"}),
        ({"person": "gone", "primary_diagnosis_icd": "J46X"}, set()),
        ({"person": "torn", "sex": "1", "birth_month": "1964-05"}, set()),
        ({"person": "unsure", "sex": "2"}, set()),
        ({"person": "there", "sex": "1", "outcome": "unlinked"}, set()),
    ],
)
def test_implausible_links(record: dict[str, Any], found: set[str]) -> None:
    admission = {"start_date_hospital_provider_spell": record.pop("day", date(2014, 1, 1)), **record}
    received = {
        "gp_registrations": lazy(build_received_extract("gp_registrations", REGISTER)),
        "hospital_admissions": lazy(build_received_extract("hospital_admissions", [admission])),
    }
    tallies = tally_implausible_links(received, build_contacts(received), lazy(build_table(SPELLS, [])), lazy(NO_PLACEMENTS), QUALITY)
    assert {measure for measure, count in sorted_rows(tallies, "measure", "count") if count} == found


@pytest.mark.parametrize(
    ("stays", "overlaps"),
    [
        ([(1, 5), (5, 9)], 0),
        ([(1, 5), (4, 9)], 1),
        ([(1, 20), (3, 4), (10, 12)], 2),
        ([(1, None), (5, 9)], 0),
        ([(1, 9), (3, None)], 1),
    ],
)
def test_stays_that_overlap(stays: list[tuple[int, int | None]], overlaps: int) -> None:
    days = [{"start_date_hospital_provider_spell": date(2014, 1, a), "discharge_date_from_hospital_provider_spell": b and date(2014, 1, b)} for a, b in stays]
    spells = build_table(SPELLS, ({"person": "there", "nights": 3, "hospital_provider_spell_number": f"s{n}", **stay} for n, stay in enumerate(days)))
    received = {"gp_registrations": lazy(build_received_extract("gp_registrations", REGISTER))}
    counts = dict(sorted_rows(tally_implausible_links(received, build_contacts(received), lazy(spells), lazy(NO_PLACEMENTS), QUALITY), "measure", "count"))
    assert (counts["stays_linked"], counts["overlapping_stays"], counts["stays_at_two_hospitals"]) == (len(stays), overlaps, 0)


@pytest.mark.parametrize(
    ("stays", "elsewhere"),
    [
        ([("RHM01", 1, 9), ("RHM02", 3, 5)], 0),
        ([("RHM01", 1, 9), ("RHU01", 9, 12)], 0),
        ([("RHM01", 1, 9), ("RHU01", 3, 5), ("RHU01", 6, 12)], 2),
        ([("RHM01", 1, 9), ("RHU01", 1, 9)], 1),
        ([("RHM01", 3, 9), ("RHU01", 1, None)], 0),
    ],
)
def test_stays_at_two_hospitals_at_once(stays: list[tuple[str, int, int | None]], elsewhere: int) -> None:
    counts = tally_stays([(provider, date(2014, 1, a), b and date(2014, 1, b)) for provider, a, b in stays], [])
    assert counts["stays_at_two_hospitals"] == elsewhere <= counts["overlapping_stays"]


@pytest.mark.parametrize(
    ("first", "last", "service", "long", "covered"),
    [
        (date(2014, 1, 1), date(2014, 1, 29), (date(2013, 1, 1), None), 0, 0),
        (date(2014, 1, 1), date(2014, 1, 30), (date(2013, 1, 1), None), 1, 1),
        (date(2014, 1, 1), date(2014, 3, 1), (date(2014, 1, 31), None), 1, 1),
        (date(2014, 1, 1), date(2014, 3, 1), (date(2014, 2, 1), None), 1, 0),
        (date(2014, 1, 1), date(2014, 3, 1), (date(2013, 1, 1), date(2014, 1, 29)), 1, 0),
        (date(2014, 1, 1), date(2014, 3, 1), (date(2014, 1, 5), date(2014, 2, 2)), 1, 0),
        (date(2014, 1, 1), date(2014, 3, 1), (date(2014, 1, 5), date(2014, 2, 3)), 1, 1),
    ],
)
def test_home_care_during_a_long_stay(first: date, last: date, service: tuple[date, date | None], long: int, covered: int) -> None:
    home = {"person": "there", "service_component": "Home support or domiciliary care", "event_start_date": service[0], "event_end_date": service[1]}
    other = {**home, "service_component": "Meals"}
    for care, found in (([home, home], covered), ([other], 0), ([{**home, "person": "gone"}], 0), ([{**home, **UNLINKED}], 0)):
        counts = tally_stays([("RHM01", first, last)], care)
        assert (counts["long_stays_linked"], counts["home_care_in_long_stays"]) == (long, found)


def tally_stays(stays: list[tuple[str, date, date | None]], care: list[dict[str, Any]], placements: pl.DataFrame | None = None) -> dict[str, int]:
    """Return the tallies of stays of one linked person: provider, first day, last day."""
    days = ("organisation_code_code_of_provider", "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell")
    spell_rows = [{"person": "there", "nights": 3, "hospital_provider_spell_number": f"s{n}", **dict(zip(days, s, strict=True))} for n, s in enumerate(stays)]
    received = {"gp_registrations": lazy(build_received_extract("gp_registrations", REGISTER)), CARE: lazy(build_received_extract(CARE, care))}
    homes = lazy(NO_PLACEMENTS if placements is None else placements)
    return dict(
        sorted_rows(tally_implausible_links(received, build_contacts(received), lazy(build_table(SPELLS, spell_rows)), homes, QUALITY), "measure", "count")
    )


def test_placements_in_two_care_homes_at_once() -> None:
    days = [("there", 1, 9), ("there", 9, 12), ("there", 11, 20), ("gone", 1, 9), ("unsure", 1, 9), ("unsure", 2, 9)]
    placements = pl.DataFrame([(person, date(2014, 1, a), date(2014, 1, b)) for person, a, b in days], NO_PLACEMENTS.schema, orient="row")
    counts = tally_stays([], [], placements)
    assert (counts["placements_linked"], counts["two_homes"]) == (4, 1)


def test_status_supplied_against_status_derived() -> None:
    codes = [("01", "01"), ("01", "01"), ("01", "04"), (None, "01"), ("07", "07")]
    rows = [{"person": f"p{n}", "nhs_number_trace_status": supplied, "nhs_number_status_derived": derived} for n, (supplied, derived) in enumerate(codes)]
    received = {"outpatients": lazy(build_received_extract("outpatients", rows)), CARE: lazy(build_received_extract(CARE, [{"person": "a"}]))}
    tallies = tally_matches(group_records(received, QUALITY, RULES.bands.ages, ()), QUALITY)
    found = {(area, group): n for measure, area, group, n in sorted_rows(tallies, "measure", "area_code", "group", "count") if measure == "number_status"}
    cells = {"01 supplied, derived 01": 2, "01 supplied, derived 04": 1, "none supplied, derived 01": 1, "07 supplied, derived 07": 1}
    assert found == {("outpatients", group): n for group, n in cells.items()}


def source_counts(area: str, counts: dict[tuple[str, str, str], int]) -> list[ExactCount]:
    """Build exact counts of one source, by measure, kind of group and group."""
    position = {"area_type": "source", "area_code": area, "unit": "count", "part_of": None, "split": "area", "among": None}
    return [ExactCount(measure=m, group_type=k, group=g, node=node(area, m, g), count=n, **position) for (m, k, g), n in counts.items()]  # type: ignore[arg-type]


def node(area: str, measure: str, group: str = "all") -> Node:
    return Node(f"{measure} {group}", "source", area, "2014")


def test_relations_of_number_statuses_and_trace_reasons() -> None:
    counted = {
        ("rows_traced", "all", "all"): 104,
        ("unlinked", "all", "all"): 4,
        ("number_missing", "all", "all"): 3,
        **{
            ("number_status", "number_status", f"{both[0]} supplied, derived {both[1]}"): n
            for both, n in ((("01", "01"), 100), (("01", "05"), 2), (("07", "07"), 2))
        },
        ("linked", "reason", "cross_check"): 100,
        ("unlinked", "reason", "birth_date_conflict"): 2,
        ("unlinked", "reason", "number_missing"): 2,
    }
    rows = source_counts(STAYS, counted)
    count = {row.node: row.count for row in rows}
    remainders = {(whole, frozenset(parts)): count[whole] - sum(count[part] for part in parts) for whole, parts in find_disjoint_parts(rows, QUALITY)}
    codes = ("01 supplied, derived 01", "01 supplied, derived 05", "07 supplied, derived 07")
    linked, conflict, kept = (node(STAYS, "number_status", code) for code in codes)
    cross_check = node(STAYS, "linked", "cross_check")
    birth_date_conflict, number_missing = (node(STAYS, "unlinked", reason) for reason in ("birth_date_conflict", "number_missing"))
    traced = node(STAYS, "rows_traced")
    assert remainders[traced, frozenset({linked, conflict, kept})] == 0
    assert remainders[traced, frozenset({linked, birth_date_conflict, number_missing})] == 0
    assert remainders[traced, frozenset({conflict, cross_check, number_missing})] == 0
    # For some records without a number, the code of the supplier replaces the derived one.
    assert remainders[traced, frozenset({cross_check, birth_date_conflict})] == count[kept]
    assert remainders[node(STAYS, "number_missing"), frozenset({kept})] == 1
    assert remainders[node(STAYS, "unlinked"), frozenset({kept})] == 2


def test_relations_of_kinds_of_event_and_kinds_of_service() -> None:
    home, meals, none = "Long term support: Nursing care", "Long term support: Community", "Not a service"
    counted = {
        ("linked", "all", "all"): 60,
        ("linked", "event_type", "Service"): 25,
        ("linked", "event_type", "Review"): 35,
        ("placements_linked", "all", "all"): 8,
    }
    counted |= {("linked", "service_type", kind): n for kind, n in ((home, 10), (meals, 15), (none, 35))}
    relations = [(whole, set(parts)) for whole, parts in find_disjoint_parts(source_counts(CARE, counted), QUALITY)]
    linked = node(CARE, "linked")
    assert (linked, {node(CARE, "linked", none), node(CARE, "linked", "Service")}) in relations
    assert (linked, {node(CARE, "placements_linked"), node(CARE, "linked", meals), node(CARE, "linked", none)}) in relations


def test_the_hold_out_sample_is_divided_into_groups_over_all_sources_only() -> None:
    cells = [("holdout", kind, group, n) for kind, group, n in (("all", "all", 100), ("sex", "Male", 60), ("sex", "Female", 40))]
    cells += [("holdout_missed", kind, group, n) for kind, group, n in (("all", "all", 20), ("sex", "Male", 10), ("sex", "Female", 10))]
    rows = [(measure, area, kind, group, n) for area in (CARE, STAYS) for measure, kind, group, n in cells]
    tree = collect(build_exact_counts([lazy(pl.DataFrame(rows, list(TALLY_COLUMNS), orient="row"))], QUALITY, YEAR))
    grouped = tree.filter(pl.col("group_type") == "sex")
    assert set(grouped["area_code"]) == {ALL_SOURCES}
    assert dict(grouped.filter(pl.col("measure") == "holdout_missed").select("group", "count").iter_rows()) == {"Male": 20, "Female": 20}
    counts = parse_counts({"counts": tree.select(CONTROL_COLUMNS).rows()})["counts"]
    nodes = {(row.measure, row.area_code, row.group): row.node for row in counts}
    relations = [(whole, set(parts)) for whole, parts in find_disjoint_parts(counts, QUALITY)]
    assert (nodes["holdout", ALL_SOURCES, "all"], {nodes["holdout", ALL_SOURCES, sex] for sex in ("Male", "Female")}) in relations


def test_a_month_is_covered_only_with_enough_people() -> None:
    seen = [(f"p{n}", date(2014, 1 + n, 2), date(2014, 1 + n, 28)) for n in range(5)]
    rows = [{"person": person, "extract": CARE, "first_day": first, "last_day": last} for person, first, last in seen]
    people = lazy(
        build_table(CONTACTS, [*rows, {**rows[0], "outcome": "linked"}, {"person": "x", "extract": STAYS, "first_day": seen[0][1], "last_day": seen[0][1]}])
    )
    assert sorted_rows(find_coverage(count_by_months_seen(people), 2), "extract", "first_month", "last_month") == [(CARE, "2014-02", "2014-04")]


def test_linked_and_unlinked_people_compared() -> None:
    rows = [{"person": f"l{n}", "gender": "12"[n % 2], "age": 40 + n % 2 * 20} for n in range(200)]
    rows += [{"person": f"u{n}", "gender": "2", "age": 70, **UNLINKED} for n in range(100)]
    rows += [{"person": "l0", "gender": "1", "age": 40}, {"person": "elsewhere", "gender": "1", "age": 20, "outcome": "seen, not registered"}]
    seen_people = build_contacts({CARE: lazy(build_received_extract(CARE, rows))})
    spent = lazy(pl.DataFrame({"person": ["l1", "u1"], "setting": [CARE, CARE], "cost": [100.4, 50.0]}))
    seen = pl.DataFrame(
        [{"measure": m, "area_code": CARE, "group_type": "all", "group": "all", "count": n} for m, n in (("people", 301), ("people_linked", 200))]
    )
    sums = lazy(collect(sum_quantities(seen_people, spent)))
    shown = protect_counts(
        build_exact_counts([tally_people_by_group(seen_people, QUALITY, RULES.bands.ages), tally_people_measured(sums), lazy(seen)], QUALITY, YEAR)
    )
    by_characteristic = {(r["characteristic"], r["group"]): r for r in collect(compare_linked_and_unlinked(shown, sums, QUALITY, 8)).to_dicts()}
    age = by_characteristic["age", "all"]
    assert (age["linked_people"], age["unlinked_people"], age["linked"], age["unlinked"]) == (200, 100, 50.0, 70.0)
    assert age["difference"] == round((50 - 70) / ((10**2 + 0) / 2) ** 0.5, 2)
    assert age["stands_out"]
    # By group as well: half of the linked people are women, and all of the unlinked.
    women = by_characteristic["sex", "Female"]
    assert (women["linked"], women["unlinked"]) == (50.0, 100.0)
    assert women["difference"] == round(-0.5 / (0.25 / 2) ** 0.5, 2)
    assert by_characteristic["records", "all"]["linked"] == 1.0
    assert by_characteristic["pounds", "all"]["linked"] == 0.5


def test_small_groups_are_not_compared() -> None:
    rows = [{"person": f"l{n}", "gender": "1", "age": 50} for n in range(200)] + [{"person": f"u{n}", "gender": "1", "age": 20, **UNLINKED} for n in range(7)]
    seen_people = build_contacts({CARE: lazy(build_received_extract(CARE, rows))})
    spent = lazy(pl.DataFrame({"person": ["l1"], "setting": [CARE], "cost": [1.0]}))
    sums = lazy(collect(sum_quantities(seen_people, spent)))
    shown = protect_counts(build_exact_counts([tally_people_by_group(seen_people, QUALITY, RULES.bands.ages), tally_people_measured(sums)], QUALITY, YEAR))
    compared = collect(compare_linked_and_unlinked(shown, sums, QUALITY, 8))
    assert compared.height
    assert set(compared["status"]) == {"suppressed"}
    assert compared.select("unlinked", "difference", "unlinked_people").null_count().row(0) == (compared.height,) * 3


def test_the_change_of_a_cohort_is_of_rounded_numbers() -> None:
    words = {"measure_name": "m", "area_type": "locality", "area_code": "10X", "group_type": "all", "period_start": YEAR.start, "period_end": YEAR.end}

    def counted(**people: int | None) -> Any:
        return lazy(pl.DataFrame([{**words, "measure": m, "numerator": n} for m, n in people.items()], schema_overrides={"numerator": pl.Int64}))

    cohorts = {("default", "t"): counted(a=200, b=None, c=0), ("strict", "t"): counted(a=190, b=10, c=0)}
    moved_rows = sorted_rows(build_sensitivity(cohorts), "measure", "rule", "people", "moved", "moved_percent", "status")
    assert sorted(moved_rows, key=str) == sorted(
        [
            ("a", "default", 200, 0, 0.0, "shown"),
            ("a", "strict", 190, -10, -5.0, "shown"),
            ("b", "default", None, None, None, "suppressed"),
            ("b", "strict", 10, None, None, "shown"),
            ("c", "default", 0, 0, None, "shown"),
            ("c", "strict", 0, 0, None, "shown"),
        ],
        key=str,
    )


def figure(measure: str, numerator: int | None, denominator: int | None = None, area: str = CARE) -> dict[str, Any]:
    """Build a published row of a whole source. A numerator of None is suppressed."""
    unit = QUALITY.by_code[measure].unit
    scale = {"percent": 100, "per 10,000": 10_000, "count": 1}[unit]
    known = numerator is not None and denominator
    lower, upper = wilson_interval(numerator, denominator) if known else (0, 0)  # type: ignore[arg-type]
    return {
        "measure": measure, "area_code": area, "group_type": "all", "group": "all", "unit": unit, "numerator": numerator, "denominator": denominator,
        "value": scale * numerator / denominator if known else None, "lower": scale * lower, "upper": scale * upper,  # type: ignore[operator]
        "status": "shown" if numerator is not None else "suppressed",
    }  # fmt: skip


def estimates(*rows: dict[str, Any]) -> tuple[Any, Any]:
    return estimate_precision_and_recall(PublishedFigures(rows, RULES.disclosure), CARE)


def test_precision_and_recall_are_estimated_from_the_hold_out_sample() -> None:
    # 200 of 1,000 links are on demographics. With the number hidden, 10% of people are missed and 2% of links are wrong.
    precision, recall = estimates(
        figure("linked", 1000, 1200),
        figure("linked_on_demographics", 200, 1000),
        figure("holdout_missed", 100, 1000),
        figure("holdout_wrong", 18, 900),
    )
    assert precision.value == pytest.approx(1 - 200 * 0.02 / 1000)
    right = 800 + 200 * 0.98
    assert recall.value == pytest.approx(right / (right + 196 * 0.1 / 0.9))
    assert precision.lower < precision.value < precision.upper
    assert recall.lower < recall.value < recall.upper
    assert precision.basis == recall.basis == "estimated"


def test_a_suppressed_error_is_taken_as_the_worst_possible() -> None:
    precision, recall = estimates(
        figure("linked", 1000, 1200),
        figure("linked_on_demographics", 200, 1000),
        figure("holdout_missed", None, 1000),
        figure("holdout_wrong", None, 1000),
    )
    assert precision.value == pytest.approx(1 - 200 * 0.014 / 1000)
    assert precision.basis == recall.basis == "bounded"
    assert precision.lower < precision.value


def test_nothing_is_estimated_without_evidence() -> None:
    precision, recall = estimates(figure("linked", 1000, 1200), figure("linked_on_demographics", 0, 1000), figure("holdout_missed", 1000, 1000))
    assert precision.value == 1.0
    assert recall is None
    assert estimates(figure("linked", None, 1200)) == (None, None)


def test_a_suppressed_number_of_unlinked_records_is_taken_as_the_largest_possible() -> None:
    rows = [figure(measure, number, of, area) for area in (CARE, ALL_SOURCES) for measure, number, of in (("linked", None, 1000), ("local_numbers", 400, None))]
    match_rate = next(row for row in summarise_linkage(rows, QUALITY, RULES.disclosure) if row["measure"] == "match_rate")
    assert (match_rate["value"], match_rate["basis"]) == (98.6, "bounded")
    assert match_rate["lower"] < 98.6 < match_rate["upper"] < 100


@pytest.mark.parametrize("measure", ["local_numbers", "people_linked", "holdout"])
def test_a_large_figure_within_the_linked_records_shows_that_few_are_unlinked(measure: str) -> None:
    figures = PublishedFigures([figure("linked", None, 1000), figure("local_numbers", None), figure(measure, 400)], RULES.disclosure)
    assert figures.match_rate(CARE).value == 0.986  # type: ignore[union-attr]
    assert PublishedFigures([figure("linked", None, 1000), figure(measure, 10)], RULES.disclosure).match_rate(CARE) is None


def test_links_hidden_by_secondary_suppression_are_derived_from_unlinked_records() -> None:
    figures = PublishedFigures([figure("linked", None, 1000), figure("not_matched", 100, 1000)], RULES.disclosure, {("linked", CARE): None})
    assert figures.match_rate(CARE).value == 0.9  # type: ignore[union-attr]


def test_all_links_are_taken_as_links_on_demographics_where_many_may_be() -> None:
    rows = (figure("linked", 1000, 1200), figure("linked_on_demographics", None, 1000), figure("holdout_missed", 100, 1000), figure("holdout_wrong", 18, 900))
    precision, recall = estimate_precision_and_recall(PublishedFigures(rows, RULES.disclosure, {("linked_on_demographics", CARE): None}), CARE)
    assert (precision.value, precision.basis) == (pytest.approx(0.98), "bounded")  # type: ignore[union-attr]
    assert (recall.value, recall.basis) == (pytest.approx(0.9), "bounded")  # type: ignore[union-attr]


def duplicates(shared_numbers: int | None, links: int | None = 200, register: int = 1_000, people: int | None = 190) -> Any:
    """Estimate precision by the duplicate method from so many local numbers that share a person."""
    rows = [figure("people", register, area="gp_registrations"), figure("local_numbers", links), figure("people_linked", people)]
    return estimate_precision_by_duplicates(PublishedFigures([*rows, figure("one_person_many_numbers", shared_numbers, links)], RULES.disclosure), CARE)


def test_a_second_number_of_one_person_shows_how_many_links_are_wrong() -> None:
    # Ten of 200 numbers share a person, so five are a second one. 190 people of 1,000 are linked, so 5 x 1,000 / 190 links are wrong.
    estimate = duplicates(10)
    assert estimate.value == pytest.approx(1 - 5 * 1_000 / 190 / 200)
    assert estimate.lower < estimate.value < estimate.upper
    assert estimate.basis == "estimated"
    assert duplicates(0).value == 1.0 > duplicates(0).lower


def test_the_duplicate_method_returns_not_known_without_evidence() -> None:
    assert duplicates(10, links=None) is None
    assert duplicates(150) is None, "more than wrong links by chance could explain"
    assert duplicates(None, register=200).basis == "bounded"
    summary_rows = summarise_linkage([figure("linked", 900, 1_000, area) for area in (CARE, STAYS, ALL_SOURCES)], QUALITY, RULES.disclosure)
    assert {row["basis"] for row in summary_rows if row["measure"] == "precision_by_duplicates"} == {"not known"}


@pytest.mark.parametrize(("linked", "light"), [(9543, "green"), (9542, "amber"), (9500, "amber"), (9059, "amber"), (9058, "red"), (None, "not known")])
def test_a_light_follows_the_lower_end_of_the_interval(linked: int | None, light: str) -> None:
    assert light == "not known" or wilson_interval(linked or 0, 10_000)[0] >= {"green": 0.95, "amber": 0.9, "red": 0}[light]
    summary_rows = summarise_linkage([figure("linked", linked, 10_000, area) for area in (CARE, ALL_SOURCES)], QUALITY, RULES.disclosure)
    assert {row["light"] for row in summary_rows if row["measure"] == "match_rate"} == {light}

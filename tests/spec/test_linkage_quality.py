"""Who is matched, what can hardly be right, whom the unlinked are, and what error is estimated to be, drawn as small tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import CONTACTS, SPELLS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.contacts import contacts
from bcf_linkage.published.linkage_quality.assessment import Figures, by_duplicates, precision_and_recall, summary, wilson
from bcf_linkage.published.linkage_quality.differences import differences, means, people_by_group, people_measured
from bcf_linkage.published.linkage_quality.flow import coverage, months_seen
from bcf_linkage.published.linkage_quality.implausible import implausible
from bcf_linkage.published.linkage_quality.match import matches, told_together
from bcf_linkage.published.linkage_quality.relations import within
from bcf_linkage.published.linkage_quality.sensitivity import sensitivity
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, TALLY, exact
from bcf_linkage.published.linkage_quality.views import linkage_quality
from tests.made_frames import as_released, collected, extract, lazy, published_before, rows_of, table

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
QUALITY, YEAR = RULES.linkage, year_to(AS_AT)
OUR_PRACTICE = "J82001"
UNLINKED = {"place": "unlinked", "trace_reason": "number_missing"}
CARE, STAYS = "adult_social_care", "hospital_admissions"


def matched(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """Tallies of matches by measure, kind of group and group, of one source."""
    told = matches(told_together({CARE: lazy(extract(CARE, rows))}, QUALITY, RULES.bands.ages, (OUR_PRACTICE,)), QUALITY)
    return {(measure, kind, group): count for measure, kind, group, count in rows_of(told, "measure", "group_type", "group", "count")}


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
def test_a_record_is_matched_in_the_group_that_it_tells_itself(row: dict[str, Any], kind: str, group: str) -> None:
    told = matched([{"person": "a", **row}, {"person": "b", **row, **UNLINKED}, {"person": "c", **row, "place": "seen, not registered"}])
    assert told["rows_traced", kind, group] == 3
    assert told["linked", kind, group] == 1


def test_a_record_that_names_one_of_our_practices_ought_to_be_found() -> None:
    told = matched([{"gp_practice_code": OUR_PRACTICE}, {"gp_practice_code": OUR_PRACTICE, **UNLINKED}, {"gp_practice_code": "A81001"}])
    assert told["positive_control", "all", "all"] == 2
    assert told["positive_control_missed", "all", "all"] == 1


def test_a_group_is_held_against_its_source() -> None:
    rows = [{"person": f"w{n}", "gender": "2"} for n in range(400)] + [{"person": f"m{n}", "gender": "1", **(UNLINKED if n < 100 else {})} for n in range(400)]
    tallies = exact([matches(told_together({CARE: lazy(extract(CARE, rows))}, QUALITY, RULES.bands.ages, ()), QUALITY), _whole(rows)], QUALITY, YEAR)
    told = collected(linkage_quality(as_released(tallies), published_before(("linked", CARE, "sex", "Male", 80.25)), QUALITY))
    of = {(r["area_code"], r["group"]): r for r in told.filter(pl.col("group_type") == "sex").to_dicts()}
    for area in (CARE, EVERYWHERE):
        assert (of[area, "Male"]["value"], of[area, "Male"]["reference"], of[area, "Male"]["gap"], of[area, "Male"]["stands_out"]) == (75.0, 87.5, -12.5, True)
        assert (of[area, "Female"]["gap"], of[area, "Female"]["stands_out"]) == (12.5, True)
    # And against the run before, where it published the same figure.
    assert [(of[CARE, sex]["before"], of[CARE, sex]["change"]) for sex in ("Male", "Female")] == [(80.25, -5.25), (None, None)]


def _whole(rows: list[dict[str, Any]]) -> Any:
    linked = sum("place" not in row for row in rows)
    counts = {"rows_traced": len(rows), "linked": linked, "not_matched": len(rows) - linked, "unlinked": len(rows) - linked}
    keyed = [{"measure": m, "area_code": CARE, "group_type": "all", "group": "all", "count": n} for m, n in counts.items()]
    return lazy(pl.DataFrame(keyed))


NO_PLACEMENTS = pl.DataFrame(schema={"person": pl.String, "first_day": pl.Date, "last_day": pl.Date})

REGISTER = [
    {"person": "gone", "sex": "1", "birth_month": "1930-01", "date_of_death": date(2014, 3, 1)},
    {"person": "there", "sex": "2", "birth_month": "1964-05"},
    {"person": "torn", "sex": "1", "birth_month": "1964-05"},
    {"person": "torn", "sex": "2", "birth_month": "1964-06"},
    {"person": "unsure", "sex": "1", "birth_month": "1950-01", "place": "unlinked"},
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
        ({"person": "there", "sex": "1", "place": "unlinked"}, set()),
    ],
)
def test_links_that_can_hardly_be_right(record: dict[str, Any], found: set[str]) -> None:
    admission = {"start_date_hospital_provider_spell": record.pop("day", date(2014, 1, 1)), **record}
    received = {"gp_registrations": lazy(extract("gp_registrations", REGISTER)), "hospital_admissions": lazy(extract("hospital_admissions", [admission]))}
    told = implausible(received, contacts(received), lazy(table(SPELLS, [])), lazy(NO_PLACEMENTS), QUALITY)
    assert {measure for measure, count in rows_of(told, "measure", "count") if count} == found


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
def test_two_beds_at_once(stays: list[tuple[int, int | None]], overlaps: int) -> None:
    days = [{"start_date_hospital_provider_spell": date(2014, 1, a), "discharge_date_from_hospital_provider_spell": b and date(2014, 1, b)} for a, b in stays]
    spells = table(SPELLS, ({"person": "there", "nights": 3, "hospital_provider_spell_number": f"s{n}", **stay} for n, stay in enumerate(days)))
    received = {"gp_registrations": lazy(extract("gp_registrations", REGISTER))}
    counts = dict(rows_of(implausible(received, contacts(received), lazy(spells), lazy(NO_PLACEMENTS), QUALITY), "measure", "count"))
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
def test_in_two_hospitals_at_once(stays: list[tuple[str, int, int | None]], elsewhere: int) -> None:
    counts = tallied_stays([(provider, date(2014, 1, a), b and date(2014, 1, b)) for provider, a, b in stays], [])
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
def test_cared_for_at_home_and_long_in_hospital(first: date, last: date, service: tuple[date, date | None], long: int, covered: int) -> None:
    home = {"person": "there", "service_component": "Home support or domiciliary care", "event_start_date": service[0], "event_end_date": service[1]}
    other = {**home, "service_component": "Meals"}
    for care, found in (([home, home], covered), ([other], 0), ([{**home, "person": "gone"}], 0), ([{**home, **UNLINKED}], 0)):
        counts = tallied_stays([("RHM01", first, last)], care)
        assert (counts["long_stays_linked"], counts["home_care_in_long_stays"]) == (long, found)


def tallied_stays(stays: list[tuple[str, date, date | None]], care: list[dict[str, Any]], placements: pl.DataFrame | None = None) -> dict[str, int]:
    """Tallies of stays of one linked person: provider, first day, last day."""
    days = ("organisation_code_code_of_provider", "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell")
    told = [{"person": "there", "nights": 3, "hospital_provider_spell_number": f"s{n}", **dict(zip(days, s, strict=True))} for n, s in enumerate(stays)]
    received = {"gp_registrations": lazy(extract("gp_registrations", REGISTER)), CARE: lazy(extract(CARE, care))}
    homes = lazy(NO_PLACEMENTS if placements is None else placements)
    return dict(rows_of(implausible(received, contacts(received), lazy(table(SPELLS, told)), homes, QUALITY), "measure", "count"))


def test_in_two_care_homes_at_once() -> None:
    days = [("there", 1, 9), ("there", 9, 12), ("there", 11, 20), ("gone", 1, 9), ("unsure", 1, 9), ("unsure", 2, 9)]
    placements = pl.DataFrame([(who, date(2014, 1, a), date(2014, 1, b)) for who, a, b in days], NO_PLACEMENTS.schema, orient="row")
    counts = tallied_stays([], [], placements)
    assert (counts["placements_linked"], counts["two_homes"]) == (4, 1)


def test_status_supplied_against_status_derived() -> None:
    codes = [("01", "01"), ("01", "01"), ("01", "04"), (None, "01"), ("07", "07")]
    rows = [{"person": f"p{n}", "nhs_number_trace_status": supplied, "nhs_number_status_derived": derived} for n, (supplied, derived) in enumerate(codes)]
    received = {"outpatients": lazy(extract("outpatients", rows)), CARE: lazy(extract(CARE, [{"person": "a"}]))}
    told = matches(told_together(received, QUALITY, RULES.bands.ages, ()), QUALITY)
    found = {(area, group): n for measure, area, group, n in rows_of(told, "measure", "area_code", "group", "count") if measure == "number_status"}
    cells = {"01 supplied, derived 01": 2, "01 supplied, derived 04": 1, "none supplied, derived 01": 1, "07 supplied, derived 07": 1}
    assert found == {("outpatients", group): n for group, n in cells.items()}


def test_what_the_statuses_tell_of_reasons_is_reckoned_with() -> None:
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
    rows = [{"measure": m, "area_code": STAYS, "group_type": k, "group": g, "node": f"{m} {g}", "count": n} for (m, k, g), n in counted.items()]
    count = {row["node"]: row["count"] for row in rows}
    told = {(whole, frozenset(parts)): count[whole] - sum(count[part] for part in parts) for whole, parts in within(rows, QUALITY)}
    linked, conflict, kept = (f"number_status {one}" for one in ("01 supplied, derived 01", "01 supplied, derived 05", "07 supplied, derived 07"))
    other_reasons = {"unlinked birth_date_conflict", "unlinked number_missing"}
    assert told["rows_traced all", frozenset({linked, conflict, kept})] == 0
    assert told["rows_traced all", frozenset({linked, *other_reasons})] == 0
    assert told["rows_traced all", frozenset({conflict, "linked cross_check", "unlinked number_missing"})] == 0
    # A supplier's word stands in place of what was derived, for so many of the records without a number.
    assert told["rows_traced all", frozenset({"linked cross_check", "unlinked birth_date_conflict"})] == count[kept]
    assert told["number_missing all", frozenset({kept})] == 1
    assert told["unlinked all", frozenset({kept})] == 2


def test_what_kinds_of_event_tell_of_kinds_of_service_is_reckoned_with() -> None:
    home, meals, none = "Long term support: Nursing care", "Long term support: Community", "Not a service"
    counted = {
        ("linked", "all", "all"): 60,
        ("linked", "event_type", "Service"): 25,
        ("linked", "event_type", "Review"): 35,
        ("placements_linked", "all", "all"): 8,
    }
    counted |= {("linked", "service_type", kind): n for kind, n in ((home, 10), (meals, 15), (none, 35))}
    rows = [{"measure": m, "area_code": CARE, "group_type": k, "group": g, "node": f"{m} {g}", "count": n} for (m, k, g), n in counted.items()]
    bound = [(whole, set(parts)) for whole, parts in within(rows, QUALITY)]
    assert ("linked all", {f"linked {none}", "linked Service"}) in bound
    assert ("linked all", {"placements_linked all", f"linked {meals}", f"linked {none}"}) in bound


def test_the_hold_out_is_told_by_group_of_all_sources_together_alone() -> None:
    cells = [("holdout", kind, group, n) for kind, group, n in (("all", "all", 100), ("sex", "Male", 60), ("sex", "Female", 40))]
    cells += [("holdout_missed", kind, group, n) for kind, group, n in (("all", "all", 20), ("sex", "Male", 10), ("sex", "Female", 10))]
    rows = [(measure, area, kind, group, n) for area in (CARE, STAYS) for measure, kind, group, n in cells]
    tree = collected(exact([lazy(pl.DataFrame(rows, list(TALLY), orient="row"))], QUALITY, YEAR))
    grouped = tree.filter(pl.col("group_type") == "sex")
    assert set(grouped["area_code"]) == {EVERYWHERE}
    assert dict(grouped.filter(pl.col("measure") == "holdout_missed").select("group", "count").iter_rows()) == {"Male": 20, "Female": 20}
    node = {(r["measure"], r["area_code"], r["group"]): r["node"] for r in tree.to_dicts()}
    bound = [(whole, set(parts)) for whole, parts in within(tree.to_dicts(), QUALITY)]
    assert (node["holdout", EVERYWHERE, "all"], {node["holdout", EVERYWHERE, sex] for sex in ("Male", "Female")}) in bound


def test_months_are_covered_by_enough_people_that_none_gives_the_month() -> None:
    seen = [(f"p{n}", date(2014, 1 + n, 2), date(2014, 1 + n, 28)) for n in range(5)]
    rows = [{"person": who, "extract": CARE, "first_day": first, "last_day": last} for who, first, last in seen]
    people = lazy(table(CONTACTS, [*rows, {**rows[0], "place": "linked"}, {"person": "x", "extract": STAYS, "first_day": seen[0][1], "last_day": seen[0][1]}]))
    assert rows_of(coverage(months_seen(people), 2), "extract", "first_month", "last_month") == [(CARE, "2014-02", "2014-04")]


def test_linked_and_unlinked_people_side_by_side() -> None:
    rows = [{"person": f"l{n}", "gender": "12"[n % 2], "age": 40 + n % 2 * 20} for n in range(200)]
    rows += [{"person": f"u{n}", "gender": "2", "age": 70, **UNLINKED} for n in range(100)]
    rows += [{"person": "l0", "gender": "1", "age": 40}, {"person": "elsewhere", "gender": "1", "age": 20, "place": "seen, not registered"}]
    seen_people = contacts({CARE: lazy(extract(CARE, rows))})
    spent = lazy(pl.DataFrame({"person": ["l1", "u1"], "setting": [CARE, CARE], "cost": [100.4, 50.0]}))
    seen = pl.DataFrame(
        [{"measure": m, "area_code": CARE, "group_type": "all", "group": "all", "count": n} for m, n in (("people", 301), ("people_linked", 200))]
    )
    sums = lazy(collected(means(seen_people, spent)))
    shown = as_released(exact([people_by_group(seen_people, QUALITY, RULES.bands.ages), people_measured(sums), lazy(seen)], QUALITY, YEAR))
    told = {(r["characteristic"], r["group"]): r for r in collected(differences(shown, sums, QUALITY, 8)).to_dicts()}
    age = told["age", "all"]
    assert (age["linked_people"], age["unlinked_people"], age["linked"], age["unlinked"]) == (200, 100, 50.0, 70.0)
    assert age["difference"] == round((50 - 70) / ((10**2 + 0) / 2) ** 0.5, 2)
    assert age["stands_out"]
    # By group too: of the linked half are women, of the unlinked all, so that the others are none.
    women = told["sex", "Female"]
    assert (women["linked"], women["unlinked"]) == (50.0, 100.0)
    assert women["difference"] == round(-0.5 / (0.25 / 2) ** 0.5, 2)
    assert told["records", "all"]["linked"] == 1.0
    assert told["pounds", "all"]["linked"] == 0.5


def test_nothing_is_compared_of_a_few() -> None:
    rows = [{"person": f"l{n}", "gender": "1", "age": 50} for n in range(200)] + [{"person": f"u{n}", "gender": "1", "age": 20, **UNLINKED} for n in range(7)]
    seen_people = contacts({CARE: lazy(extract(CARE, rows))})
    spent = lazy(pl.DataFrame({"person": ["l1"], "setting": [CARE], "cost": [1.0]}))
    sums = lazy(collected(means(seen_people, spent)))
    shown = as_released(exact([people_by_group(seen_people, QUALITY, RULES.bands.ages), people_measured(sums)], QUALITY, YEAR))
    told = collected(differences(shown, sums, QUALITY, 8))
    assert told.height
    assert set(told["status"]) == {"suppressed"}
    assert told.select("unlinked", "difference", "unlinked_people").null_count().row(0) == (told.height,) * 3


def test_what_a_cohort_moves_by_is_told_from_rounded_numbers() -> None:
    words = {"measure_name": "m", "area_type": "locality", "area_code": "10X", "group_type": "all", "period_start": YEAR.start, "period_end": YEAR.end}

    def counted(**people: int | None) -> Any:
        return lazy(pl.DataFrame([{**words, "measure": m, "numerator": n} for m, n in people.items()], schema_overrides={"numerator": pl.Int64}))

    cohorts = {("default", "t"): counted(a=200, b=None, c=0), ("strict", "t"): counted(a=190, b=10, c=0)}
    told = rows_of(sensitivity(cohorts), "measure", "rule", "people", "moved", "moved_percent", "status")
    assert sorted(told, key=str) == sorted(
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
    """A published row of a whole source; a null numerator is suppressed."""
    unit = QUALITY.by_code[measure].unit
    scale = {"percent": 100, "per 10,000": 10_000, "count": 1}[unit]
    known = numerator is not None and denominator
    lower, upper = wilson(numerator, denominator) if known else (0, 0)  # type: ignore[arg-type]
    return {
        "measure": measure, "area_code": area, "group_type": "all", "group": "all", "unit": unit, "numerator": numerator, "denominator": denominator,
        "value": scale * numerator / denominator if known else None, "lower": scale * lower, "upper": scale * upper,  # type: ignore[operator]
        "status": "shown" if numerator is not None else "suppressed",
    }  # fmt: skip


def estimates(*rows: dict[str, Any]) -> tuple[Any, Any]:
    return precision_and_recall(Figures(rows, RULES.disclosure), CARE)


def test_error_is_estimated_from_what_is_known_to_be_right() -> None:
    # 200 of 1000 links rest on demographics; with the number hidden, 10% are missed and 2% of links are wrong.
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


def test_a_hidden_error_is_taken_to_be_the_worst_that_it_may_be() -> None:
    precision, recall = estimates(
        figure("linked", 1000, 1200),
        figure("linked_on_demographics", 200, 1000),
        figure("holdout_missed", None, 1000),
        figure("holdout_wrong", None, 1000),
    )
    assert precision.value == pytest.approx(1 - 200 * 0.014 / 1000)
    assert precision.basis == recall.basis == "bounded"
    assert precision.lower < precision.value


def test_nothing_is_made_up_where_nothing_tells() -> None:
    precision, recall = estimates(figure("linked", 1000, 1200), figure("linked_on_demographics", 0, 1000), figure("holdout_missed", 1000, 1000))
    assert precision.value == 1.0
    assert recall is None
    assert estimates(figure("linked", None, 1200)) == (None, None)


def test_so_few_unlinked_that_they_are_hidden_are_taken_to_be_as_many_as_they_may_be() -> None:
    rows = [figure(measure, number, of, area) for area in (CARE, EVERYWHERE) for measure, number, of in (("linked", None, 1000), ("local_numbers", 400, None))]
    told = next(row for row in summary(rows, QUALITY, RULES.disclosure) if row["measure"] == "match_rate")
    assert (told["value"], told["basis"]) == (98.6, "bounded")
    assert told["lower"] < 98.6 < told["upper"] < 100


@pytest.mark.parametrize("told", ["local_numbers", "people_linked", "holdout"])
def test_whatever_tells_that_most_are_linked_lets_the_rest_be_few(told: str) -> None:
    figures = Figures([figure("linked", None, 1000), figure("local_numbers", None), figure(told, 400)], RULES.disclosure)
    assert figures.matched(CARE).value == 0.986  # type: ignore[union-attr]
    assert Figures([figure("linked", None, 1000), figure(told, 10)], RULES.disclosure).matched(CARE) is None


def test_links_that_are_hidden_for_company_are_told_by_those_that_are_not_made() -> None:
    figures = Figures([figure("linked", None, 1000), figure("not_matched", 100, 1000)], RULES.disclosure, {("linked", CARE): None})
    assert figures.matched(CARE).value == 0.9  # type: ignore[union-attr]


def test_where_many_links_may_rest_on_demographics_all_are_taken_to() -> None:
    rows = (figure("linked", 1000, 1200), figure("linked_on_demographics", None, 1000), figure("holdout_missed", 100, 1000), figure("holdout_wrong", 18, 900))
    precision, recall = precision_and_recall(Figures(rows, RULES.disclosure, {("linked_on_demographics", CARE): None}), CARE)
    assert (precision.value, precision.basis) == (pytest.approx(0.98), "bounded")  # type: ignore[union-attr]
    assert (recall.value, recall.basis) == (pytest.approx(0.9), "bounded")  # type: ignore[union-attr]


def duplicates(twice: int | None, links: int | None = 200, register: int = 1_000, people: int | None = 190) -> Any:
    rows = [figure("people", register, area="gp_registrations"), figure("local_numbers", links), figure("people_linked", people)]
    return by_duplicates(Figures([*rows, figure("one_person_many_numbers", twice, links)], RULES.disclosure), CARE)


def test_a_second_number_of_one_person_shows_how_many_links_are_wrong() -> None:
    # Ten of 200 numbers share a person, so five are a second one; 190 of 1,000 are linked, so that 5 x 1,000 / 190 are wrong.
    told = duplicates(10)
    assert told.value == pytest.approx(1 - 5 * 1_000 / 190 / 200)
    assert told.lower < told.value < told.upper
    assert told.basis == "estimated"
    assert duplicates(0).value == 1.0 > duplicates(0).lower


def test_the_duplicate_method_says_where_it_does_not_know() -> None:
    assert duplicates(10, links=None) is None
    assert duplicates(150) is None, "more than chance links could be"
    assert duplicates(None, register=200).basis == "bounded"
    told = summary([figure("linked", 900, 1_000, area) for area in (CARE, STAYS, EVERYWHERE)], QUALITY, RULES.disclosure)
    assert {row["basis"] for row in told if row["measure"] == "precision_by_duplicates"} == {"not known"}


@pytest.mark.parametrize(("linked", "light"), [(9543, "green"), (9542, "amber"), (9500, "amber"), (9059, "amber"), (9058, "red"), (None, "not known")])
def test_a_light_follows_the_lower_end_of_the_interval(linked: int | None, light: str) -> None:
    assert light == "not known" or wilson(linked or 0, 10_000)[0] >= {"green": 0.95, "amber": 0.9, "red": 0}[light]
    told = summary([figure("linked", linked, 10_000, area) for area in (CARE, EVERYWHERE)], QUALITY, RULES.disclosure)
    assert {row["light"] for row in told if row["measure"] == "match_rate"} == {light}

"""Who is matched, what can hardly be right, whom the unlinked are, and what error is estimated to be, drawn as small tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import SPELLS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.contacts import contacts
from bcf_linkage.published.linkage_quality.assessment import Figures, precision_and_recall, summary, wilson
from bcf_linkage.published.linkage_quality.differences import differences, means, people_by_group, people_measured
from bcf_linkage.published.linkage_quality.implausible import implausible
from bcf_linkage.published.linkage_quality.match import matches, told_together
from bcf_linkage.published.linkage_quality.sensitivity import sensitivity
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, exact
from bcf_linkage.published.linkage_quality.views import linkage_quality
from tests.made_frames import as_released, collected, extract, lazy, rows_of, table

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
QUALITY, YEAR = RULES.linkage, year_to(AS_AT)
OUR_PRACTICE = "J82001"
UNLINKED = {"place": "unlinked", "trace_reason": "number_missing"}
CARE = "adult_social_care"


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
    told = collected(linkage_quality(as_released(tallies), QUALITY))
    of = {(r["area_code"], r["group"]): r for r in told.filter(pl.col("group_type") == "sex").to_dicts()}
    for area in (CARE, EVERYWHERE):
        assert (of[area, "Male"]["value"], of[area, "Male"]["reference"], of[area, "Male"]["gap"], of[area, "Male"]["stands_out"]) == (75.0, 87.5, -12.5, True)
        assert (of[area, "Female"]["gap"], of[area, "Female"]["stands_out"]) == (12.5, True)


def _whole(rows: list[dict[str, Any]]) -> Any:
    linked = sum("place" not in row for row in rows)
    counts = {"rows_traced": len(rows), "linked": linked, "not_matched": len(rows) - linked, "unlinked": len(rows) - linked}
    keyed = [{"measure": m, "area_code": CARE, "group_type": "all", "group": "all", "count": n} for m, n in counts.items()]
    return lazy(pl.DataFrame(keyed))


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
    told = implausible(received, contacts(received), lazy(table(SPELLS, [])), QUALITY)
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
    told = implausible(received, contacts(received), lazy(spells), QUALITY)
    assert dict(rows_of(told, "measure", "count")) == {"stays_linked": len(stays), "overlapping_stays": overlaps}


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


@pytest.mark.parametrize(("linked", "light"), [(9543, "green"), (9542, "amber"), (9500, "amber"), (9059, "amber"), (9058, "red"), (None, "not known")])
def test_a_light_follows_the_lower_end_of_the_interval(linked: int | None, light: str) -> None:
    assert light == "not known" or wilson(linked or 0, 10_000)[0] >= {"green": 0.95, "amber": 0.9, "red": 0}[light]
    told = summary([figure("linked", linked, 10_000, area) for area in (CARE, EVERYWHERE)], QUALITY, RULES.disclosure)
    assert {row["light"] for row in told if row["measure"] == "match_rate"} == {light}

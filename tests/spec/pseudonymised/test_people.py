"""One row per person, and the population of each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bcf_linkage.definitions.pseudonymised_tables import CONTACTS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.contacts import REGISTER, build_contacts
from bcf_linkage.pseudonymised.extracts import Extracts, add_missing_extracts
from bcf_linkage.pseudonymised.people import build_people
from bcf_linkage.published.linkage_quality.flow import tally_people_seen
from tests.frame_builder import build_received_extract, build_received_extracts, collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
AGES = Rulebook.build(AS_AT).bands.ages
SEEN = [{"person": "p", "arrival_date": date(2014, 3, 1)}]


def people_of(every: Extracts) -> Any:
    return build_people(every[REGISTER], build_contacts(every), AS_AT, AGES)


def populations(**extracts: Any) -> list[tuple[Any, ...]]:
    return sorted_rows(people_of(build_received_extracts(**extracts)), "person", "population", "practice_code")


@pytest.mark.parametrize(
    ("start", "end", "death", "registered", "why"),
    [
        (date(2000, 1, 1), None, None, True, "no end"),
        (AS_AT, None, None, True, "begins on the as-at date"),
        (date(2014, 10, 1), None, None, False, "begins the day after"),
        (date(2000, 1, 1), AS_AT, None, True, "ends on the as-at date, its last day"),
        (date(2000, 1, 1), date(2014, 9, 29), None, False, "ended the day before"),
        (date(2000, 1, 1), None, AS_AT, False, "died on the as-at date"),
        (date(2000, 1, 1), None, date(2014, 10, 1), True, "died the day after"),
        (date(2000, 1, 1), date(2014, 10, 1), date(2013, 1, 1), False, "died long ago, never taken off the list"),
    ],
)
def test_who_is_registered_on_the_as_at_date(start: date, end: date | None, death: date | None, registered: bool, why: str) -> None:
    registration = {"person": "p", "registration_start_date": start, "registration_end_date": end, "date_of_death": death}
    expected = ("p", "registered", "J82001") if registered else ("p", "not registered", None)
    assert populations(gp_registrations=[registration], emergency_care=SEEN) == [expected], why
    assert populations(gp_registrations=[registration]) == ([expected] if registered else []), (
        "a person without a record in another extract is not in the table"
    )


def test_of_several_registrations_the_latest_counts_then_the_practice_code() -> None:
    rows = [
        {"person": "moved", "practice_code": "J82009", "registration_start_date": date(2001, 1, 1)},
        {"person": "moved", "practice_code": "J82002", "registration_start_date": date(2012, 1, 1)},
        {"person": "twice", "practice_code": "J82009"},
        {"person": "twice", "practice_code": "J82003"},
    ]
    expected = [("moved", "registered", "J82002"), ("twice", "registered", "J82003")]
    assert populations(gp_registrations=rows) == expected
    assert populations(gp_registrations=rows[::-1]) == expected


def test_who_is_seen_and_not_registered_and_who_is_untraced() -> None:
    rows = {
        "gp_registrations": [
            {"person": "known"},
            {"person": "unverified", "outcome": "unlinked"},
            {"person": "left", "outcome": "unlinked", "date_of_death": AS_AT},
        ],
        "outpatients": [{"person": "visitor", "outcome": "seen, not registered", "appointment_date": AS_AT}, {"person": "known", "appointment_date": AS_AT}],
        "adult_social_care": [{"person": "nameless", "outcome": "unlinked", "event_start_date": AS_AT}],
    }
    assert populations(**rows) == [
        ("known", "registered", "J82001"),
        ("nameless", "untraced", None),
        ("unverified", "untraced", None),
        ("visitor", "not registered", None),
    ]


def test_what_is_known_of_a_person_who_is_not_registered_comes_from_the_latest_record_that_tells() -> None:
    at_hospital = {"person": "p", "sex": "1", "ethnic_group": "A", "lsoa": "E01", "age": 40}
    rows = {
        "emergency_care": [
            {**at_hospital, "arrival_date": date(2013, 1, 1), "lsoa": "E01"},
            {**at_hospital, "arrival_date": date(2014, 1, 1), "lsoa": "E02", "deprivation_quintile": 3},
            {**at_hospital, "arrival_date": date(2014, 2, 1), "lsoa": None},
        ],
        "gp_events": [{"person": "p", "event_date": date(2014, 9, 1), "age": 41}],
    }
    given = people_of(build_received_extracts(**rows))
    columns = ("population", "sex", "ethnic_category", "age", "lsoa", "deprivation_quintile", "named_gp", "residential_institute")
    assert sorted_rows(given, *columns) == [("not registered", "1", "A", 40, "E02", 3, False, None)]


def test_who_left_is_described_by_the_register_even_if_only_the_practice_saw_them() -> None:
    left = {"person": "p", "registration_end_date": date(2014, 1, 1), "sex": "2", "lsoa": "E07", "ethnicity": "B"}
    given = people_of(build_received_extracts(gp_registrations=[left], gp_events=[{"person": "p", "event_date": date(2013, 9, 1)}]))
    assert sorted_rows(given, "population", "sex", "ethnic_category", "lsoa") == [("not registered", "2", "B", "E07")]


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "00-17"),
        (17, "00-17"),
        (18, "18-64"),
        (64, "18-64"),
        (65, "65-74"),
        (74, "65-74"),
        (75, "75-84"),
        (84, "75-84"),
        (85, "85+"),
        (110, "85+"),
        (None, None),
    ],
)
def test_age_bands(age: int | None, band: str | None) -> None:
    assert sorted_rows(people_of(build_received_extracts(gp_registrations=[{"person": "p", "age": age}])), "age_band") == [(band,)]


def test_the_register_names_an_accountable_gp_or_not() -> None:
    rows = [{"person": "a", "named_accountable_gp": "G1234567"}, {"person": "b"}]
    assert sorted_rows(people_of(build_received_extracts(gp_registrations=rows)), "person", "named_gp") == [("a", True), ("b", False)]


def test_an_extract_that_is_not_shared_has_no_rows_and_every_column() -> None:
    every = add_missing_extracts({"gp_registrations": lazy(build_received_extract("gp_registrations", [{"person": "p"}]))})
    for name, frame in build_received_extracts().items():
        expected = collect(frame)
        assert collect(every[name]).schema == expected.schema
        assert collect(every[name]).height == (name == "gp_registrations")


def test_sightings_count_each_pseudonym_once_in_each_extract() -> None:
    rows = {
        "gp_registrations": [{"person": "a"}, {"person": "a"}],
        "outpatients": [{"person": "a"}, {"person": "b", "outcome": "unlinked"}, {"person": "c", "outcome": "seen, not registered"}],
    }
    seen = {name: frame for name, frame in build_received_extracts(**rows).items() if name in rows}
    assert sorted_rows(tally_people_seen(build_contacts(seen)), "area_code", "measure", "count") == [
        ("gp_registrations", "people", 1),
        ("gp_registrations", "people_linked", 1),
        ("outpatients", "people", 3),
        ("outpatients", "people_linked", 1),
    ]


def test_a_contact_has_the_number_of_records_their_days_and_their_characteristics() -> None:
    details = {"person": "p", "age": 40, "birth_month": "1974-02", "sex": "1", "ethnic_group": "A", "lsoa": "E01", "deprivation_quintile": 2}
    rows = [{**details, "arrival_date": date(2014, month, 1)} for month in (5, 3, 4)]
    rows += [{**details, "arrival_date": date(2014, 1, 1), "lsoa": "E02"}, {**details, "arrival_date": date(2014, 2, 1), "outcome": "unlinked"}]
    given = build_contacts({"emergency_care": lazy(build_received_extract("emergency_care", rows))})
    assert collect(given).columns == list(CONTACTS.names)
    assert sorted_rows(given, "outcome", "lsoa", "first_day", "last_day", "records", "residence") == [
        ("linked", "E01", date(2014, 3, 1), date(2014, 5, 1), 3, None),
        ("linked", "E02", date(2014, 1, 1), date(2014, 1, 1), 1, None),
        ("unlinked", "E01", date(2014, 2, 1), date(2014, 2, 1), 1, None),
    ]

"""Whatever rows come, in whatever order: nobody is lost, nobody counts twice, and everybody has one place."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.periods import window_to, year_to
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY, CARE, PEOPLE, STRATA
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.activity import activity
from bcf_linkage.pseudonymised.bands import equal_cost
from bcf_linkage.pseudonymised.care import care
from bcf_linkage.pseudonymised.contacts import REGISTER, contacts
from bcf_linkage.pseudonymised.costs import costs
from bcf_linkage.pseudonymised.link import people
from bcf_linkage.pseudonymised.spells import spells
from bcf_linkage.pseudonymised.strata import strata
from tests.made_frames import collected, lazy, received

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)

PERSONS = st.sampled_from("abcdef")
DAYS = st.integers(-800, 0).map(lambda back: AS_AT + timedelta(days=back))
MAYBE_DAYS = st.none() | DAYS
SEXES = st.sampled_from(["1", "2", None])
PLACES = {"a": "linked", "b": "linked", "c": "linked", "d": "linked", "e": "seen, not registered", "f": "unlinked"}


def placed(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of people who are always found in the same place."""
    row = st.fixed_dictionaries({"person": PERSONS, **columns})
    return st.lists(row.map(lambda r: {**r, "place": PLACES[r["person"]]}), max_size=12)


REGISTRATIONS = placed(
    practice_code=st.sampled_from(["J82001", "J82002"]),
    registration_start_date=DAYS,
    registration_end_date=MAYBE_DAYS,
    date_of_death=MAYBE_DAYS,
    sex=SEXES,
    age=st.sampled_from([10, 40, 80]),
)
ATTENDANCES = placed(
    arrival_date=DAYS, sex=SEXES, lsoa=st.sampled_from(["E01", None]), ae_department_type=st.just("01"), ae_attendance_disposal=st.sampled_from(["01", "02"])
)
EVENTS = placed(
    event_date=DAYS,
    event_type=st.sampled_from(["consultation", "medication", "process", "diagnosis"]),
    code=st.sampled_from(["8CV4.", "8CT2.", "8CSB.", "G20..", "C10F.", "02.05"]),
    consultation_mode=st.sampled_from(["nurse", None]),
    value=st.sampled_from([None, 0.1, 0.2, 0.7, 3.0]),
)
STAYS = placed(
    hospital_provider_spell_number=st.sampled_from(["s1", "s2", "s3"]),
    episode_number=st.integers(1, 2),
    patient_classification=st.sampled_from(["1", "2"]),
    admission_method_hospital_provider_spell=st.sampled_from(["11", "21"]),
    start_date_hospital_provider_spell=DAYS,
    discharge_date_from_hospital_provider_spell=MAYBE_DAYS,
)
SERVICES = placed(
    event_type=st.just("Service"),
    client_type=st.just("Service user"),
    event_start_date=DAYS,
    event_end_date=MAYBE_DAYS,
    unit_cost=st.sampled_from([0.1, 33.33, 70.0]),
    cost_frequency_unit_type=st.sampled_from(["Weekly", "Monthly", "One-off"]),
)
LOCALITY = st.fixed_dictionaries(
    {"gp_registrations": REGISTRATIONS, "emergency_care": ATTENDANCES, "gp_events": EVENTS, "hospital_admissions": STAYS, "adult_social_care": SERVICES}
)


def worked_out(rows: dict[str, list[dict[str, Any]]]) -> dict[str, pl.DataFrame]:
    every = received(**rows)
    persons = lazy(collected(people(every[REGISTER], contacts(every), AS_AT, RULES.bands.ages)))
    stays = lazy(collected(spells(every, AS_AT, RULES.ambulatory)))
    used = lazy(collected(activity(every, stays, RULES.prices, window_to(AS_AT))))
    tables = {
        PEOPLE.name: persons,
        ACTIVITY.name: used,
        STRATA.name: strata(persons, costs(used, year_to(AS_AT)), RULES.bands),
        CARE.name: care(persons, every, RULES.clinical_codes, year_to(AS_AT)),
    }
    return {name: collected(frame).pipe(lambda f: f.sort(f.columns)) for name, frame in tables.items()}


@settings(max_examples=20, deadline=None)
@given(LOCALITY)
def test_every_person_is_one_row_of_every_table_and_nobody_is_lost(rows: dict[str, list[dict[str, Any]]]) -> None:
    tables = worked_out(rows)
    current = {
        row["person"]
        for row in rows["gp_registrations"]
        if row["registration_start_date"] <= AS_AT
        and (row["registration_end_date"] or AS_AT) >= AS_AT
        and (row["date_of_death"] is None or row["date_of_death"] > AS_AT)
        and row["place"] != "seen, not registered"
    }
    elsewhere = {row["person"] for name, those in rows.items() if name != "gp_registrations" for row in those}
    persons = tables[PEOPLE.name]
    assert sorted(persons["person"]) == sorted(current | elsewhere)
    assert sorted(persons.filter(pl.col("population") == "registered")["person"]) == sorted(who for who in current if PLACES[who] == "linked")
    assert set(persons.filter(pl.col("population") == "untraced")["person"]) <= {"f"}
    for name in (STRATA.name, CARE.name):
        assert sorted(tables[name]["person"]) == sorted(persons["person"])
    assert set(tables[ACTIVITY.name]["person"]) <= set(persons["person"])
    banded = tables[STRATA.name].filter(pl.col("band").is_not_null())["person"]
    assert sorted(banded) == sorted(persons.filter(pl.col("population") == "registered")["person"])


@settings(max_examples=12, deadline=None)
@given(LOCALITY, st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(rows: dict[str, list[dict[str, Any]]], random: Any) -> None:
    shuffled = {name: random.sample(those, len(those)) for name, those in rows.items()}
    first, second = worked_out(rows), worked_out(shuffled)
    for name, table in first.items():
        assert table.equals(second[name]), name


COSTS = st.lists(st.integers(0, 50) | st.integers(0, 1_000_000), min_size=1, max_size=60)


def banded(pence: list[int]) -> dict[int, str]:
    frame = lazy(pl.DataFrame({"pence": pence, "counted": [1] * len(pence)}))
    return dict(collected(equal_cost(frame, RULES.bands)).select("pence", "band").rows())


@given(COSTS)
def test_each_cost_has_the_band_that_the_definition_says(pence: list[int]) -> None:
    bands, total = banded(pence), sum(pence)
    assert set(bands) == set(pence), "every cost has one band"
    for cost, band in bands.items():
        costlier = sum(other for other in pence if other > cost)
        expected = next(name for name, percent in RULES.bands.cuts if costlier * 100 < percent * total) if cost else RULES.bands.no_cost
        assert band == expected


@given(COSTS)
def test_each_band_holds_a_fifth_of_cost_give_or_take_the_largest_group_of_equals(pence: list[int]) -> None:
    bands, total = banded(pence), sum(pence)
    largest = max(cost * pence.count(cost) for cost in pence)
    held = 0
    for name, percent in RULES.bands.cuts:
        held += sum(cost for cost in pence if bands[cost] == name)
        assert total * percent <= held * 100 if total else held == 0
        assert held * 100 < total * percent + largest * 100 or not total


@given(COSTS, st.randoms(use_true_random=False))
def test_bands_do_not_depend_on_the_order_and_dearer_people_are_never_lower(pence: list[int], random: Any) -> None:
    bands = banded(pence)
    assert banded(random.sample(pence, len(pence))) == bands
    order = [name for name, _ in RULES.bands.cuts] + [RULES.bands.no_cost]
    places = [order.index(bands[cost]) for cost in sorted(bands, reverse=True)]
    assert places == sorted(places)

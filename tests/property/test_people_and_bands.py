"""For any rows in any order, nobody is lost, nobody is counted twice, and everybody has one population."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.periods import window_to, year_to
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY, CARE, PEOPLE, STRATA
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.bands import assign_cost_bands
from bcf_linkage.pseudonymised.care import build_care
from bcf_linkage.pseudonymised.contacts import REGISTER, build_contacts
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.people import build_people
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.strata import build_strata
from tests.frame_builder import build_received_extracts, collect, lazy

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)

PERSONS = st.sampled_from("abcdef")
DAYS = st.integers(-800, 0).map(lambda back: AS_AT + timedelta(days=back))
MAYBE_DAYS = st.none() | DAYS
SEXES = st.sampled_from(["1", "2", None])
OUTCOMES = {"a": "linked", "b": "linked", "c": "linked", "d": "linked", "e": "seen, not registered", "f": "unlinked"}


def rows_with_outcome(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of people who always have the same outcome."""
    row = st.fixed_dictionaries({"person": PERSONS, **columns})
    return st.lists(row.map(lambda r: {**r, "outcome": OUTCOMES[r["person"]]}), max_size=12)


REGISTRATIONS = rows_with_outcome(
    practice_code=st.sampled_from(["J82001", "J82002"]),
    registration_start_date=DAYS,
    registration_end_date=MAYBE_DAYS,
    date_of_death=MAYBE_DAYS,
    sex=SEXES,
    age=st.sampled_from([10, 40, 80]),
)
ATTENDANCES = rows_with_outcome(
    arrival_date=DAYS, sex=SEXES, lsoa=st.sampled_from(["E01", None]), ae_department_type=st.just("01"), ae_attendance_disposal=st.sampled_from(["01", "02"])
)
EVENTS = rows_with_outcome(
    event_date=DAYS,
    event_type=st.sampled_from(["consultation", "medication", "process", "diagnosis"]),
    code=st.sampled_from(["8CV4.", "8CT2.", "8CSB.", "G20..", "C10F.", "02.05"]),
    consultation_mode=st.sampled_from(["nurse", None]),
    value=st.sampled_from([None, 0.1, 0.2, 0.7, 3.0]),
)
STAYS = rows_with_outcome(
    hospital_provider_spell_number=st.sampled_from(["s1", "s2", "s3"]),
    episode_number=st.integers(1, 2),
    patient_classification=st.sampled_from(["1", "2"]),
    admission_method_hospital_provider_spell=st.sampled_from(["11", "21"]),
    start_date_hospital_provider_spell=DAYS,
    discharge_date_from_hospital_provider_spell=MAYBE_DAYS,
)
SERVICES = rows_with_outcome(
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


def build_tables(rows: dict[str, list[dict[str, Any]]]) -> dict[str, pl.DataFrame]:
    every = build_received_extracts(**rows)
    persons = lazy(collect(build_people(every[REGISTER], build_contacts(every), AS_AT, RULES.bands.ages)))
    stays = lazy(collect(build_spells(every, AS_AT, RULES.ambulatory)))
    used = lazy(collect(build_activity(every, stays, RULES.prices, window_to(AS_AT))))
    tables = {
        PEOPLE.name: persons,
        ACTIVITY.name: used,
        STRATA.name: build_strata(persons, build_costs(used, year_to(AS_AT)), RULES.bands),
        CARE.name: build_care(persons, every, RULES.clinical_codes, year_to(AS_AT)),
    }
    return {name: collect(frame).pipe(lambda f: f.sort(f.columns)) for name, frame in tables.items()}


@settings(max_examples=20, deadline=None)
@given(LOCALITY)
def test_every_person_is_one_row_of_every_table_and_nobody_is_lost(rows: dict[str, list[dict[str, Any]]]) -> None:
    tables = build_tables(rows)
    current = {
        row["person"]
        for row in rows["gp_registrations"]
        if row["registration_start_date"] <= AS_AT
        and (row["registration_end_date"] or AS_AT) >= AS_AT
        and (row["date_of_death"] is None or row["date_of_death"] > AS_AT)
        and row["outcome"] != "seen, not registered"
    }
    elsewhere = {row["person"] for name, those in rows.items() if name != "gp_registrations" for row in those}
    persons = tables[PEOPLE.name]
    assert sorted(persons["person"]) == sorted(current | elsewhere)
    assert sorted(persons.filter(pl.col("population") == "registered")["person"]) == sorted(who for who in current if OUTCOMES[who] == "linked")
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
    first, second = build_tables(rows), build_tables(shuffled)
    for name, table in first.items():
        assert table.equals(second[name]), name


COSTS = st.lists(st.integers(0, 50) | st.integers(0, 1_000_000), min_size=1, max_size=60)


def band_by_cost(pence: list[int]) -> dict[int, str]:
    frame = lazy(pl.DataFrame({"pence": pence, "counted": [1] * len(pence)}))
    return dict(collect(assign_cost_bands(frame, RULES.bands)).select("pence", "band").rows())


@given(COSTS)
def test_each_cost_has_the_band_of_the_definition(pence: list[int]) -> None:
    bands, total = band_by_cost(pence), sum(pence)
    assert set(bands) == set(pence), "every cost has one band"
    for cost, band in bands.items():
        costlier = sum(other for other in pence if other > cost)
        expected = next(name for name, percent in RULES.bands.cuts if costlier * 100 < percent * total) if cost else RULES.bands.no_cost
        assert band == expected


@given(COSTS)
def test_each_band_has_a_fifth_of_cost_within_the_largest_group_of_equal_costs(pence: list[int]) -> None:
    bands, total = band_by_cost(pence), sum(pence)
    largest = max(cost * pence.count(cost) for cost in pence)
    cost_so_far = 0
    for name, percent in RULES.bands.cuts:
        cost_so_far += sum(cost for cost in pence if bands[cost] == name)
        assert total * percent <= cost_so_far * 100 if total else cost_so_far == 0
        assert cost_so_far * 100 < total * percent + largest * 100 or not total


@given(COSTS, st.randoms(use_true_random=False))
def test_bands_do_not_depend_on_the_order_and_never_fall_with_cost(pence: list[int], random: Any) -> None:
    bands = band_by_cost(pence)
    assert band_by_cost(random.sample(pence, len(pence))) == bands
    order = [name for name, _ in RULES.bands.cuts] + [RULES.bands.no_cost]
    band_ranks = [order.index(bands[cost]) for cost in sorted(bands, reverse=True)]
    assert band_ranks == sorted(band_ranks)

"""The extracts of a synthetic locality without faults are plausible and break no rule."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic import profiles
from tests.clean_locality import AS_AT, YEAR, clean_extracts, clean_lives
from tests.constraint_checks import count_broken_rules

ADMISSION_DATE, DISCHARGE_DATE = "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell"
ADMISSION_METHOD, DISCHARGE_DESTINATION, DISCHARGE_METHOD = (
    "admission_method_hospital_provider_spell",
    "discharge_destination_hospital_provider_spell",
    "discharge_method_hospital_provider_spell",
)


def spells() -> pl.DataFrame:
    return clean_extracts()["hospital_admissions"].filter(pl.col("episode_number") == "1")


@pytest.mark.parametrize("locality", profiles.locality_names())
@pytest.mark.parametrize("name", EXTRACTS)
def test_a_clean_extract_breaks_no_declared_rule(name: str, locality: str) -> None:
    rows = clean_extracts(600, locality)[name]
    assert rows.columns == [*EXTRACTS[name].names, "true_person"]
    assert set(rows.drop("true_person").dtypes) == {pl.String}
    assert count_broken_rules(rows, EXTRACTS[name]) == {}


@pytest.mark.parametrize("name", EXTRACTS)
def test_a_larger_clean_extract_breaks_no_rule_and_repeats_no_key(name: str) -> None:
    rows, table = clean_extracts()[name], EXTRACTS[name]
    assert count_broken_rules(rows, table) == {}
    assert rows.select(table.key).n_unique() == rows.height


@pytest.mark.parametrize("name", [name for name, table in EXTRACTS.items() if table.event_date])
def test_events_are_in_order_and_touch_the_two_years(name: str) -> None:
    rows, table = clean_extracts()[name], EXTRACTS[name]
    assert rows[table.event_date].is_sorted()
    assert rows[table.event_date].max() <= AS_AT.isoformat()
    if table.event_end:
        assert rows[table.event_end].drop_nulls().max() <= AS_AT.isoformat()
    if not table.whole_history:
        assert rows[table.event_end or table.event_date].fill_null(AS_AT.isoformat()).min() >= "2012-10-01"


def test_a_person_has_the_same_identifiers_in_every_extract() -> None:
    number = clean_lives().identifiers["nhs_number"]
    for name, rows in clean_extracts().items():
        assert (rows["nhs_number"] == number[rows["true_person"]]).all(), name
        assert (rows["date_of_birth"] == clean_lives().identifiers["date_of_birth"][rows["true_person"]]).all(), name


def test_admission_through_the_emergency_department_follows_an_attendance_of_that_day() -> None:
    through = (
        spells()
        .filter((pl.col(ADMISSION_METHOD) == "21") & (pl.col(ADMISSION_DATE) >= "2012-10-01"))
        .select("true_person", day=ADMISSION_DATE)
        .sort("true_person", "day")
    )
    attended = clean_extracts()["emergency_care"].filter(pl.col("ae_attendance_disposal") == "01")
    assert through.equals(attended.select("true_person", day="arrival_date").sort("true_person", "day"))
    assert set(attended["ae_department_type"]) == {"01"}


def test_admission_methods_are_used_only_while_they_are_valid() -> None:
    late, early = (spells().filter(pl.col(ADMISSION_DATE).lt("2013-04-01") != after)[ADMISSION_METHOD] for after in (True, False))
    assert "28" in set(early)
    assert not {"25", "2A", "2B", "2D"} & set(early)
    assert "28" not in set(late)
    assert {"2A", "2D"} <= set(late)


def test_spells_of_a_person_do_not_overlap() -> None:
    stays = spells().with_columns(pl.col(DISCHARGE_DATE).fill_null("9999-12-31")).sort("true_person", ADMISSION_DATE, DISCHARGE_DATE)
    before = stays.select(pl.col(DISCHARGE_DATE).shift(1).over("true_person")).to_series()
    assert (before.is_null() | (before <= stays[ADMISSION_DATE])).all()


def test_the_episodes_of_a_spell_follow_each_other_and_fill_it() -> None:
    rows = clean_extracts()["hospital_admissions"].sort("hospital_provider_spell_number", "episode_number")
    of_spell = "hospital_provider_spell_number"
    assert rows[of_spell].value_counts()["count"].max() == 3
    assert (rows.select(pl.col("episode_number").cast(int).cum_count().over(of_spell) == pl.col("episode_number").cast(int)).to_series()).all()
    end = rows.select(pl.col("end_date_consultant_episode").shift(1).over(of_spell)).to_series()
    assert (end.is_null() | (end == rows["start_date_consultant_episode"])).all()
    last = rows.group_by(of_spell).agg(pl.all().last())
    closed = last.drop_nulls([DISCHARGE_DATE])
    assert (closed["end_date_consultant_episode"] == closed[DISCHARGE_DATE]).all()


def test_as_many_people_are_in_hospital_before_the_first_day_as_on_other_days() -> None:
    stays = clean_extracts(25_000)["hospital_admissions"].filter(pl.col("episode_number") == "1")

    def inside(day: str) -> int:
        return stays.filter((pl.col(ADMISSION_DATE) < day) & (pl.col(DISCHARGE_DATE).fill_null("9999") >= day)).height

    others = [inside(f"{year}-{month:02d}-01") for year, months in ((2012, (11, 12)), (2013, range(1, 13))) for month in months]
    assert 0.6 < inside("2012-10-01") / (sum(others) / len(others)) < 1.4


def test_people_still_in_hospital_have_no_discharge() -> None:
    inside = spells().filter(pl.col(DISCHARGE_DATE).is_null())
    assert inside.height > 0
    assert set(inside[DISCHARGE_DESTINATION]) == {"98"}
    assert set(inside[DISCHARGE_METHOD]) == {"8"}
    assert not set(spells().drop_nulls([DISCHARGE_DATE])[DISCHARGE_METHOD]) & {"8"}


def test_about_half_of_those_who_died_did_so_in_hospital() -> None:
    died = spells().filter(pl.col(DISCHARGE_METHOD) == "4")
    deaths = clean_lives().identifiers["date_of_death"]
    assert (died[DISCHARGE_DATE] == deaths[died["true_person"]]).all()
    assert set(died[DISCHARGE_DESTINATION]) == {"79"}
    assert died.height / deaths.drop_nulls().len() == pytest.approx(0.48, abs=0.05)


def test_some_older_patients_are_ready_before_they_leave_and_nobody_after() -> None:
    known = spells().drop_nulls(["hospital_provider_spell_discharge_ready_date", DISCHARGE_DATE])
    ready = known["hospital_provider_spell_discharge_ready_date"]
    assert (ready <= known[DISCHARGE_DATE]).all()
    delayed = known.filter(ready < known[DISCHARGE_DATE])
    assert delayed.height > 0
    assert (clean_lives().people.age[delayed["true_person"].to_numpy()] >= 65).all()


def test_a_third_of_emergency_stays_end_on_their_day() -> None:
    emergency = spells().filter(pl.col(ADMISSION_METHOD).str.starts_with("2") & pl.col(DISCHARGE_DATE).is_not_null())
    assert (emergency[ADMISSION_DATE] == emergency[DISCHARGE_DATE]).mean() == pytest.approx(1 / 3, abs=0.05)


def test_fractures_have_an_external_cause_and_many_copd_patients_a_gp_diagnosis() -> None:
    hips = clean_extracts()["hospital_admissions"].filter(pl.col("primary_diagnosis_icd") == "S720")
    assert set(hips["secondary_diagnosis_icd_1"]) == {"W19"}
    chronic = spells().filter(pl.col("primary_diagnosis_icd") == "J441")["true_person"].unique()
    diagnosed = clean_extracts()["gp_events"].filter(pl.col("code") == "H3...")["true_person"]
    assert chronic.is_in(diagnosed.implode()).mean() > 0.4


def test_a_condition_is_diagnosed_once_and_often_before_the_window() -> None:
    diagnoses = clean_extracts()["gp_events"].filter(pl.col("event_type") == "diagnosis")
    assert diagnoses.select("true_person", "code").n_unique() == diagnoses.height
    assert (diagnoses["event_date"] < "2012-10-01").mean() > 0.5
    assert (diagnoses["event_date"] >= diagnoses["date_of_birth"]).all()


def test_general_practice_events_belong_to_the_practice_of_the_day() -> None:
    events = clean_extracts()["gp_events"].filter(pl.col("event_date") >= "2012-10-01").select("true_person", "practice_code", "gp_patient_id", "event_date")
    register = clean_extracts()["gp_registrations"].select("true_person", "practice_code", "gp_patient_id", "registration_start_date", "registration_end_date")
    found = events.join(register, on=["true_person", "practice_code", "gp_patient_id"])
    assert found.height == events.height
    assert (found["event_date"] >= found["registration_start_date"]).all()
    assert (found["event_date"] <= found["registration_end_date"].fill_null("9999")).all()


def test_two_in_a_hundred_adults_are_case_managed_and_most_have_agreed_a_plan() -> None:
    codes = clean_extracts()["gp_events"].filter(pl.col("event_type") == "process")
    started, agreed, closed = (codes.filter(pl.col("code") == code)["true_person"].unique() for code in ("8CV4.", "8CSB.", "8CT2."))
    register = started.filter(~started.is_in(closed.implode()))
    adults = (clean_lives().people.age >= 18) & (clean_lives().people.standing <= 1)
    assert 0.017 < register.is_in(adults.nonzero()[0].tolist()).sum() / adults.sum() < 0.026
    assert 0.6 < agreed.len() / started.len() < 0.9
    assert agreed.is_in(started.implode()).all()
    assert codes.filter(pl.col("code").is_in(["8CV4.", "8CSB.", "8IAe1", "8CT2.", "67DJ."]))["event_date"].min() >= "2014-04-01"


def test_nearly_everybody_of_75_and_over_and_nobody_younger_has_a_named_gp() -> None:
    register = clean_extracts()["gp_registrations"]
    named = register.drop_nulls("named_accountable_gp")["true_person"].to_numpy()
    assert clean_lives().people.age[named].min() >= 75
    old = clean_lives().people.age[register["true_person"].to_numpy()] >= 75
    assert len(named) / old.sum() == pytest.approx(0.95, abs=0.03)


def test_there_are_no_care_plans_before_the_service_began() -> None:
    from synthetic.lives import generate_lives
    from synthetic.services.care_plans import generate_care_plan_codes
    from synthetic.services.gp_registrations import has_named_gp

    earlier = generate_lives(profiles.load_profile("southend"), 300, date(2013, 9, 30), 1)
    assert len(generate_care_plan_codes(earlier)[0]) == 0
    assert not has_named_gp(earlier).any()


def test_some_services_begin_before_the_window_and_some_continue_after_it() -> None:
    services = clean_extracts()["adult_social_care"].filter(pl.col("event_type") == "Service")
    assert (services["event_start_date"] < "2012-10-01").any()
    assert services["event_end_date"].is_null().any()
    other = clean_extracts()["adult_social_care"].filter(pl.col("event_type") != "Service")
    assert other["event_end_date"].is_not_null().all()


def test_reablement_follows_a_discharge_from_hospital_of_an_older_person() -> None:
    helped = clean_extracts()["adult_social_care"].filter(pl.col("service_component") == "Reablement").select("true_person", "event_start_date")
    discharged = spells().drop_nulls([DISCHARGE_DATE]).select("true_person", DISCHARGE_DATE)
    pairs = helped.join(discharged, on="true_person").with_columns(pl.col("event_start_date", DISCHARGE_DATE).str.to_date())
    soon = pairs.filter((pl.col("event_start_date") - pl.col(DISCHARGE_DATE)).dt.total_days().is_between(0, 3))
    assert soon.select("true_person", "event_start_date").n_unique() == helped.n_unique() > 0
    assert (clean_lives().people.age[helped["true_person"].to_numpy()] >= 65).all()


def test_permanent_admissions_to_care_homes_are_near_the_national_rate() -> None:
    lives, rows = clean_lives(25_000), clean_extracts(25_000)["adult_social_care"]
    homes = rows.filter(pl.col("service_type").is_in(["Long term support: Nursing care", "Long term support: Residential care"]))
    new = homes.filter(pl.col("event_start_date") >= "2012-10-01")["true_person"].to_numpy()
    older = (lives.people.age >= 65) & lives.people.on_register
    assert 480 < (lives.people.age[new] >= 65).sum() / older.sum() / 2 * 100_000 < 920


def test_a_year_has_the_attendances_and_admissions_of_the_sourced_rates() -> None:
    within = pl.col("arrival_date").is_between(pl.lit(YEAR[0].isoformat()), pl.lit(YEAR[1].isoformat()))
    assert 330 < clean_extracts()["emergency_care"].filter(within).height / 5.0 < 430

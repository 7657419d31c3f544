"""The people of a synthetic locality match its profile and the sourced rates."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from bcf_linkage.definitions.columns import POSTCODE
from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic import identity, profiles
from synthetic.people import Standing
from synthetic.rates import figure
from synthetic.window import NEVER
from tests.clean_locality import clean_extracts, clean_lives


@pytest.mark.parametrize("locality", profiles.locality_names())
def test_the_requested_number_of_people_is_registered_and_does_not_object(locality: str) -> None:
    register = clean_extracts(600, locality)["gp_registrations"]
    current = register.filter(pl.col("registration_end_date").is_null() & pl.col("date_of_death").is_null())
    assert current["nhs_number"].n_unique() == current.height
    assert current.filter(pl.col("type_1_opt_out") == "N").height == 600


def test_people_who_object_left_died_or_are_registered_elsewhere_are_added() -> None:
    lives = clean_lives()
    counts = np.bincount(lives.people.standing)
    assert counts[Standing.REGISTERED] == 5000
    assert (counts[1:] > 0).all()
    elsewhere = set(np.flatnonzero(lives.people.standing == Standing.ELSEWHERE))
    assert not elsewhere & set(clean_extracts()["gp_registrations"]["true_person"])
    assert not elsewhere & set(clean_extracts()["gp_events"]["true_person"])
    assert elsewhere & set(clean_extracts()["outpatients"]["true_person"])


def test_every_number_comes_from_the_range_that_is_never_issued_and_belongs_to_one_person() -> None:
    numbers = clean_lives().identifiers["nhs_number"]
    assert numbers.str.contains("^9[0-9]{9}$").all()
    assert numbers.n_unique() == len(clean_lives().people)


def test_a_profile_sets_ages_deprivation_and_practices() -> None:
    lives = clean_lives()
    profile, here = lives.profile, lives.people.standing == Standing.REGISTERED
    assert (lives.people.age[here] >= 85).mean() == pytest.approx(profile.age_shares["85+"], abs=0.005)
    assert (lives.people.age[here] < 5).mean() == pytest.approx(profile.age_shares["0-4"], abs=0.005)
    assert lives.people.female.mean() == pytest.approx(profile.female_share, abs=0.02)
    assert (lives.homes.lookup["deprivation_decile"] <= 2).mean() == pytest.approx(profile.deprivation_shares[1], abs=0.1)
    assert set(lives.identifiers["practice_code"]) - {"V99999"} <= {practice.code for practice in profile.practices}


def test_a_family_has_one_address_and_mostly_one_name_and_a_mother_is_an_adult() -> None:
    lives = clean_lives()
    mother = lives.households.mother
    children = np.flatnonzero(mother >= 0)
    assert len(children) == (lives.people.age < 18).sum()
    assert (lives.identifiers["address_line_1"][children] == lives.identifiers["address_line_1"][mother[children]]).all()
    assert (lives.identifiers["family_name"][children] == lives.identifiers["family_name"][mother[children]]).mean() > 0.7
    assert (lives.people.age[mother[children]] - lives.people.age[children]).min() >= 12


def test_there_are_twins_of_one_sex() -> None:
    lives = clean_lives()
    twins = lives.identifiers.with_columns(household=lives.households.household).filter(lives.people.age < 18)
    twin_pairs = twins.group_by("household", "date_of_birth", "sex").len().filter(pl.col("len") > 1)
    assert twin_pairs.height > 0


def test_twins_never_have_the_same_given_name() -> None:
    pairs = np.repeat(np.arange(300), 2)
    people = SimpleNamespace(born=np.zeros(600), female=np.tile([True, True], 300))
    names, which = [np.array(["Maud", "Olive", "Joan"])], np.zeros(600, dtype=np.int64)
    given = identity._redraw_twin_names(np.random.default_rng(1), names, which, pl.Series(["Maud"] * 600), people, SimpleNamespace(household=pairs))  # type: ignore[arg-type]
    called = pl.DataFrame({"pair": pairs, "given": given})
    assert called.n_unique() == 600
    assert called["given"].n_unique() == 3


def test_a_postcode_is_in_one_area_with_one_decile() -> None:
    lookup = clean_lives().homes.lookup
    assert lookup["postcode"].n_unique() == lookup.height
    assert lookup.group_by("lsoa").agg(pl.col("deprivation_decile").n_unique())["deprivation_decile"].max() == 1
    assert clean_lives().identifiers["postcode"].is_in(lookup["postcode"].implode()).all()


@pytest.mark.parametrize("locality", profiles.locality_names())
def test_no_postcode_could_be_a_real_one(locality: str) -> None:
    """A real postcode never has C, I, K, M, O or V after the space."""
    postcodes = clean_lives(600, locality).homes.lookup["postcode"]
    assert postcodes.str.contains(r" [0-9](?:[CIKMOV][A-Z]|[A-Z][CIKMOV])$").all()
    assert postcodes.str.contains(f"^(?:{POSTCODE.pattern})$").all()


def test_people_who_left_before_the_window_are_on_the_register_and_use_no_service() -> None:
    lives = clean_lives()
    gone = np.flatnonzero((lives.people.standing == Standing.REGISTERED) & (lives.people.end < lives.window.first))
    assert len(gone) == round(figure("people.left_unnoticed") * 5000)
    register = clean_extracts()["gp_registrations"].filter(pl.col("true_person").is_in(gone.tolist()))
    assert register.height == len(gone)
    assert register["registration_end_date"].is_null().all()
    for name, table in EXTRACTS.items():
        if table.event_date:
            seen = clean_extracts()[name].filter(pl.col("true_person").is_in(gone.tolist()))
            assert (seen[table.event_end or table.event_date].fill_null("9999") < "2012-10-01").all(), name


def test_care_home_residents_are_old_and_share_an_address_that_the_register_marks() -> None:
    lives = clean_lives()
    homes = clean_extracts()["gp_registrations"].filter(pl.col("residential_institute") == "Y")
    assert homes["true_person"].n_unique() == lives.people.care_home.sum()
    assert homes["address_line_1"].n_unique() < homes.height / 4
    assert lives.people.age[lives.people.care_home].min() >= 45


def test_a_change_of_practice_gives_two_consecutive_registrations() -> None:
    lives, register = clean_lives(), clean_extracts()["gp_registrations"]
    changed = np.flatnonzero(lives.homes.practice_change_day < NEVER)
    assert len(changed) > 20
    rows = register.filter(pl.col("true_person").is_in(changed.tolist()))
    assert rows.height == 2 * len(changed)
    ends = rows.group_by("true_person", maintain_order=True).agg(pl.all().first())["registration_end_date"].str.to_date()
    starts = rows.group_by("true_person", maintain_order=True).agg(pl.all().last())["registration_start_date"].str.to_date()
    assert ((starts - ends).dt.total_days() == 1).all()


def test_no_record_is_dated_after_its_persons_death() -> None:
    died = clean_extracts()["gp_registrations"].drop_nulls("date_of_death").select("true_person", "date_of_death").unique()
    for name, day in (("gp_events", "event_date"), ("hospital_admissions", "start_date_hospital_provider_spell"), ("outpatients", "appointment_date")):
        rows = clean_extracts()[name].drop("date_of_death", strict=False).join(died, on="true_person")
        assert rows.height > 0
        assert (rows[day] <= rows["date_of_death"]).all()

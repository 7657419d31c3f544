"""Who there is in a synthetic locality."""

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
from tests.spec.clean_locality import extracts, lives


@pytest.mark.parametrize("locality", profiles.names())
def test_so_many_people_are_on_the_register_and_do_not_object(locality: str) -> None:
    register = extracts(600, locality)["gp_registrations"]
    current = register.filter(pl.col("registration_end_date").is_null() & pl.col("date_of_death").is_null())
    assert current["nhs_number"].n_unique() == current.height
    assert current.filter(pl.col("type_1_opt_out") == "N").height == 600


def test_people_who_object_left_died_or_are_registered_elsewhere_come_on_top() -> None:
    made = lives()
    counts = np.bincount(made.people.standing)
    assert counts[Standing.REGISTERED] == 5000
    assert (counts[1:] > 0).all()
    elsewhere = set(np.flatnonzero(made.people.standing == Standing.ELSEWHERE))
    assert not elsewhere & set(extracts()["gp_registrations"]["true_person"])
    assert not elsewhere & set(extracts()["gp_events"]["true_person"])
    assert elsewhere & set(extracts()["outpatients"]["true_person"])


def test_every_number_comes_from_the_range_that_is_never_issued_and_belongs_to_one_person() -> None:
    numbers = lives().words["nhs_number"]
    assert numbers.str.contains("^9[0-9]{9}$").all()
    assert numbers.n_unique() == len(lives().people)


def test_a_profile_sets_ages_deprivation_and_practices() -> None:
    made = lives()
    profile, here = made.profile, made.people.standing == Standing.REGISTERED
    assert (made.people.age[here] >= 85).mean() == pytest.approx(profile.age_shares["85+"], abs=0.005)
    assert (made.people.age[here] < 5).mean() == pytest.approx(profile.age_shares["0-4"], abs=0.005)
    assert made.people.female.mean() == pytest.approx(profile.female_share, abs=0.02)
    assert (made.homes.lookup["deprivation_decile"] <= 2).mean() == pytest.approx(profile.deprivation_shares[1], abs=0.1)
    assert set(made.words["practice_code"]) - {"V99999"} <= {practice.code for practice in profile.practices}


def test_a_family_has_one_address_and_mostly_one_name_and_a_mother_is_an_adult() -> None:
    made = lives()
    mother = made.households.mother
    children = np.flatnonzero(mother >= 0)
    assert len(children) == (made.people.age < 18).sum()
    assert (made.words["address_line_1"][children] == made.words["address_line_1"][mother[children]]).all()
    assert (made.words["family_name"][children] == made.words["family_name"][mother[children]]).mean() > 0.7
    assert (made.people.age[mother[children]] - made.people.age[children]).min() >= 12


def test_there_are_twins_of_one_sex() -> None:
    made = lives()
    twins = made.words.with_columns(household=made.households.household).filter(made.people.age < 18)
    alike = twins.group_by("household", "date_of_birth", "sex").len().filter(pl.col("len") > 1)
    assert alike.height > 0


def test_twins_are_never_called_alike() -> None:
    pairs = np.repeat(np.arange(300), 2)
    people = SimpleNamespace(born=np.zeros(600), female=np.tile([True, True], 300))
    names, which = [np.array(["Maud", "Olive", "Joan"])], np.zeros(600, dtype=np.int64)
    given = identity._unlike_twins(np.random.default_rng(1), names, which, pl.Series(["Maud"] * 600), people, SimpleNamespace(household=pairs))  # type: ignore[arg-type]
    called = pl.DataFrame({"pair": pairs, "given": given})
    assert called.n_unique() == 600
    assert called["given"].n_unique() == 3


def test_a_postcode_lies_in_one_area_of_one_decile() -> None:
    lookup = lives().homes.lookup
    assert lookup["postcode"].n_unique() == lookup.height
    assert lookup.group_by("lsoa").agg(pl.col("deprivation_decile").n_unique())["deprivation_decile"].max() == 1
    assert lives().words["postcode"].is_in(lookup["postcode"].implode()).all()


@pytest.mark.parametrize("locality", profiles.names())
def test_no_postcode_could_be_a_real_one(locality: str) -> None:
    """After the space a real one never has C, I, K, M, O or V."""
    postcodes = lives(600, locality).homes.lookup["postcode"]
    assert postcodes.str.contains(r" [0-9](?:[CIKMOV][A-Z]|[A-Z][CIKMOV])$").all()
    assert postcodes.str.contains(f"^(?:{POSTCODE.pattern})$").all()


def test_some_on_the_register_left_long_ago_and_use_nothing() -> None:
    made = lives()
    gone = np.flatnonzero((made.people.standing == Standing.REGISTERED) & (made.people.end < made.window.first))
    assert len(gone) == round(figure("people.left_unnoticed") * 5000)
    register = extracts()["gp_registrations"].filter(pl.col("true_person").is_in(gone.tolist()))
    assert register.height == len(gone)
    assert register["registration_end_date"].is_null().all()
    for name, table in EXTRACTS.items():
        if table.event_date:
            seen = extracts()[name].filter(pl.col("true_person").is_in(gone.tolist()))
            assert (seen[table.event_end or table.event_date].fill_null("9999") < "2012-10-01").all(), name


def test_care_home_residents_are_old_and_share_an_address_that_the_register_marks() -> None:
    made = lives()
    homes = extracts()["gp_registrations"].filter(pl.col("residential_institute") == "Y")
    assert homes["true_person"].n_unique() == made.people.care_home.sum()
    assert homes["address_line_1"].n_unique() < homes.height / 4
    assert made.people.age[made.people.care_home].min() >= 45


def test_who_changes_practice_has_two_registrations_one_after_the_other() -> None:
    made, register = lives(), extracts()["gp_registrations"]
    changed = np.flatnonzero(made.homes.changed < NEVER)
    assert len(changed) > 20
    rows = register.filter(pl.col("true_person").is_in(changed.tolist()))
    assert rows.height == 2 * len(changed)
    ends = rows.group_by("true_person", maintain_order=True).agg(pl.all().first())["registration_end_date"].str.to_date()
    starts = rows.group_by("true_person", maintain_order=True).agg(pl.all().last())["registration_start_date"].str.to_date()
    assert ((starts - ends).dt.total_days() == 1).all()


def test_nothing_is_recorded_of_the_dead_after_death() -> None:
    died = extracts()["gp_registrations"].drop_nulls("date_of_death").select("true_person", "date_of_death").unique()
    for name, day in (("gp_events", "event_date"), ("hospital_admissions", "start_date_hospital_provider_spell"), ("outpatients", "appointment_date")):
        rows = extracts()[name].drop("date_of_death", strict=False).join(died, on="true_person")
        assert rows.height > 0
        assert (rows[day] <= rows["date_of_death"]).all()

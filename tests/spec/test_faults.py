"""Every fault is really in the row that its label names, and the label says where that row ends."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import Place
from synthetic.faults import Faulted, apply, expected_places, load_rates
from synthetic.faults.catalogue import ROW_FAULTS
from synthetic.faults.rates import TRACED
from synthetic.faults.raw import RAW
from synthetic.files import records, write
from synthetic.locality import Locality
from synthetic.names import nicknames
from synthetic.profiles import Profile, load
from tests.spec.plain_ledger import PlainLedger, plain_ledger
from tests.spec.small_locality import small_locality

Rows = list[tuple[dict[str, str], dict[str, str]]]


@pytest.fixture(scope="module")
def clean() -> Locality:
    return small_locality(1500)


@pytest.fixture(scope="module")
def southampton() -> Profile:
    return load("southampton")


@pytest.fixture(scope="module")
def faulted(clean: Locality, southampton: Profile) -> Faulted:
    return apply(clean, southampton, 7)


@pytest.fixture(scope="module")
def landed(faulted: Faulted, clean: Locality, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faulted")
    write(faulted, clean.lookup, out)
    return out


@pytest.fixture(scope="module")
def ledger(landed: Path) -> PlainLedger:
    return plain_ledger(landed / "landing")


def _pairs(clean: Locality, faulted: Faulted, fault: str) -> Rows:
    """(faulty row, the clean row of the same record and person) for every row with the fault."""
    pairs: Rows = []
    for (name,), labels in faulted.labels.filter(pl.col("fault") == fault).group_by("extract"):
        key = "gp_patient_id" if name == "gp_registrations" else EXTRACTS[str(name)].key[0]
        now = faulted.extracts[str(name)][labels["row"] - 1]
        was = now.select(key, "true_person").join(clean.extracts[str(name)], on=[key, "true_person"], maintain_order="left").select(now.columns)
        pairs += zip(now.rows(named=True), was.rows(named=True), strict=True)
    return pairs


def test_every_declared_fault_occurs(faulted: Faulted) -> None:
    declared = {(rate.fault, rate.extract) for rate in load_rates()}
    found = set(faulted.labels.select("fault", "extract").unique().iter_rows())
    assert found <= declared
    # In so small a place two people on the register are all that may share or have two numbers.
    elsewhere = {("number_shared", name) for name in EXTRACTS} | {("two_numbers", name) for name in EXTRACTS}
    assert declared - found <= elsewhere - {("number_shared", "gp_registrations"), ("two_numbers", "gp_registrations")}


def test_the_catalogue_and_the_rates_name_the_same_faults() -> None:
    assert set(ROW_FAULTS) == {rate.fault for rate in load_rates() if rate.per == "row"}
    assert set(RAW) <= set(ROW_FAULTS)


def test_a_row_has_one_label_at_most(faulted: Faulted) -> None:
    assert not faulted.labels.select("extract", "row").is_duplicated().any()


def test_the_same_seed_gives_the_same_faults_and_another_seed_others(clean: Locality, southampton: Profile, faulted: Faulted) -> None:
    again, other = apply(clean, southampton, 7), apply(clean, southampton, 8)
    assert again.labels.equals(faulted.labels)
    assert all(again.extracts[name].equals(frame) for name, frame in faulted.extracts.items())
    assert not other.labels.equals(faulted.labels)


def test_every_row_ends_where_the_truth_says(landed: Path, ledger: PlainLedger) -> None:
    truth = expected_places(pl.read_parquet(landed / "truth/records.parquet"), pl.read_parquet(landed / "truth/faults.parquet"))
    expected = {(extract, row): (place, reason) for extract, row, place, reason in truth.iter_rows()}
    assert expected.keys() == ledger.places.keys()
    assert Counter((expected[key], place) for key, place in ledger.places.items() if expected[key] != place) == Counter()


def test_every_row_ends_where_the_truth_says_even_where_faults_crowd(clean: Locality, southampton: Profile, tmp_path: Path) -> None:
    crowded = [dataclasses.replace(rate, rate=max(rate.rate, 0.05 if rate.extract == "gp_registrations" else 0.02)) for rate in load_rates()]
    faulted = apply(clean, southampton, 5, crowded)
    write(faulted, clean.lookup, tmp_path)
    truth = expected_places(records(faulted), faulted.labels)
    expected = {(extract, row): (place, reason) for extract, row, place, reason in truth.iter_rows()}
    places = plain_ledger(tmp_path / "landing").places
    assert Counter((expected[key], place) for key, place in places.items() if expected[key] != place) == Counter()


def test_rules_are_broken_by_the_labelled_rows_alone(faulted: Faulted, ledger: PlainLedger) -> None:
    said = faulted.labels.drop_nulls("rule").group_by("extract", "rule").len()
    assert ledger.broken == Counter({(extract, rule): count for extract, rule, count in said.iter_rows()})


def test_rows_without_a_label_are_as_they_were(clean: Locality, faulted: Faulted) -> None:
    for name, frame in faulted.extracts.items():
        labelled = faulted.labels.filter(pl.col("extract") == name)["row"] - 1
        rest = frame.with_row_index().filter(~pl.col("index").is_in(labelled.implode())).drop("index")
        assert rest.height + len(labelled) == frame.height
        assert rest.join(clean.extracts[name], on=frame.columns, how="anti", nulls_equal=True).is_empty()


def _changed(*columns: str) -> Callable[[dict[str, str], dict[str, str]], bool]:
    """Just these columns, or some of them, differ."""
    return lambda now, was: (differ := {name for name in was if now[name] != was[name]}) != set() and differ <= set(columns)


def _digits_off(now: dict[str, str], was: dict[str, str]) -> list[int]:
    return [n for n in range(10) if now["nhs_number"][n] != was["nhs_number"][n]]


def _event_day(row: dict[str, str]) -> str:
    return next(row[table.event_date] for table in EXTRACTS.values() if table.event_date in row)


SHOWN: dict[str, Callable[[dict[str, str], dict[str, str]], object]] = {
    "accent_lost": _changed("given_name", "family_name"),
    "hyphen_dropped": lambda now, was: "-" not in now["given_name"] + now["family_name"] and "-" in was["given_name"] + was["family_name"],
    "apostrophe_dropped": lambda now, was: re.sub("^([OD]) ?", r"\1'", now["family_name"]) == was["family_name"],
    "mc_respelled": lambda now, was: {now["family_name"][:2], was["family_name"][:2]} <= {"Mc", "Ma"} and _changed("family_name")(now, was),
    "nickname": lambda now, was: now["given_name"] in nicknames()[was["given_name"]],
    "married_name": _changed("family_name"),
    "names_swapped": lambda now, was: (now["given_name"], now["family_name"]) == (was["family_name"], was["given_name"]),
    "hostel_address": lambda now, was: now["address_line_1"].endswith("Hostel"),
    "postcode_mistyped": lambda now, was: re.search(" O", now["postcode"]) and _changed("postcode")(now, was),
    "number_missing": lambda now, was: now["nhs_number"] is None,
    "number_not_held": lambda now, was: now["nhs_number"] is None,
    "number_mistyped": lambda now, was: len(_digits_off(now, was)) == 1,
    "number_transposed": lambda now, was: (
        len(off := _digits_off(now, was)) == 2 and off[1] - off[0] == 1 and sorted(now["nhs_number"]) == sorted(was["nhs_number"])
    ),
    "number_repeated_digit": lambda now, was: len(set(now["nhs_number"])) == 1 and len(now["nhs_number"]) == 10,
    "number_other_nation": lambda now, was: now["nhs_number"][:4] == "3002" or now["nhs_number"][:4] == "3999",
    "number_never_issued": lambda now, was: now["nhs_number"][0] == "5",
    "number_short": lambda now, was: now["nhs_number"] == was["nhs_number"][:9],
    "number_letters": lambda now, was: re.fullmatch("[0-9OI]{10}", now["nhs_number"]) and not now["nhs_number"].isdigit(),
    "number_spaced": lambda now, was: re.fullmatch(r"\d{3} \d{3} \d{4}", now["nhs_number"]) and now["nhs_number"].replace(" ", "") == was["nhs_number"],
    "number_of_another": _changed("nhs_number"),
    "number_superseded": _changed("nhs_number", "replaced_nhs_number", "replaced_nhs_number_date"),
    "birth_date_wrong": _changed("date_of_birth"),
    "birth_date_default": lambda now, was: now["date_of_birth"] in ("1900-01-01", was["date_of_birth"][:4] + "-01-01"),
    "birth_date_swapped": lambda now, was: now["date_of_birth"] == f"{was['date_of_birth'][:4]}-{was['date_of_birth'][8:]}-{was['date_of_birth'][5:7]}",
    "birth_date_missing": lambda now, was: now["date_of_birth"] is None,
    "birth_date_impossible": lambda now, was: now["date_of_birth"].endswith("-02-30"),
    "unknown_code": lambda now, was: list(now.values()).count("QQ") == 1,
    "unknown_essential_code": lambda now, was: list(now.values()).count("QQ") == 1,
    "date_format": lambda now, was: any(re.fullmatch(r"\d\d/\d\d/\d{4}", str(value)) for value in now.values()),
    "moved": _changed("address_line_1", "postcode"),
    "care_home_address": _changed("address_line_1", "postcode"),
    "impossible_date": lambda now, was: next(value for name, value in now.items() if value != was[name]).endswith("-02-30"),
    "date_before_1900": lambda now, was: [value for name, value in now.items() if value != was[name]] == ["1899-12-30"],
    "end_before_start": lambda now, was: [value < (was[name] or "9999") for name, value in now.items() if value != was[name]] == [True],
    "late": lambda now, was: _event_day(now) < "2012-10-01" <= max(_event_day(was), "2012-10-01"),
    "future": lambda now, was: _event_day(now) > "2014-09-30" >= _event_day(was),
    "duplicate": lambda now, was: now == was,
    "sent_again": lambda now, was: now == was,
    "twin": lambda now, was: now == was,
    "type_1": lambda now, was: now == was,
}


@pytest.mark.parametrize("fault", SHOWN)
def test_the_row_shows_the_fault(clean: Locality, faulted: Faulted, fault: str) -> None:
    pairs = _pairs(clean, faulted, fault)
    assert pairs
    assert all(SHOWN[fault](now, was) for now, was in pairs)


def test_no_fault_goes_unseen() -> None:
    by_the_tests_that_follow = {"key_missing", "number_shared", "two_numbers"}
    assert set(SHOWN) | set(RAW) | by_the_tests_that_follow == {rate.fault for rate in load_rates()}


def test_a_row_without_its_record_number_has_none(faulted: Faulted) -> None:
    labels = faulted.labels.filter(pl.col("fault") == "key_missing")
    assert labels.height
    for name, row in labels.select("extract", "row").iter_rows():
        assert faulted.extracts[name][row - 1, EXTRACTS[name].key[0]] is None


def test_two_people_share_a_number_and_are_two_on_the_register(faulted: Faulted) -> None:
    shared = faulted.labels.filter((pl.col("fault") == "number_shared") & (pl.col("extract") == "gp_registrations"))["row"] - 1
    rows = faulted.extracts["gp_registrations"][shared]
    assert rows.height >= 2
    assert (rows.group_by("nhs_number").agg(pl.col("true_person", "date_of_birth").n_unique())["date_of_birth"] == 2).all()


def test_a_person_with_two_numbers_stands_on_the_register_under_both(faulted: Faulted) -> None:
    register = faulted.extracts["gp_registrations"]
    second = register[faulted.labels.filter((pl.col("fault") == "two_numbers") & (pl.col("extract") == "gp_registrations"))["row"] - 1]
    numbers = register.filter(pl.col("true_person").is_in(second["true_person"].implode())).group_by("true_person").agg(pl.col("nhs_number").n_unique())
    assert second.height
    assert (numbers["nhs_number"] == 2).all()


def test_a_replaced_number_on_a_record_is_one_that_the_register_names(faulted: Faulted) -> None:
    register, named = faulted.extracts["gp_registrations"], 0
    for name, frame in faulted.extracts.items():
        rows = frame[faulted.labels.filter((pl.col("fault") == "number_superseded") & (pl.col("extract") == name))["row"] - 1]
        column = "replaced_nhs_number" if name == "gp_registrations" else "nhs_number"
        known = rows.join(
            register.select("true_person", "replaced_nhs_number"), left_on=["true_person", column], right_on=["true_person", "replaced_nhs_number"]
        )
        assert known.height == rows.height
        named += rows.height if name != "gp_registrations" else 0
    assert named


@pytest.mark.parametrize("coverage", [0.0, 0.15, 0.83, 1.0])
def test_the_council_holds_the_number_of_the_share_of_clients_that_the_profile_says(clean: Locality, southampton: Profile, coverage: float) -> None:
    faulted = apply(clean, dataclasses.replace(southampton, social_care_number_coverage=coverage), 7, rates=())
    clients = (
        faulted.extracts["adult_social_care"]
        .group_by("true_person")
        .agg(pl.col("nhs_number").is_null().any().alias("any"), pl.col("nhs_number").is_null().all().alias("all"))
    )
    assert clients["any"].sum() == clients["all"].sum() == round((1 - coverage) * clients.height)


def test_without_rates_only_what_the_locality_itself_holds_is_labelled(clean: Locality, southampton: Profile) -> None:
    faulted = apply(clean, southampton, 7, rates=())
    assert set(faulted.labels["fault"]) == {"type_1", "twin", "number_not_held"}


def test_a_copy_stands_after_its_original_or_at_the_end(faulted: Faulted) -> None:
    for fault in ("duplicate", "sent_again"):
        for name, row in faulted.labels.filter(pl.col("fault") == fault).select("extract", "row").iter_rows():
            frame = faulted.extracts[name]
            earlier = frame[: row - 1].filter(pl.col(EXTRACTS[name].key[0]) == frame[row - 1, EXTRACTS[name].key[0]])
            assert earlier.height >= 1
            assert fault == "sent_again" or frame.row(row - 2) == frame.row(row - 1)


def test_no_number_in_the_files_could_be_a_live_one(faulted: Faulted) -> None:
    for frame in faulted.extracts.values():
        in_live_range = frame["nhs_number"].drop_nulls().str.replace_all("[ -]", "").unique().to_list()
        assert all(len(set(number)) == 1 for number in in_live_range if re.fullmatch("[4678][0-9]{9}", number))


def test_places_are_those_of_the_ledger(faulted: Faulted) -> None:
    assert set(faulted.labels["place"].drop_nulls()) == {TRACED, *Place} - {Place.NOT_REGISTERED}


def test_records_say_whose_every_row_is(faulted: Faulted) -> None:
    truth = records(faulted)
    assert truth.height == sum(frame.height for frame in faulted.extracts.values())
    assert truth.group_by("extract").agg(pl.col("row").max() == pl.len())["row"].all()

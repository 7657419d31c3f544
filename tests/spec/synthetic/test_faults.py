"""Every fault is in the row that its label names, and the label states the row's outcome."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import Outcome
from synthetic.faults import FaultedLocality, expected_outcomes, inject_faults, load_rates
from synthetic.faults.byte_faults import BYTE_FAULTS
from synthetic.faults.catalogue import ROW_FAULTS
from synthetic.faults.rates import DECIDED_BY_TRACE
from synthetic.files import record_owners, write_files
from synthetic.locality import Locality
from synthetic.names import nicknames
from synthetic.profiles import Profile, load_profile
from tests.reference_ledger import ReferenceLedger, build_reference_ledger
from tests.small_locality import small_locality

Rows = list[tuple[dict[str, str], dict[str, str]]]


@pytest.fixture(scope="module")
def clean() -> Locality:
    return small_locality(1500)


@pytest.fixture(scope="module")
def southampton() -> Profile:
    return load_profile("southampton")


@pytest.fixture(scope="module")
def faulted(clean: Locality, southampton: Profile) -> FaultedLocality:
    return inject_faults(clean, southampton, 7)


@pytest.fixture(scope="module")
def landed(faulted: FaultedLocality, clean: Locality, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faulted")
    write_files(faulted, clean.lookup, out)
    return out


@pytest.fixture(scope="module")
def ledger(landed: Path) -> ReferenceLedger:
    return build_reference_ledger(landed / "landing")


def _pairs(clean: Locality, faulted: FaultedLocality, fault: str) -> Rows:
    """Return (faulty row, the clean row of the same record and person) for every row with the fault."""
    pairs: Rows = []
    for (name,), labels in faulted.labels.filter(pl.col("fault") == fault).group_by("extract"):
        key = "gp_patient_id" if name == "gp_registrations" else EXTRACTS[str(name)].key[0]
        now = faulted.extracts[str(name)][labels["row"] - 1]
        was = now.select(key, "true_person").join(clean.extracts[str(name)], on=[key, "true_person"], maintain_order="left").select(now.columns)
        pairs += zip(now.rows(named=True), was.rows(named=True), strict=True)
    return pairs


def test_every_declared_fault_occurs(faulted: FaultedLocality) -> None:
    declared = {(rate.fault, rate.extract) for rate in load_rates()}
    found = set(faulted.labels.select("fault", "extract").unique().iter_rows())
    assert found <= declared
    # In so small a locality only two people on the register share a number and one has two, and they may have no records elsewhere.
    elsewhere = {("number_shared", name) for name in EXTRACTS} | {("two_numbers", name) for name in EXTRACTS}
    assert declared - found <= elsewhere - {("number_shared", "gp_registrations"), ("two_numbers", "gp_registrations")}


def test_the_catalogue_and_the_rates_name_the_same_faults() -> None:
    assert set(ROW_FAULTS) == {rate.fault for rate in load_rates() if rate.per == "row"}
    assert set(BYTE_FAULTS) <= set(ROW_FAULTS)


def test_a_row_has_one_label_at_most(faulted: FaultedLocality) -> None:
    assert not faulted.labels.select("extract", "row").is_duplicated().any()


def test_the_same_seed_gives_the_same_faults_and_another_seed_others(clean: Locality, southampton: Profile, faulted: FaultedLocality) -> None:
    again, other = inject_faults(clean, southampton, 7), inject_faults(clean, southampton, 8)
    assert again.labels.equals(faulted.labels)
    assert all(again.extracts[name].equals(frame) for name, frame in faulted.extracts.items())
    assert not other.labels.equals(faulted.labels)


def test_every_row_has_the_expected_outcome(landed: Path, ledger: ReferenceLedger) -> None:
    truth = expected_outcomes(pl.read_parquet(landed / "truth/records.parquet"), pl.read_parquet(landed / "truth/faults.parquet"))
    expected = {(extract, row): (outcome, reason) for extract, row, outcome, reason in truth.iter_rows()}
    assert expected.keys() == ledger.outcomes.keys()
    assert Counter((expected[key], outcome) for key, outcome in ledger.outcomes.items() if expected[key] != outcome) == Counter()


def test_every_row_has_the_expected_outcome_also_with_many_faults(clean: Locality, southampton: Profile, tmp_path: Path) -> None:
    crowded = [dataclasses.replace(rate, rate=max(rate.rate, 0.05 if rate.extract == "gp_registrations" else 0.02)) for rate in load_rates()]
    faulted = inject_faults(clean, southampton, 5, crowded)
    write_files(faulted, clean.lookup, tmp_path)
    truth = expected_outcomes(record_owners(faulted), faulted.labels)
    expected = {(extract, row): (outcome, reason) for extract, row, outcome, reason in truth.iter_rows()}
    outcomes = build_reference_ledger(tmp_path / "landing").outcomes
    assert Counter((expected[key], outcome) for key, outcome in outcomes.items() if expected[key] != outcome) == Counter()


def test_only_the_labelled_rows_break_rules(faulted: FaultedLocality, ledger: ReferenceLedger) -> None:
    labelled_counts = faulted.labels.drop_nulls("rule").group_by("extract", "rule").len()
    assert ledger.broken == Counter({(extract, rule): count for extract, rule, count in labelled_counts.iter_rows()})


def test_rows_without_a_label_are_unchanged(clean: Locality, faulted: FaultedLocality) -> None:
    for name, frame in faulted.extracts.items():
        labelled = faulted.labels.filter(pl.col("extract") == name)["row"] - 1
        rest = frame.with_row_index().filter(~pl.col("index").is_in(labelled.implode())).drop("index")
        assert rest.height + len(labelled) == frame.height
        assert rest.join(clean.extracts[name], on=frame.columns, how="anti", nulls_equal=True).is_empty()


def _changes_only(*columns: str) -> Callable[[dict[str, str], dict[str, str]], bool]:
    """Return a check that only these columns differ, and at least one of them."""
    return lambda now, was: (differ := {name for name in was if now[name] != was[name]}) != set() and differ <= set(columns)


def _different_digits(now: dict[str, str], was: dict[str, str]) -> list[int]:
    return [n for n in range(10) if now["nhs_number"][n] != was["nhs_number"][n]]


def _event_day(row: dict[str, str]) -> str:
    return next(row[table.event_date] for table in EXTRACTS.values() if table.event_date in row)


VISIBLE_CHANGES: dict[str, Callable[[dict[str, str], dict[str, str]], object]] = {
    "accent_lost": _changes_only("given_name", "family_name"),
    "hyphen_dropped": lambda now, was: "-" not in now["given_name"] + now["family_name"] and "-" in was["given_name"] + was["family_name"],
    "apostrophe_dropped": lambda now, was: re.sub("^([OD]) ?", r"\1'", now["family_name"]) == was["family_name"],
    "mc_respelled": lambda now, was: {now["family_name"][:2], was["family_name"][:2]} <= {"Mc", "Ma"} and _changes_only("family_name")(now, was),
    "nickname": lambda now, was: now["given_name"] in nicknames()[was["given_name"]],
    "married_name": _changes_only("family_name"),
    "names_swapped": lambda now, was: (now["given_name"], now["family_name"]) == (was["family_name"], was["given_name"]),
    "hostel_address": lambda now, was: now["address_line_1"].endswith("Hostel"),
    "postcode_mistyped": lambda now, was: re.search(" O", now["postcode"]) and _changes_only("postcode")(now, was),
    "number_missing": lambda now, was: now["nhs_number"] is None,
    "number_not_held": lambda now, was: now["nhs_number"] is None,
    "number_mistyped": lambda now, was: len(_different_digits(now, was)) == 1,
    "number_transposed": lambda now, was: (
        len(off := _different_digits(now, was)) == 2 and off[1] - off[0] == 1 and sorted(now["nhs_number"]) == sorted(was["nhs_number"])
    ),
    "number_repeated_digit": lambda now, was: len(set(now["nhs_number"])) == 1 and len(now["nhs_number"]) == 10,
    "number_other_nation": lambda now, was: now["nhs_number"][:4] == "3002" or now["nhs_number"][:4] == "3999",
    "number_never_issued": lambda now, was: now["nhs_number"][0] == "5",
    "number_short": lambda now, was: now["nhs_number"] == was["nhs_number"][:9],
    "number_letters": lambda now, was: re.fullmatch("[0-9OI]{10}", now["nhs_number"]) and not now["nhs_number"].isdigit(),
    "number_spaced": lambda now, was: re.fullmatch(r"\d{3} \d{3} \d{4}", now["nhs_number"]) and now["nhs_number"].replace(" ", "") == was["nhs_number"],
    "number_of_another": _changes_only("nhs_number"),
    "number_superseded": _changes_only("nhs_number", "replaced_nhs_number", "replaced_nhs_number_date"),
    "birth_date_wrong": _changes_only("date_of_birth"),
    "birth_date_default": lambda now, was: now["date_of_birth"] in ("1900-01-01", was["date_of_birth"][:4] + "-01-01"),
    "birth_date_swapped": lambda now, was: now["date_of_birth"] == f"{was['date_of_birth'][:4]}-{was['date_of_birth'][8:]}-{was['date_of_birth'][5:7]}",
    "birth_date_missing": lambda now, was: now["date_of_birth"] is None,
    "birth_date_impossible": lambda now, was: now["date_of_birth"].endswith("-02-30"),
    "unknown_code": lambda now, was: list(now.values()).count("QQ") == 1,
    "unknown_essential_code": lambda now, was: list(now.values()).count("QQ") == 1,
    "date_format": lambda now, was: any(re.fullmatch(r"\d\d/\d\d/\d{4}", str(value)) for value in now.values()),
    "moved": _changes_only("address_line_1", "postcode"),
    "care_home_address": _changes_only("address_line_1", "postcode"),
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


@pytest.mark.parametrize("fault", VISIBLE_CHANGES)
def test_the_row_shows_the_fault(clean: Locality, faulted: FaultedLocality, fault: str) -> None:
    pairs = _pairs(clean, faulted, fault)
    assert pairs
    assert all(VISIBLE_CHANGES[fault](now, was) for now, was in pairs)


def test_every_fault_has_a_test() -> None:
    by_the_tests_that_follow = {"key_missing", "number_shared", "two_numbers"}
    assert set(VISIBLE_CHANGES) | set(BYTE_FAULTS) | by_the_tests_that_follow == {rate.fault for rate in load_rates()}


def test_a_row_with_a_missing_key_has_no_record_number(faulted: FaultedLocality) -> None:
    labels = faulted.labels.filter(pl.col("fault") == "key_missing")
    assert labels.height
    for name, row in labels.select("extract", "row").iter_rows():
        assert faulted.extracts[name][row - 1, EXTRACTS[name].key[0]] is None


def test_two_people_on_the_register_share_a_number(faulted: FaultedLocality) -> None:
    shared = faulted.labels.filter((pl.col("fault") == "number_shared") & (pl.col("extract") == "gp_registrations"))["row"] - 1
    rows = faulted.extracts["gp_registrations"][shared]
    assert rows.height >= 2
    assert (rows.group_by("nhs_number").agg(pl.col("true_person", "date_of_birth").n_unique())["date_of_birth"] == 2).all()


def test_a_person_with_two_numbers_is_on_the_register_under_both(faulted: FaultedLocality) -> None:
    register = faulted.extracts["gp_registrations"]
    second = register[faulted.labels.filter((pl.col("fault") == "two_numbers") & (pl.col("extract") == "gp_registrations"))["row"] - 1]
    numbers = register.filter(pl.col("true_person").is_in(second["true_person"].implode())).group_by("true_person").agg(pl.col("nhs_number").n_unique())
    assert second.height
    assert (numbers["nhs_number"] == 2).all()


def test_a_superseded_number_on_a_record_is_on_the_register(faulted: FaultedLocality) -> None:
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
def test_the_profile_sets_the_share_of_clients_with_a_number(clean: Locality, southampton: Profile, coverage: float) -> None:
    faulted = inject_faults(clean, dataclasses.replace(southampton, social_care_number_coverage=coverage), 7, rates=())
    clients = (
        faulted.extracts["adult_social_care"]
        .group_by("true_person")
        .agg(pl.col("nhs_number").is_null().any().alias("any"), pl.col("nhs_number").is_null().all().alias("all"))
    )
    assert clients["any"].sum() == clients["all"].sum() == round((1 - coverage) * clients.height)


def test_without_rates_only_faults_of_the_locality_itself_are_labelled(clean: Locality, southampton: Profile) -> None:
    faulted = inject_faults(clean, southampton, 7, rates=())
    assert set(faulted.labels["fault"]) == {"type_1", "twin", "number_not_held"}


def test_a_duplicate_follows_its_original_or_is_at_the_end(faulted: FaultedLocality) -> None:
    for fault in ("duplicate", "sent_again"):
        for name, row in faulted.labels.filter(pl.col("fault") == fault).select("extract", "row").iter_rows():
            frame = faulted.extracts[name]
            earlier = frame[: row - 1].filter(pl.col(EXTRACTS[name].key[0]) == frame[row - 1, EXTRACTS[name].key[0]])
            assert earlier.height >= 1
            assert fault == "sent_again" or frame.row(row - 2) == frame.row(row - 1)


def test_no_number_in_the_files_could_be_a_live_one(faulted: FaultedLocality) -> None:
    for frame in faulted.extracts.values():
        in_live_range = frame["nhs_number"].drop_nulls().str.replace_all("[ -]", "").unique().to_list()
        assert all(len(set(number)) == 1 for number in in_live_range if re.fullmatch("[4678][0-9]{9}", number))


def test_labels_cover_every_outcome_of_the_ledger(faulted: FaultedLocality) -> None:
    assert set(faulted.labels["outcome"].drop_nulls()) == {DECIDED_BY_TRACE, *Outcome} - {Outcome.NOT_REGISTERED}


def test_every_row_has_a_true_person(faulted: FaultedLocality) -> None:
    truth = record_owners(faulted)
    assert truth.height == sum(frame.height for frame in faulted.extracts.values())
    assert truth.group_by("extract").agg(pl.col("row").max() == pl.len())["row"].all()

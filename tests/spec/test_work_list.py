"""The work-list of a source: what stands on it, that it is true, who is not on it, and that it lies in the vault alone."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.trace_reasons import reasons_for, trace_reasons
from bcf_linkage.definitions.work_list import Kind, Supplied, tasks
from bcf_linkage.identifiable.vault.resealing import reseal, sealed_under
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.source_lists import Listed, lists_of, read_list, source_list_files
from bcf_linkage.identifiable.work_list import LISTED, work_list
from bcf_linkage.storage import trail
from pipelines.custody import vault_of
from pipelines.settings import read_settings
from pipelines.tracing import ENGINE
from pipelines.work_lists import give
from tests.conftest import Said
from tests.spec.delivered import number

EXTRACT, CONFIRMED = "adult_social_care", "cross_check"
ONE, OTHER = number(930_000_000), number(930_000_100)
OUTRIGHT = set(trace_reasons()) - set(reasons_for(Place.LINKED))


def identity(reason: str, supplied: str | None, found: str | None, state: str = "sound", **rest: Any) -> dict[str, Any]:
    bare = supplied.replace(" ", "") if supplied else None
    return {"reason": reason, "nhs_number": supplied, "number": bare, "number_state": state, "person_number": found, "client": "C1", "rows": 2, **rest}


def listed(*identities: dict[str, Any]) -> list[dict[str, Any]]:
    return ENGINE.collect(work_list(ENGINE.frame(pl.DataFrame(identities)), "client")).to_dicts()


@pytest.mark.parametrize(
    ("one", "kind", "found", "status"),
    [
        (identity("exact_demographics", None, ONE, "number_missing"), Kind.FOUND, ONE, "01"),
        (identity("scored", "123", ONE, "number_format"), Kind.FOUND, ONE, "01"),
        (identity("superseded_number", OTHER, ONE), Kind.CHANGED, ONE, "01"),
        (identity("scored", OTHER, ONE), Kind.CHANGED, ONE, "01"),
        (identity("scored", f"{ONE[:3]} {ONE[3:6]} {ONE[6:]}", ONE), Kind.CONFLICTING, ONE, "01"),
        (identity("cross_check_partial", ONE, ONE), Kind.CONFLICTING, ONE, "01"),
        (identity("birth_date_conflict", ONE, None), Kind.CONFLICTING, None, "05"),
        (identity("twin", None, None, "number_missing"), Kind.CONFLICTING, None, "05"),
        (identity("not_on_register", ONE, ONE), Kind.UNTRACEABLE, None, "04"),
        (identity("number_missing", None, None, "number_missing"), Kind.UNTRACEABLE, None, "03"),
        (identity("birth_date_missing", ONE, None), Kind.UNTRACEABLE, None, "02"),
    ],
)
def test_what_is_the_matter_with_a_number(one: dict[str, Any], kind: Kind, found: str | None, status: str) -> None:
    (row,) = listed(one)
    assert (row["kind"], row["found_nhs_number"], row["status_code"]) == (kind, found, status)
    assert (row["local_id"], row["supplied_nhs_number"], row["records"]) == ("C1", one["nhs_number"], 2)
    assert row["words"] == trace_reasons()[one["reason"]].words
    assert row["to_do"]


def test_a_number_that_was_confirmed_leaves_nothing_to_do() -> None:
    assert listed(identity(CONFIRMED, ONE, ONE)) == []


@pytest.mark.parametrize("reason", [reason for reason in trace_reasons() if reason != CONFIRMED])
def test_every_other_end_of_a_trace_says_what_to_do(reason: str) -> None:
    told = {supplied for one, supplied in tasks() if one == reason}
    assert told == {Supplied.ANY} or (reason not in OUTRIGHT and told == {Supplied.NONE, Supplied.SAME, Supplied.OTHER})


def test_tasks_name_reasons_that_there_are() -> None:
    assert {reason for reason, _ in tasks()} == set(trace_reasons()) - {CONFIRMED}


def test_records_that_tell_the_same_of_a_client_are_one_row_in_a_fixed_order() -> None:
    ones = [
        identity("number_missing", None, None, "number_missing", client="C9"),
        identity("scored", None, ONE, "number_missing"),
        identity("scored", None, ONE, "number_missing", rows=5),
        identity("twin", OTHER, None, client="C2"),
        identity("scored", None, OTHER, "number_missing", client="C0"),
    ]
    rows = listed(*ones)
    assert [(row["kind"], row["local_id"], row["records"]) for row in rows] == [
        ("found", "C0", 2),
        ("found", "C1", 7),
        ("conflicting", "C2", 2),
        ("untraceable", "C9", 2),
    ]
    assert rows == listed(*reversed(ones))
    assert tuple(rows[0]) == LISTED


@pytest.fixture
def place(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def clients(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


def test_the_council_is_given_its_own_list_and_the_numbers_on_it_are_the_true_ones(place: Path) -> None:
    given = give(place, EXTRACT, "numbers for the council")
    rows = list(clients(given.path))
    assert {kind: sum(row["kind"] == kind for row in rows) for kind in Kind} == given.rows
    assert given.rows[Kind.FOUND] > 20
    assert given.path.parent == place / "vault" / "reidentified"
    assert given.path.stat().st_mode & 0o777 == 0o600

    people = pl.read_parquet(place / "truth" / "people.parquet")["nhs_number"]
    whose = pl.read_parquet(place / "truth" / "records.parquet").filter(pl.col("extract") == EXTRACT)
    file = pl.read_csv(place / "landing" / EXTRACT / f"{EXTRACT}.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
    true = {
        file["la_person_unique_identifier"][row - 1]: people[person] for row, person in whose.select("row", "true_person").iter_rows() if person is not None
    }
    found = [(row["found_nhs_number"], true[row["local_id"]]) for row in rows if row["found_nhs_number"] and row["local_id"] in true]
    assert len(found) > 20
    assert sum(one != number for one, number in found) == 0


def test_nobody_who_objects_is_on_it(place: Path) -> None:
    run = (place / "published" / "current").resolve().name
    kept = pl.read_parquet(place / "pseudonymised" / run / "received" / f"{EXTRACT}.parquet").height
    rows = list(clients(give(place, EXTRACT, "numbers for the council").path))
    opted_out = pl.read_csv(
        place / "landing" / "gp_registrations" / "gp_registrations.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy"
    )
    objecting = set(opted_out.filter(pl.col("type_1_opt_out") == "Y")["nhs_number"])
    assert len(objecting) > 10
    assert not objecting & {row[name] for row in rows for name in ("supplied_nhs_number", "found_nhs_number")}
    assert sum(int(row["records"]) for row in rows) <= kept


def test_each_source_has_a_sealed_list_from_the_run_and_the_register_has_none(published: Path) -> None:
    settings = read_settings(published)
    vault = vault_of(published, settings)
    files = [file for file in source_list_files(vault) if file.parts[-3] == Listed.WORK]
    assert [file.parent.name for file in files] == sorted(set(settings.sources) - {"gp_registrations"})
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    number = read_list(vault, Listed.WORK, EXTRACT, files[0].stem)["found_nhs_number"].drop_nulls()[0]
    assert not any(number.encode() in file.read_bytes() for file in files)


def test_what_is_given_is_in_the_trail_as_counts_alone(place: Path, bcf: Callable[..., Said]) -> None:
    said = bcf("work-list", place, EXTRACT, "--why", "numbers for the council", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    line = trail.entries(place / "audit" / "trail.jsonl")[-1]
    assert (line["what"], line["why"], line["run"]) == ("work-list given", "numbers for the council", told["run"])
    assert line["counts"] == {str(kind): told[kind] for kind in Kind}
    numbers = {row[name] for row in clients(Path(told["list"])) for name in ("local_id", "found_nhs_number") if row[name]}
    assert numbers
    assert not any(number in said.out + json.dumps(line) for number in numbers)
    assert trail.verify(place / "audit" / "trail.jsonl") == ()
    assert bcf("work-list", place, EXTRACT, "--why", "again", "--json").code == 0, "a second list stands beside the first"


@pytest.mark.parametrize(
    ("extract", "more", "words"),
    [
        ("gp_registrations", {}, "no source of that name has a work-list; there are gp_events,"),
        ("9434765919", {}, "no source of that name"),
        (EXTRACT, {"run": "2014-09-30-aaaaaaaaaa"}, "that run is not published"),
        (EXTRACT, {"out": Path("published/list.csv")}, "lies in the workspace, where others read"),
    ],
)
def test_what_is_refused_is_recorded_and_nothing_is_written(extract: str, more: dict[str, Any], words: str, place: Path) -> None:
    more = {name: place / value if isinstance(value, Path) else value for name, value in more.items()}
    with pytest.raises(RequestRefused, match=words) as refusal:
        give(place, extract, "numbers for the council", **more)
    assert "9434765919" not in str(refusal.value)
    assert trail.entries(place / "audit" / "trail.jsonl")[-1]["what"] == "work-list refused"
    assert not (place / "vault" / "reidentified").exists()


def test_a_rotated_key_seals_them_anew(place: Path) -> None:
    vault = vault_of(place, read_settings(place))
    (run,) = lists_of(vault, Listed.WORK, EXTRACT)
    before = read_list(vault, Listed.WORK, EXTRACT, run)
    vault.prepare(Purpose.REGISTER)
    vault.turn(Purpose.REGISTER, vault.ring.entries[0].created)
    assert reseal(vault) == 1 + len(source_list_files(vault))
    assert sealed_under(vault, "register-1") == 0
    assert read_list(vault, Listed.WORK, EXTRACT, run).equals(before)

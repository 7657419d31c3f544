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

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for, trace_reasons
from bcf_linkage.definitions.work_list import Supplied, TaskKind, tasks
from bcf_linkage.identifiable.vault.reseal import count_sealed_under, reseal
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, read_source_list, source_list_files, source_list_names
from bcf_linkage.identifiable.work_list import WORK_LIST_COLUMNS, build_work_list
from bcf_linkage.storage import trail
from bcf_linkage.storage.engine import POLARS
from pipelines.admin.work_lists import export_work_list
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.settings import read_settings
from tests.conftest import CommandResult
from tests.delivery_builder import number

EXTRACT, CONFIRMED = "adult_social_care", "cross_check"
ONE, OTHER = number(930_000_000), number(930_000_100)
OUTRIGHT = set(trace_reasons()) - set(reasons_for(Outcome.LINKED))


def identity(reason: str, supplied: str | None, found: str | None, state: str = "sound", **rest: Any) -> dict[str, Any]:
    bare = supplied.replace(" ", "") if supplied else None
    return {"reason": reason, "nhs_number": supplied, "number": bare, "number_state": state, "person_number": found, "client": "C1", "rows": 2, **rest}


def work_list_rows(*identities: dict[str, Any]) -> list[dict[str, Any]]:
    return POLARS.collect(build_work_list(POLARS.frame(pl.DataFrame(identities)), "client")).to_dicts()


@pytest.mark.parametrize(
    ("one", "kind", "found", "status"),
    [
        (identity("exact_demographics", None, ONE, "number_missing"), TaskKind.FOUND, ONE, "01"),
        (identity("scored", "123", ONE, "number_format"), TaskKind.FOUND, ONE, "01"),
        (identity("superseded_number", OTHER, ONE), TaskKind.CHANGED, ONE, "01"),
        (identity("scored", OTHER, ONE), TaskKind.CHANGED, ONE, "01"),
        (identity("scored", f"{ONE[:3]} {ONE[3:6]} {ONE[6:]}", ONE), TaskKind.CONFLICTING, ONE, "01"),
        (identity("cross_check_partial", ONE, ONE), TaskKind.CONFLICTING, ONE, "01"),
        (identity("birth_date_conflict", ONE, None), TaskKind.CONFLICTING, None, "05"),
        (identity("twin", None, None, "number_missing"), TaskKind.CONFLICTING, None, "05"),
        (identity("not_on_register", ONE, ONE), TaskKind.UNTRACEABLE, None, "04"),
        (identity("number_missing", None, None, "number_missing"), TaskKind.UNTRACEABLE, None, "03"),
        (identity("birth_date_missing", ONE, None), TaskKind.UNTRACEABLE, None, "02"),
    ],
)
def test_what_is_the_matter_with_a_number(one: dict[str, Any], kind: TaskKind, found: str | None, status: str) -> None:
    (row,) = work_list_rows(one)
    assert (row["kind"], row["found_nhs_number"], row["status_code"]) == (kind, found, status)
    assert (row["local_id"], row["supplied_nhs_number"], row["records"]) == ("C1", one["nhs_number"], 2)
    assert row["words"] == trace_reasons()[one["reason"]].words
    assert row["to_do"]


def test_a_number_that_was_confirmed_leaves_nothing_to_do() -> None:
    assert work_list_rows(identity(CONFIRMED, ONE, ONE)) == []


@pytest.mark.parametrize("reason", [reason for reason in trace_reasons() if reason != CONFIRMED])
def test_every_other_end_of_a_trace_says_what_to_do(reason: str) -> None:
    supplied_kinds = {supplied for one, supplied in tasks() if one == reason}
    assert supplied_kinds == {Supplied.ANY} or (reason not in OUTRIGHT and supplied_kinds == {Supplied.NONE, Supplied.SAME, Supplied.OTHER})


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
    rows = work_list_rows(*ones)
    assert [(row["kind"], row["local_id"], row["records"]) for row in rows] == [
        ("found", "C0", 2),
        ("found", "C1", 7),
        ("conflicting", "C2", 2),
        ("untraceable", "C9", 2),
    ]
    assert rows == work_list_rows(*reversed(ones))
    assert tuple(rows[0]) == WORK_LIST_COLUMNS


@pytest.fixture
def published_copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def read_rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def test_the_council_is_given_its_own_list_and_the_numbers_on_it_are_the_true_ones(published_copy: Path) -> None:
    given = export_work_list(published_copy, EXTRACT, "numbers for the council")
    rows = list(read_rows(given.path))
    assert {kind: sum(row["kind"] == kind for row in rows) for kind in TaskKind} == given.rows
    assert given.rows[TaskKind.FOUND] > 20
    assert given.path.parent == published_copy / "vault" / "reidentified"
    assert given.path.stat().st_mode & 0o777 == 0o600

    people = pl.read_parquet(published_copy / "truth" / "people.parquet")["nhs_number"]
    record_owners = pl.read_parquet(published_copy / "truth" / "records.parquet").filter(pl.col("extract") == EXTRACT)
    file = pl.read_csv(published_copy / "landing" / EXTRACT / f"{EXTRACT}.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
    true = {
        file["la_person_unique_identifier"][row - 1]: people[person]
        for row, person in record_owners.select("row", "true_person").iter_rows()
        if person is not None
    }
    found = [(row["found_nhs_number"], true[row["local_id"]]) for row in rows if row["found_nhs_number"] and row["local_id"] in true]
    assert len(found) > 20
    assert sum(one != number for one, number in found) == 0


def test_nobody_who_objects_is_on_it(published_copy: Path) -> None:
    run = (published_copy / "published" / "current").resolve().name
    kept = pl.read_parquet(published_copy / "pseudonymised" / run / "received" / f"{EXTRACT}.parquet").height
    rows = list(read_rows(export_work_list(published_copy, EXTRACT, "numbers for the council").path))
    opted_out = pl.read_csv(
        published_copy / "landing" / "gp_registrations" / "gp_registrations.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy"
    )
    objecting = set(opted_out.filter(pl.col("type_1_opt_out") == "Y")["nhs_number"])
    assert len(objecting) > 10
    assert not objecting & {row[name] for row in rows for name in ("supplied_nhs_number", "found_nhs_number")}
    assert sum(int(row["records"]) for row in rows) <= kept


def test_each_source_has_a_sealed_list_from_the_run_and_the_register_has_none(published: Path) -> None:
    settings = read_settings(published)
    vault = vault_of(published, settings)
    files = [file for file in source_list_files(vault) if file.parts[-3] == SourceListKind.WORK_LISTS]
    assert [file.parent.name for file in files] == sorted(set(settings.sources) - {"gp_registrations"})
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    number = read_source_list(vault, SourceListKind.WORK_LISTS, EXTRACT, files[0].stem)["found_nhs_number"].drop_nulls()[0]
    assert not any(number.encode() in file.read_bytes() for file in files)


def test_what_is_given_is_in_the_trail_as_counts_alone(published_copy: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("work-list", published_copy, EXTRACT, "--why", "numbers for the council", "--json")
    assert result.code == 0, result.err
    summary = json.loads(result.out)
    line = trail.read_trail(published_copy / "audit" / "trail.jsonl")[-1]
    assert (line["what"], line["why"], line["run"]) == ("work-list given", "numbers for the council", summary["run"])
    assert line["counts"] == {str(kind): summary[kind] for kind in TaskKind}
    numbers = {row[name] for row in read_rows(Path(summary["list"])) for name in ("local_id", "found_nhs_number") if row[name]}
    assert numbers
    assert not any(number in result.out + json.dumps(line) for number in numbers)
    assert trail.verify_chain(published_copy / "audit" / "trail.jsonl") == ()
    assert bcf("work-list", published_copy, EXTRACT, "--why", "again", "--json").code == 0, "a second list stands beside the first"


@pytest.mark.parametrize(
    ("extract", "more", "words"),
    [
        ("gp_registrations", {}, "no source of that name has a work-list; the sources are gp_events,"),
        ("9434765919", {}, "no source of that name"),
        (EXTRACT, {"run": "2014-09-30-aaaaaaaaaa"}, "that run is not published"),
        (EXTRACT, {"out": Path("published/list.csv")}, "is in the workspace, where others can read"),
    ],
)
def test_what_is_refused_is_recorded_and_nothing_is_written(extract: str, more: dict[str, Any], words: str, published_copy: Path) -> None:
    more = {name: published_copy / value if isinstance(value, Path) else value for name, value in more.items()}
    with pytest.raises(UsageError, match=words) as refusal:
        export_work_list(published_copy, extract, "numbers for the council", **more)
    assert "9434765919" not in str(refusal.value)
    assert trail.read_trail(published_copy / "audit" / "trail.jsonl")[-1]["what"] == "work-list refused"
    assert not (published_copy / "vault" / "reidentified").exists()


def test_a_rotated_key_seals_them_anew(published_copy: Path) -> None:
    vault = vault_of(published_copy, read_settings(published_copy))
    (run,) = source_list_names(vault, SourceListKind.WORK_LISTS, EXTRACT)
    before = read_source_list(vault, SourceListKind.WORK_LISTS, EXTRACT, run)
    vault.prepare_key(KeyPurpose.REGISTER)
    vault.activate_key(KeyPurpose.REGISTER, vault.ring.entries[0].created)
    assert reseal(vault) == 1 + len(source_list_files(vault))
    assert count_sealed_under(vault, "register-1") == 0
    assert read_source_list(vault, SourceListKind.WORK_LISTS, EXTRACT, run).equals(before)

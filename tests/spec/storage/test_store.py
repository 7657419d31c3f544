"""A workspace's folders: one run at a time, published whole or not at all, the same bytes for the same rows."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataQualityError, EnvironmentFault, TransientError
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.schema import Column, Table, Type
from bcf_linkage.storage.ledger import check_balance, write_ledger
from bcf_linkage.storage.manifest import Manifest, ManifestInput, digest, digests, versions, write_manifest
from bcf_linkage.storage.store import Staging, Workspace, lock_workspace, raise_on_os_error, recover_workspace, stage_run
from bcf_linkage.storage.tables import STORAGE_TYPES, write_tables


class Stopped(BaseException):
    """The machine stops here."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def write(staging: Staging, words: str) -> None:
    (staging.pseudonymised / "people.txt").write_text(words)
    (staging.audit / "manifest.json").write_text(words)
    (staging.published / "csv").mkdir()
    (staging.published / "csv" / "a.csv").write_text(words)
    (staging.published / "b.csv").write_text(words)


def publish(workspace: Workspace, run: str, words: str) -> None:
    with lock_workspace(workspace), stage_run(workspace, run) as staging:
        write(staging, words)
        staging.publish()


def current(workspace: Workspace) -> set[str]:
    """All words of the current publication, which is whole if they are one."""
    files = [workspace.current / "csv" / "a.csv", workspace.current / "b.csv"]
    return {file.read_text() for file in files}


def hidden(workspace: Workspace) -> set[str]:
    return {path.name for path in (*workspace.root.glob(".*"), *(workspace.root / "published").glob(".*"))} - {".lock"}


def test_a_run_is_published_whole_and_current_follows_the_newest(workspace: Workspace) -> None:
    publish(workspace, "one", "first")
    publish(workspace, "two", "second")
    assert current(workspace) == {"second"}
    assert str(workspace.current.readlink()) == "two", "a relative link, so that a workspace can be moved"
    assert (workspace.published("one") / "b.csv").read_text() == "first"
    assert (workspace.pseudonymised("two") / "people.txt").read_text() == "second"
    assert (workspace.audit("two") / "manifest.json").read_text() == "second"
    assert not any(workspace.staging.iterdir())


def test_a_run_that_fails_leaves_nothing(workspace: Workspace) -> None:
    publish(workspace, "one", "first")

    def refused() -> None:
        with lock_workspace(workspace), stage_run(workspace, "two") as staging:
            write(staging, "second")
            raise DataQualityError("the gate")

    with pytest.raises(DataQualityError):
        refused()
    assert current(workspace) == {"first"}
    assert not workspace.published("two").exists()
    assert not workspace.pseudonymised("two").exists()
    assert not any(workspace.staging.iterdir())


def test_publishing_the_same_again_leaves_the_files_as_they_are(workspace: Workspace) -> None:
    publish(workspace, "one", "first")
    before = {path: path.stat().st_ino for path in workspace.root.rglob("*") if path.is_file()}
    publish(workspace, "one", "first")
    assert {path: path.stat().st_ino for path in workspace.root.rglob("*") if path.is_file()} == before
    assert current(workspace) == {"first"}


def test_publishing_a_run_anew_replaces_it(workspace: Workspace) -> None:
    publish(workspace, "one", "first")
    publish(workspace, "one", "again")
    assert current(workspace) == {"again"}
    assert (workspace.pseudonymised("one") / "people.txt").read_text() == "again"
    assert hidden(workspace) == {".staging"}


def count_renames(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], stop_before: int, tidies_up: bool = False, how: BaseException | None = None
) -> int:
    """Carry out `act`, with the machine stopped before the given rename, or failing there; gives back how many there were."""
    count = 0
    replace = os.replace

    def counted(*paths: Path) -> None:
        nonlocal count
        count += 1
        if count == stop_before:
            raise how or Stopped
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted)
        if not tidies_up:
            # A machine that stops does not tidy up.
            patch.setattr("shutil.rmtree", lambda *given, **named: None)
        act()
    return count


@pytest.mark.parametrize("run", ["one", "two"], ids=["the same run anew", "another run"])
def test_a_crash_at_any_rename_leaves_a_whole_publication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
    untouched = Workspace(tmp_path / "untouched")
    untouched.root.mkdir()
    publish(untouched, "one", "first")
    renames = count_renames(monkeypatch, lambda: publish(untouched, run, "second"), stop_before=0)
    assert renames >= 4

    for step in range(1, renames + 1):
        workspace = Workspace(tmp_path / str(step))
        workspace.root.mkdir()
        publish(workspace, "one", "first")
        with pytest.raises(Stopped):
            count_renames(monkeypatch, lambda workspace=workspace: publish(workspace, run, "second"), stop_before=step)
        assert current(workspace) in ({"first"}, {"second"})
        if current(workspace) == {"second"}:
            assert (workspace.pseudonymised(run) / "people.txt").read_text() == "second", "what a publication stands on is there before it"
            assert (workspace.audit(run) / "manifest.json").read_text() == "second"

        with lock_workspace(workspace):
            recover_workspace(workspace)
        assert current(workspace) in ({"first"}, {"second"})
        assert not hidden(workspace)
        assert not str(workspace.current.readlink()).startswith(".")
        for kept in (workspace.published("one"), workspace.pseudonymised("one"), workspace.audit("one")):
            assert kept.is_dir(), "what was about to be replaced is put back"

        publish(workspace, run, "second")
        assert current(workspace) == {"second"}
        assert (workspace.pseudonymised(run) / "people.txt").read_text() == "second"


@pytest.mark.parametrize("run", ["one", "two"], ids=["the same run anew", "another run"])
def test_a_disk_that_fails_at_any_rename_and_comes_back_publishes_at_the_second_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
    untouched = Workspace(tmp_path / "untouched")
    untouched.root.mkdir()
    publish(untouched, "one", "first")
    renames = count_renames(monkeypatch, lambda: publish(untouched, run, "second"), stop_before=0, tidies_up=True)
    for step in range(1, renames + 1):
        workspace = Workspace(tmp_path / str(step))
        workspace.root.mkdir()
        publish(workspace, "one", "first")
        with lock_workspace(workspace), stage_run(workspace, run) as staging:
            write(staging, "second")
            with pytest.raises(TransientError, match="cannot be written"):
                count_renames(monkeypatch, staging.publish, stop_before=step, tidies_up=True, how=OSError(errno.EIO, "input/output error"))
            assert current(workspace) in ({"first"}, {"second"})
            staging.publish()
        assert current(workspace) == {"second"}
        assert (workspace.pseudonymised(run) / "people.txt").read_text() == "second"
        assert (workspace.audit(run) / "manifest.json").read_text() == "second"
        assert hidden(workspace) == {".staging"}


def test_leftovers_of_a_stopped_run_are_cleared_at_the_next_start(workspace: Workspace) -> None:
    (workspace.staging / "old" / "published").mkdir(parents=True)
    (workspace.staging / "old" / "published" / "half.csv").write_text("half")
    publish(workspace, "one", "first")
    assert not (workspace.staging / "old").exists()
    assert not workspace.published("old").exists()


HOLDER = """
import sys, time
from pathlib import Path
from bcf_linkage.storage.store import Workspace, lock_workspace
with lock_workspace(Workspace(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_process(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, workspace.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_at_the_same_time_is_refused_in_one_line(workspace: Workspace, other_process: subprocess.Popen[str]) -> None:
    with pytest.raises(EnvironmentFault, match=rf"another run is in progress \(process {other_process.pid}\); wait") as refused, lock_workspace(workspace):
        pass
    assert refused.value.exit_code == 3
    assert "\n" not in str(refused.value)


def test_a_killed_run_holds_no_lock(workspace: Workspace, other_process: subprocess.Popen[str]) -> None:
    other_process.kill()
    other_process.wait()
    publish(workspace, "one", "first")
    assert current(workspace) == {"first"}


RACER = """
import sys
from pathlib import Path
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.storage.store import Workspace, lock_workspace, stage_run
workspace, run = Workspace(Path(sys.argv[1])), sys.argv[2]
sys.stdin.read()
try:
    with lock_workspace(workspace), stage_run(workspace, run) as staging:
        for n in range(200):
            (staging.published / f"{n}.csv").write_text(run)
        staging.publish()
        print("published")
except EnvironmentFault:
    print("refused")
"""


def test_of_racing_processes_each_publishes_whole_or_is_refused(workspace: Workspace) -> None:
    command = [sys.executable, "-c", RACER, str(workspace.root)]
    racers = [subprocess.Popen([*command, f"run{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(4)]
    for racer in racers:
        assert racer.stdin
        racer.stdin.close()
    results = [racer.stdout.read().strip() for racer in racers if racer.stdout]
    assert set(results) <= {"published", "refused"}
    assert "published" in results
    for n, outcome in enumerate(results):
        folder = workspace.published(f"run{n}")
        assert folder.exists() == (outcome == "published")
        assert len(list(folder.glob("*.csv"))) == (200 if outcome == "published" else 0)
    for racer in racers:
        racer.wait()


def test_person_level_folders_are_their_owners_alone(workspace: Workspace) -> None:
    publish(workspace, "one", "first")
    assert {(workspace.root / name).stat().st_mode & 0o777 for name in ("pseudonymised", "audit", ".staging")} == {0o700}


@pytest.mark.parametrize(
    ("number", "cure"), [(errno.ENOSPC, "free some space and run again"), (errno.EACCES, "ask for the right to write"), (errno.EIO, "look at the disk")]
)
def test_a_full_or_forbidden_disk_is_one_line_that_says_what_to_do(number: int, cure: str) -> None:
    with pytest.raises(EnvironmentFault, match=rf"^here: cannot be written \(.+\); {cure}") as refused, raise_on_os_error(Path("here")):
        raise OSError(number, os.strerror(number), "there")
    assert "\n" not in str(refused.value)


def test_a_disk_that_fills_up_while_publishing_leaves_the_publication_before(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(workspace, "one", "first")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(EnvironmentFault, match="free some space"):
            publish(workspace, "two", "second")
    assert current(workspace) == {"first"}
    assert not workspace.published("two").exists()
    assert not any(workspace.staging.iterdir())


def test_a_workspace_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be written"), lock_workspace(Workspace(tmp_path / "file")):
        pass


def value(column: Column, random: Random) -> object:
    if random.random() < 0.1:
        return None
    makers: dict[Type, Callable[[], object]] = {
        Type.TEXT: lambda: random.choice(["£ and é", 'a "quote"', "a, comma", column.meaning, "x" * random.randint(1, 90)]),
        Type.DATE: lambda: date(2014, random.randint(1, 12), 1),
        Type.INTEGER: lambda: random.randint(0, 10**9),
        Type.DECIMAL: lambda: random.choice([0.1, 1e17, random.random() * 1e8]),
        Type.BOOLEAN: lambda: random.random() < 0.5,
    }
    return makers[column.type]()


def frame(table: Table, rows: int) -> pl.DataFrame:
    random = Random(table.name)
    schema = {column.name: STORAGE_TYPES[column.type][0] for column in table.columns}
    return pl.DataFrame({column.name: [value(column, random) for _ in range(rows)] for column in table.columns}, schema=schema)


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    """One table as long as a full-size locality's longest, the others short."""
    return {name: frame(table, 20_000 if name == "cohort_counts" else 300) for name, table in PUBLISHED.items()}


def test_the_same_rows_write_the_same_bytes_in_whatever_order_they_come(frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    written = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        # Memory that held something else must not show through.
        [os.urandom(300_000) for _ in range(30 * seed)].clear()
        write_tables({name: rows.sample(fraction=1.0, shuffle=True, seed=seed).select(rows.columns[::-1]) for name, rows in frames.items()}, folder, "run")
        written.append(digests(folder))
    assert written[0] == written[1] == written[2]
    names = {"cohorts.duckdb", *(f"tables/{name}.parquet" for name in PUBLISHED), *(f"csv/{name}.csv" for name in PUBLISHED)}
    assert written[0].keys() == names


def test_the_database_holds_the_tables_themselves_with_what_they_mean(frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    write_tables(frames, tmp_path, "2014-09-30-abc")
    with duckdb.connect(str(tmp_path / "cohorts.duckdb"), read_only=True, config={"enable_external_access": "false"}) as connection:
        described = dict(connection.execute("select table_name, comment from duckdb_tables()").fetchall())
        assert described == {name: f"One row is {table.grain}. Published by run 2014-09-30-abc." for name, table in PUBLISHED.items()}
        columns = connection.execute("select table_name, column_name, data_type, comment from duckdb_columns() where not internal").fetchall()
        declared = {(t.name, c.name, STORAGE_TYPES[c.type][1].upper(), c.meaning) for t in PUBLISHED.values() for c in t.columns}
        assert set(columns) == declared
        for name in PUBLISHED:
            rows = connection.execute(f'select * from "{name}"').fetchall()
            assert rows == pl.read_parquet(tmp_path / "tables" / f"{name}.parquet").rows()
            assert sorted(map(repr, rows)) == sorted(map(repr, frames[name].rows()))


def test_a_csv_is_utf8_with_a_header_and_blanks_for_nulls(tmp_path: Path) -> None:
    bands = frame(PUBLISHED["risk_bands"], 2).with_columns(
        band=pl.Series(["Low, é", "High"]), people=pl.Series([None, 5], dtype=pl.Int64), share=pl.lit(12.5), mean_cost=pl.lit(1e17), as_at=date(2014, 9, 30)
    )
    write_tables({"risk_bands": bands}, tmp_path, "run")
    lines = (tmp_path / "csv" / "risk_bands.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(PUBLISHED["risk_bands"].names)
    assert lines[1].startswith("High,5,12.5,100000000000000000,")
    assert lines[2].startswith('"Low, é",,12.5,')
    assert "2014-09-30" in lines[1]


def test_a_frame_that_is_not_as_declared_is_a_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="risk_bands: the columns band, colour are not as declared"):
        write_tables({"risk_bands": frame(PUBLISHED["risk_bands"], 1).rename({"band": "colour"})}, tmp_path, "run")


def test_tables_that_cannot_be_written_are_refused_in_one_line(frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="the tables cannot be written") as refused:
        write_tables(frames, tmp_path, "run")
    assert "\n" not in str(refused.value)


def test_a_database_that_cannot_be_written_is_refused_in_one_line(frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    (tmp_path / "cohorts.duckdb").mkdir()
    with pytest.raises(EnvironmentFault, match="the tables cannot be written"):
        write_tables(frames, tmp_path, "run")


def test_a_manifest_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    deliveries = [
        ManifestInput("gp_events", "b.csv", "22", 2, 20),
        ManifestInput("gp_events", "a.csv", "11", 1, 10),
        ManifestInput("adult_social_care", "c.csv", "33", 3, 30),
    ]
    outputs = {"published/b": "2", "published/a": "1"}

    def manifest(turn: int) -> Manifest:
        return Manifest("run", date(2014, 9, 30), "polars", {"polars": "2"}, deliveries[::turn], dict(list(outputs.items())[::turn]))

    assert manifest(1).as_json() == manifest(-1).as_json()
    written = json.loads(write_manifest(manifest(1), tmp_path).read_text(encoding="utf-8"))
    assert [delivery["file"] for delivery in written["inputs"]] == ["c.csv", "a.csv", "b.csv"]
    assert written["as_at"] == "2014-09-30"
    assert written["inputs"][1] == {"extract": "gp_events", "file": "a.csv", "sha256": "11", "rows": 1, "size": 10}
    assert written["outputs"] == outputs


def test_a_manifest_names_extracts_that_there_are() -> None:
    with pytest.raises(ValueError, match="unknown extract gp_visits"):
        ManifestInput("gp_visits", "a.csv", "", 0, 0)


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"")
    abc, nothing = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(tmp_path / "a") == abc
    assert digests(tmp_path) == {"a": abc, "b/c": nothing}


def test_versions_name_the_code_and_the_definitions() -> None:
    assert versions() == versions()
    assert {"bcf-linkage", "polars", "duckdb", "definitions"} <= versions().keys()


LEDGER = pl.DataFrame(
    {
        "extract": ["gp_events", "gp_events", "gp_events", "outpatients"],
        "file": ["b.csv", "a.csv", "b.csv", "c.csv"],
        "outcome": ["linked", "linked", "refused", "unlinked"],
        "reason": ["cross_check", "cross_check", "event_date: typed", "number_missing"],
        "rows": [6, 3, 1, 4],
    }
)


def test_a_ledger_that_accounts_for_every_row_balances() -> None:
    check_balance(LEDGER, {"gp_events": 10, "outpatients": 4})
    check_balance(LEDGER.clear(), {})


@pytest.mark.parametrize(
    ("rows_read", "words"),
    [
        ({"gp_events": 11, "outpatients": 4}, "gp_events: 11 rows were read and the ledger accounts for 10"),
        ({"gp_events": 10, "outpatients": 3}, "outpatients: 3 rows were read and the ledger accounts for 4"),
        ({"gp_events": 10}, "outpatients: 0 rows"),
        ({"gp_events": 10, "outpatients": 4, "emergency_care": 1}, "emergency_care: 1 rows were read and the ledger accounts for 0"),
    ],
)
def test_a_row_that_is_lost_or_found_is_refused(rows_read: dict[str, int], words: str) -> None:
    with pytest.raises(DataQualityError, match=words):
        check_balance(LEDGER, rows_read)


def test_the_ledger_is_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = write_ledger(LEDGER, tmp_path / "a"), write_ledger(LEDGER.reverse(), tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert pl.read_parquet(first)["file"].to_list() == ["a.csv", "b.csv", "b.csv", "c.csv"]


def test_an_unknown_outcome_is_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="limbo"):
        write_ledger(LEDGER.with_columns(outcome=pl.lit("limbo")), tmp_path)

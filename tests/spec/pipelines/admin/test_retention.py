"""What is kept long enough goes, what is still needed never does, and the trail says what went."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.identifiable.vault import KeyPurpose, Vault
from bcf_linkage.identifiable.vault.bridge import write_bridge
from bcf_linkage.identifiable.vault.opt_out_lists import ASKED_LIST, SealedOptOutList, write_opt_out_list
from bcf_linkage.identifiable.vault.reseal import reseal
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest
from bcf_linkage.storage.store import Workspace
from pipelines.admin.retention import History, find_due_removals, prune
from pipelines.workspace.governance_settings import Retention, RetentionPeriod
from tests.conftest import CommandResult
from tests.spec.pipelines.workspace.test_settings import GOOD

NOW = datetime.now(UTC)
ZONES = (("pseudonymised", ""), ("published", ""), ("vault/register", ".sealed"), ("vault/work_lists/adult_social_care", ".sealed"))
RUNS = ("2014-07-31-aaaaaaaaaa", "2014-08-31-bbbbbbbbbb", "2014-09-30-cccccccccc")


@pytest.fixture
def workspace_with_runs(tmp_path: Path) -> Path:
    """Three runs, 90, 60 and 30 days ago, each from its own delivery; the newest is current. One more delivery and one more run nobody knows of."""
    for days, run in zip((90, 60, 30), RUNS, strict=True):
        file = _file(tmp_path / "landing" / "gp_registrations" / f"{run}.csv", run)
        for zone in ("pseudonymised", "published"):
            _file(tmp_path / zone / run / "tables" / "a.parquet", run)
        _file(tmp_path / "vault" / "register" / f"{run}.sealed", run)
        _file(tmp_path / "vault" / "work_lists" / "adult_social_care" / f"{run}.sealed", run)
        action = trail.TrailEntry(
            NOW - timedelta(days=days), "analyst", "run published", "monthly", run, inputs={f"gp_registrations/{file.name}": digest(file)}
        )
        trail.append_entry(Workspace(tmp_path).trail, action)
    _file(tmp_path / "landing" / "gp_registrations" / "new.csv", "not yet published")
    _file(tmp_path / "published" / "2014-01-31-dddddddddd" / "a", "of a run that the trail does not know")
    old = _file(tmp_path / "vault" / "reidentified" / "list.csv", "nhs_number")
    os.utime(old, (0, (NOW - timedelta(days=50)).timestamp()))
    Workspace(tmp_path).current.symlink_to(RUNS[2])
    (tmp_path / "locality.toml").write_text(GOOD, encoding="utf-8")
    return tmp_path


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def due_paths(workspace: Path, retention: Retention, now: datetime = NOW) -> list[str]:
    history = History.from_entries(trail.read_entries(Workspace(workspace).trail))
    return [removal.path.relative_to(workspace).as_posix() for removal in find_due_removals(Workspace(workspace), retention, history, now)]


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(), []),
        (Retention(landing=RetentionPeriod(days=45)), [f"landing/gp_registrations/{run}.csv" for run in RUNS[:2]]),
        (Retention(landing=RetentionPeriod(days=60)), [f"landing/gp_registrations/{RUNS[0]}.csv"]),
        (Retention(landing=RetentionPeriod(days=1)), [f"landing/gp_registrations/{run}.csv" for run in RUNS]),
        (Retention(published=RetentionPeriod(days=1)), [f"published/{RUNS[1]}", f"published/{RUNS[0]}"]),
        (Retention(published=RetentionPeriod(runs=1)), [f"published/{RUNS[1]}", f"published/{RUNS[0]}"]),
        (Retention(published=RetentionPeriod(runs=2)), [f"published/{RUNS[0]}"]),
        (Retention(published=RetentionPeriod(runs=3)), []),
        (Retention(pseudonymised=RetentionPeriod(runs=2)), [f"pseudonymised/{RUNS[0]}"]),
        (Retention(registers=RetentionPeriod(days=75)), [f"vault/register/{RUNS[0]}.sealed", f"vault/work_lists/adult_social_care/{RUNS[0]}.sealed"]),
        (Retention(reidentified=RetentionPeriod(days=51)), []),
        (Retention(reidentified=RetentionPeriod(days=49)), ["vault/reidentified/list.csv"]),
    ],
)
def test_what_goes(retention: Retention, expected: list[str], workspace_with_runs: Path) -> None:
    assert due_paths(workspace_with_runs, retention) == expected


@pytest.mark.parametrize(("days", "gone_by_then"), [(21, False), (22, True)])
def test_what_the_national_service_answered_goes_when_its_days_are_over_and_local_objections_stay(
    days: int, gone_by_then: bool, workspace_with_runs: Path
) -> None:
    vault = Vault(workspace_with_runs / "vault")
    vault.create_first_keys(NOW)
    for name in (ASKED_LIST, Objection.NATIONAL, Objection.LOCAL):
        write_opt_out_list(vault, name, SealedOptOutList(pl.DataFrame({"number": ["9434765919"], "objects": [True]}), NOW))
    asked = _file(workspace_with_runs / "vault" / "opt_outs" / "8HQ50OT001-030620-0001.dat", "9434765919,\n")
    os.utime(asked, (0, NOW.timestamp()))
    expected = ["asked.sealed", "national_data_opt_out.sealed", asked.name] if gone_by_then else []
    assert due_paths(workspace_with_runs, Retention(), NOW + timedelta(days=days)) == [f"vault/opt_outs/{name}" for name in expected]


@pytest.mark.parametrize(
    ("days", "expected"), [(None, []), (45, ["pseudonym-1-to-pseudonym-2"]), (25, ["pseudonym-1-to-pseudonym-2", "pseudonym-2-to-pseudonym-3"]), (60, [])]
)
def test_a_bridge_goes_by_the_day_of_the_key_that_it_leads_to_whenever_it_was_sealed(days: int | None, expected: list[str], workspace_with_runs: Path) -> None:
    for sealed in (workspace_with_runs / "vault").rglob("*.sealed"):
        sealed.unlink()
    vault = Vault(workspace_with_runs / "vault")
    vault.create_first_keys(NOW - timedelta(days=90))
    pairs = pl.DataFrame({"before": ["a" * 32], "after": ["b" * 32]})
    for age in (50, 30):
        before, after = vault.current_key(KeyPurpose.PSEUDONYM), vault.prepare_key(KeyPurpose.PSEUDONYM)
        write_bridge(vault, before.name, after.name, pairs)
        vault.activate_key(KeyPurpose.PSEUDONYM, NOW - timedelta(days=age))
    vault.prepare_key(KeyPurpose.REGISTER)
    vault.activate_key(KeyPurpose.REGISTER, NOW)
    assert reseal(vault) == 2
    assert due_paths(workspace_with_runs, Retention(bridges=RetentionPeriod(days=days))) == [f"vault/bridges/{name}.sealed" for name in expected]


def test_the_current_publication_stays_even_if_it_is_not_the_newest(workspace_with_runs: Path) -> None:
    current = Workspace(workspace_with_runs).current
    current.unlink()
    current.symlink_to(RUNS[0])
    assert due_paths(workspace_with_runs, Retention(published=RetentionPeriod(runs=1))) == [f"published/{RUNS[2]}", f"published/{RUNS[1]}"]
    assert due_paths(
        workspace_with_runs,
        Retention(published=RetentionPeriod(days=1), pseudonymised=RetentionPeriod(days=1), registers=RetentionPeriod(days=1)),
        NOW + timedelta(days=999),
    ) == [*(f"{zone}/{run}{suffix}" for zone, suffix in ZONES for run in RUNS[:0:-1])]


def test_a_delivery_that_changed_since_is_another_and_stays(workspace_with_runs: Path) -> None:
    _file(workspace_with_runs / "landing" / "gp_registrations" / f"{RUNS[0]}.csv", "corrected")
    assert due_paths(workspace_with_runs, Retention(landing=RetentionPeriod(days=45))) == [f"landing/gp_registrations/{RUNS[1]}.csv"]


RETENTION_SETTINGS = "\n[retention]\nlanding = { days = 45 }\npublished = { runs = 2 }\nreidentified = { days = 49 }\n"


def test_pruning_is_recorded_before_it_is_done_and_a_dry_run_does_nothing(workspace_with_runs: Path, bcf: Callable[..., CommandResult]) -> None:
    (workspace_with_runs / "locality.toml").write_text(GOOD + RETENTION_SETTINGS, encoding="utf-8")
    before = sorted(workspace_with_runs.rglob("*"))
    tried = bcf("prune", workspace_with_runs, "--dry-run", "--json")
    assert tried.code == 0
    assert sorted(set(workspace_with_runs.rglob("*")) - {workspace_with_runs / ".lock"}) == before
    digests = {
        path.relative_to(workspace_with_runs).as_posix(): digest(path) for path in workspace_with_runs.rglob("*") if path.is_file() and not path.is_symlink()
    }

    done = bcf("prune", workspace_with_runs, "--json")
    assert json.loads(done.out) == json.loads(tried.out)
    assert [entry["zone"] for entry in json.loads(done.out)] == ["landing", "landing", "published", "reidentified"]
    assert not any(Path(entry["path"]).exists() for entry in json.loads(done.out))
    entry = trail.read_trail(Workspace(workspace_with_runs).trail)[-1]
    assert (entry["what"], entry["counts"]) == ("pruned", {"landing": 2, "published": 1, "reidentified": 1})
    listed = "vault/reidentified/list.csv"
    assert entry["inputs"] == {path: "" if path == listed else digests[path] for path in entry["inputs"]}
    assert set(entry["inputs"]) == {*(f"landing/gp_registrations/{run}.csv" for run in RUNS[:2]), f"published/{RUNS[0]}/tables/a.parquet", listed}
    assert not list(workspace_with_runs.glob(".staging/*"))
    assert bcf("prune", workspace_with_runs).out.startswith("Nothing is past its retention limit")


def test_nothing_is_removed_on_the_word_of_a_trail_that_is_not_whole(workspace_with_runs: Path) -> None:
    (workspace_with_runs / "locality.toml").write_text(GOOD + RETENTION_SETTINGS, encoding="utf-8")
    file = Workspace(workspace_with_runs).trail
    file.write_bytes(file.read_bytes().replace(b"2014-07-31", b"2014-07-30"))
    before = sorted(path for path in workspace_with_runs.rglob("*") if "audit" not in path.parts)
    with pytest.raises(EnvironmentFault, match=r"line 1 was changed.*nothing is removed"):
        prune(workspace_with_runs)
    assert sorted(path for path in workspace_with_runs.rglob("*") if "audit" not in path.parts and path.name != ".lock") == before


def test_what_cannot_be_removed_is_refused_and_recorded(workspace_with_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace_with_runs / "locality.toml").write_text(GOOD + RETENTION_SETTINGS, encoding="utf-8")

    def forbidden(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", forbidden)
        with pytest.raises(EnvironmentFault, match="Permission denied"):
            prune(workspace_with_runs)
    assert [entry["what"] for entry in trail.read_trail(Workspace(workspace_with_runs).trail)][-2:] == ["pruned", "prune refused"]


def test_a_clock_that_went_back_prunes_nothing(workspace_with_runs: Path) -> None:
    (workspace_with_runs / "locality.toml").write_text(GOOD + RETENTION_SETTINGS, encoding="utf-8")
    trail.append_entry(Workspace(workspace_with_runs).trail, trail.TrailEntry(NOW + timedelta(days=2), "analyst", "run begun", "monthly"))
    with pytest.raises(EnvironmentFault, match="clock"):
        prune(workspace_with_runs)
    last = trail.read_trail(Workspace(workspace_with_runs).trail)[-1]
    assert last["what"] == "prune refused"
    assert last["clock_behind"] > 100_000

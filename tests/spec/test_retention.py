"""What is kept long enough goes, what is still needed never does, and the trail says what went."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.identifiable.vault import Purpose, Vault
from bcf_linkage.identifiable.vault.bridge import write_bridge
from bcf_linkage.identifiable.vault.opt_out_lists import ASKED, KeptList, keep_list
from bcf_linkage.identifiable.vault.resealing import reseal
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest
from bcf_linkage.storage.store import Workspace
from pipelines.governance_settings import Keep, Retention
from pipelines.retention import History, due, prune
from tests.conftest import Said
from tests.spec.test_settings import GOOD

NOW = datetime.now(UTC)
ZONES = (("pseudonymised", ""), ("published", ""), ("vault/register", ".sealed"), ("vault/work_lists/adult_social_care", ".sealed"))
RUNS = ("2014-07-31-aaaaaaaaaa", "2014-08-31-bbbbbbbbbb", "2014-09-30-cccccccccc")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three runs, 90, 60 and 30 days ago, each from its own delivery; the newest is current. One more delivery and one more run nobody knows of."""
    for days, run in zip((90, 60, 30), RUNS, strict=True):
        file = _file(tmp_path / "landing" / "gp_registrations" / f"{run}.csv", run)
        for zone in ("pseudonymised", "published"):
            _file(tmp_path / zone / run / "tables" / "a.parquet", run)
        _file(tmp_path / "vault" / "register" / f"{run}.sealed", run)
        _file(tmp_path / "vault" / "work_lists" / "adult_social_care" / f"{run}.sealed", run)
        action = trail.Action(NOW - timedelta(days=days), "analyst", "run published", "monthly", run, inputs={f"gp_registrations/{file.name}": digest(file)})
        trail.append(Workspace(tmp_path).trail, action)
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


def gone(place: Path, retention: Retention, now: datetime = NOW) -> list[str]:
    history = History.of(trail.entries(Workspace(place).trail))
    return [removal.path.relative_to(place).as_posix() for removal in due(Workspace(place), retention, history, now)]


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(), []),
        (Retention(landing=Keep(days=45)), [f"landing/gp_registrations/{run}.csv" for run in RUNS[:2]]),
        (Retention(landing=Keep(days=60)), [f"landing/gp_registrations/{RUNS[0]}.csv"]),
        (Retention(landing=Keep(days=1)), [f"landing/gp_registrations/{run}.csv" for run in RUNS]),
        (Retention(published=Keep(days=1)), [f"published/{RUNS[1]}", f"published/{RUNS[0]}"]),
        (Retention(published=Keep(runs=1)), [f"published/{RUNS[1]}", f"published/{RUNS[0]}"]),
        (Retention(published=Keep(runs=2)), [f"published/{RUNS[0]}"]),
        (Retention(published=Keep(runs=3)), []),
        (Retention(pseudonymised=Keep(runs=2)), [f"pseudonymised/{RUNS[0]}"]),
        (Retention(registers=Keep(days=75)), [f"vault/register/{RUNS[0]}.sealed", f"vault/work_lists/adult_social_care/{RUNS[0]}.sealed"]),
        (Retention(reidentified=Keep(days=51)), []),
        (Retention(reidentified=Keep(days=49)), ["vault/reidentified/list.csv"]),
    ],
)
def test_what_goes(retention: Retention, expected: list[str], place: Path) -> None:
    assert gone(place, retention) == expected


@pytest.mark.parametrize(("days", "gone_by_then"), [(21, False), (22, True)])
def test_what_the_national_service_answered_goes_when_its_days_are_over_and_local_objections_stay(days: int, gone_by_then: bool, place: Path) -> None:
    vault = Vault(place / "vault")
    vault.begin(NOW)
    for name in (ASKED, Objection.NATIONAL, Objection.LOCAL):
        keep_list(vault, name, KeptList(pl.DataFrame({"number": ["9434765919"], "objects": [True]}), NOW))
    asked = _file(place / "vault" / "opt_outs" / "8HQ50OT001-030620-0001.dat", "9434765919,\n")
    os.utime(asked, (0, NOW.timestamp()))
    expected = ["asked.sealed", "national_data_opt_out.sealed", asked.name] if gone_by_then else []
    assert gone(place, Retention(), NOW + timedelta(days=days)) == [f"vault/opt_outs/{name}" for name in expected]


@pytest.mark.parametrize(
    ("days", "expected"), [(None, []), (45, ["pseudonym-1-to-pseudonym-2"]), (25, ["pseudonym-1-to-pseudonym-2", "pseudonym-2-to-pseudonym-3"]), (60, [])]
)
def test_a_bridge_goes_by_the_day_of_the_key_that_it_leads_to_whenever_it_was_sealed(days: int | None, expected: list[str], place: Path) -> None:
    for sealed in (place / "vault").rglob("*.sealed"):
        sealed.unlink()
    vault = Vault(place / "vault")
    vault.begin(NOW - timedelta(days=90))
    pairs = pl.DataFrame({"before": ["a" * 32], "after": ["b" * 32]})
    for age in (50, 30):
        before, after = vault.current(Purpose.PSEUDONYM), vault.prepare(Purpose.PSEUDONYM)
        write_bridge(vault, before.name, after.name, pairs)
        vault.turn(Purpose.PSEUDONYM, NOW - timedelta(days=age))
    vault.prepare(Purpose.REGISTER)
    vault.turn(Purpose.REGISTER, NOW)
    assert reseal(vault) == 2
    assert gone(place, Retention(bridges=Keep(days=days))) == [f"vault/bridges/{name}.sealed" for name in expected]


def test_the_current_publication_stays_even_if_it_is_not_the_newest(place: Path) -> None:
    current = Workspace(place).current
    current.unlink()
    current.symlink_to(RUNS[0])
    assert gone(place, Retention(published=Keep(runs=1))) == [f"published/{RUNS[2]}", f"published/{RUNS[1]}"]
    assert gone(place, Retention(published=Keep(days=1), pseudonymised=Keep(days=1), registers=Keep(days=1)), NOW + timedelta(days=999)) == [
        *(f"{zone}/{run}{suffix}" for zone, suffix in ZONES for run in RUNS[:0:-1])
    ]


def test_a_delivery_that_changed_since_is_another_and_stays(place: Path) -> None:
    _file(place / "landing" / "gp_registrations" / f"{RUNS[0]}.csv", "corrected")
    assert gone(place, Retention(landing=Keep(days=45))) == [f"landing/gp_registrations/{RUNS[1]}.csv"]


STATED = "\n[retention]\nlanding = { days = 45 }\npublished = { runs = 2 }\nreidentified = { days = 49 }\n"


def test_pruning_is_recorded_before_it_is_done_and_a_dry_run_does_nothing(place: Path, bcf: Callable[..., Said]) -> None:
    (place / "locality.toml").write_text(GOOD + STATED, encoding="utf-8")
    before = sorted(place.rglob("*"))
    tried = bcf("prune", place, "--dry-run", "--json")
    assert tried.code == 0
    assert sorted(set(place.rglob("*")) - {place / ".lock"}) == before
    digests = {path.relative_to(place).as_posix(): digest(path) for path in place.rglob("*") if path.is_file() and not path.is_symlink()}

    done = bcf("prune", place, "--json")
    assert json.loads(done.out) == json.loads(tried.out)
    assert [entry["zone"] for entry in json.loads(done.out)] == ["landing", "landing", "published", "reidentified"]
    assert not any(Path(entry["path"]).exists() for entry in json.loads(done.out))
    entry = trail.entries(Workspace(place).trail)[-1]
    assert (entry["what"], entry["counts"]) == ("pruned", {"landing": 2, "published": 1, "reidentified": 1})
    listed = "vault/reidentified/list.csv"
    assert entry["inputs"] == {path: "" if path == listed else digests[path] for path in entry["inputs"]}
    assert set(entry["inputs"]) == {*(f"landing/gp_registrations/{run}.csv" for run in RUNS[:2]), f"published/{RUNS[0]}/tables/a.parquet", listed}
    assert not list(place.glob(".staging/*"))
    assert bcf("prune", place).out.startswith("Nothing is kept for longer")


def test_nothing_is_removed_on_the_word_of_a_trail_that_is_not_whole(place: Path) -> None:
    (place / "locality.toml").write_text(GOOD + STATED, encoding="utf-8")
    file = Workspace(place).trail
    file.write_bytes(file.read_bytes().replace(b"2014-07-31", b"2014-07-30"))
    before = sorted(path for path in place.rglob("*") if "audit" not in path.parts)
    with pytest.raises(EnvironmentRefused, match=r"line 1 was changed.*nothing is removed"):
        prune(place)
    assert sorted(path for path in place.rglob("*") if "audit" not in path.parts and path.name != ".lock") == before


def test_what_cannot_be_removed_is_refused_and_recorded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "locality.toml").write_text(GOOD + STATED, encoding="utf-8")

    def forbidden(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", forbidden)
        with pytest.raises(EnvironmentRefused, match="Permission denied"):
            prune(place)
    assert [entry["what"] for entry in trail.entries(Workspace(place).trail)][-2:] == ["pruned", "prune refused"]


def test_a_clock_that_went_back_prunes_nothing(place: Path) -> None:
    (place / "locality.toml").write_text(GOOD + STATED, encoding="utf-8")
    trail.append(Workspace(place).trail, trail.Action(NOW + timedelta(days=2), "analyst", "run begun", "monthly"))
    with pytest.raises(EnvironmentRefused, match="clock"):
        prune(place)
    last = trail.entries(Workspace(place).trail)[-1]
    assert last["what"] == "prune refused"
    assert last["clock_behind"] > 100_000

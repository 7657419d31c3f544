"""The life of keys from the command line: each turn recorded, no key shown, history carried over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.identifiable.pseudonymisation import make_tokens
from bcf_linkage.storage import trail
from pipelines.refresh import Request, refresh
from pipelines.workspace.key_access import pseudonym_key
from tests.conftest import AS_AT, CommandResult


@pytest.fixture
def published_copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def secrets(workspace: Path) -> set[str]:
    return {path.read_text().strip() for path in (workspace / "vault" / "keys").glob("*.key")}


def recorded_events(workspace: Path, published: Path) -> list[tuple[str, str]]:
    """What was done in the copy, each with the key it was done with."""
    assert trail.verify_chain(workspace / "audit" / "trail.jsonl") == ()
    before = len(trail.read_trail(published / "audit" / "trail.jsonl"))
    return [(entry["what"], entry.get("key", "")) for entry in trail.read_trail(workspace / "audit" / "trail.jsonl")][before:]


def test_a_life_of_keys(published_copy: Path, published: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    kept = secrets(published_copy)
    (strata,) = (published_copy / "pseudonymised").glob("*/strata.parquet")
    (people,) = (published_copy / "pseudonymised").glob("*/people.parquet")
    results = [
        bcf("keys", "new", published_copy, "--why", "again"),
        bcf("keys", "rotate", published_copy, "--why", "yearly rotation", "--json"),
        bcf("keys", "carry", published_copy, strata, "--out", tmp_path / "strata.parquet", "--why", "trend", "--json"),
        bcf("keys", "rotate", published_copy, "--purpose", "register", "--why", "the custodian left", "--json"),
        bcf("keys", "retire", published_copy, "pseudonym-1", "--why", "history was carried over"),
        bcf("keys", "retire", published_copy, "register-1", "--why", "nothing is sealed under it"),
        bcf("keys", "retire", published_copy, "register-2", "--why", "too early"),
        bcf("keys", "list", published_copy, "--json"),
    ]
    assert [each.code for each in results] == [2, 0, 0, 0, 0, 0, 2, 0], [each.err for each in results]
    registered = pl.read_parquet(people).filter(pl.col("population") == "registered")
    assert json.loads(results[1].out) == {"key": "pseudonym-2", "people_bridged": len(registered), "files_sealed_anew": 0}
    sealed = len(list((published_copy / "vault").rglob("*.sealed")))
    assert sealed > 2
    assert json.loads(results[3].out) == {"key": "register-2", "people_bridged": 0, "files_sealed_anew": sealed}
    assert {entry["key"]: entry["state"] for entry in json.loads(results[7].out)} == {
        "pseudonym-1": "retired",
        "register-1": "retired",
        "pseudonym-2": "current",
        "register-2": "current",
    }
    assert not any(secret in each.out + each.err for secret in kept | secrets(published_copy) for each in results)
    assert sorted(path.name for path in (published_copy / "vault" / "keys").iterdir()) == ["pseudonym-2.key", "register-2.key", "ring.json"]
    assert recorded_events(published_copy, published) == [
        ("key made refused", ""),
        ("key rotated", "pseudonym-2"),
        ("history carried over", "pseudonym-2"),
        ("key rotated", "register-2"),
        ("key retired", "pseudonym-1"),
        ("key retired", "register-1"),
        ("key retired refused", ""),
    ]
    assert not any(secret in (published_copy / "audit" / "trail.jsonl").read_text() for secret in kept | secrets(published_copy))

    summary = refresh(Request(published_copy, AS_AT))
    before, after = pl.read_parquet(strata), pl.read_parquet(published_copy / "pseudonymised" / summary.run_id / "strata.parquet")
    carried = pl.read_parquet(tmp_path / "strata.parquet")
    assert carried.drop("person").equals(before.drop("person"))
    of_registered = carried.filter(pl.col("person").is_not_null())
    assert len(of_registered) == len(registered)
    columns = ["person", "health_cost", "social_care_cost", "band", "high_risk"]
    assert of_registered.select(columns).sort("person").equals(after.join(of_registered.select("person"), on="person").select(columns).sort("person"))
    assert not set(before["person"]) & set(after["person"])
    assert json.loads(next(published_copy.glob(f"audit/{summary.run_id}/manifest.json")).read_text())["pseudonyms"]["key"] == "pseudonym-2"


def test_what_is_given_out_of_keys_tells_nothing_of_anybody(published_copy: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("keys", "export-public", published_copy)
    public = json.loads(result.out)
    answer = public["known_answer"]
    assert make_tokens(pseudonym_key(published_copy), answer["domain"], [answer["value"]]) == [answer["token"]]
    assert answer["domain"] not in ("person", "local", "spell"), "a domain of its own"
    assert public["pseudonyms"]["key"] == "pseudonym-1"
    assert {key["key"] for key in public["keys"]} == {"pseudonym-1", "register-1"}
    assert not any(secret in result.out for secret in secrets(published_copy))


def test_a_rotation_that_cannot_be_bridged_leaves_the_old_key_in_use(published_copy: Path, published: Path, bcf: Callable[..., CommandResult]) -> None:
    (register,) = (published_copy / "vault" / "register").iterdir()
    register.write_bytes(register.read_bytes()[:-1])
    assert bcf("keys", "rotate", published_copy, "--why", "yearly").code == 3
    assert [key["state"] for key in json.loads(bcf("keys", "list", published_copy, "--json").out)] == ["current", "current"]
    assert recorded_events(published_copy, published) == [("key rotated refused", "")]
    assert bcf("keys", "rotate", published_copy, "--why", "the key leaked: no bridge is wanted", "--no-bridge").code == 0
    assert not (published_copy / "vault" / "bridges").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda workspace: (workspace / "vault" / "keys" / "pseudonym-1.key").unlink(), "there is no key"),
        (lambda workspace: (workspace / "vault" / "keys" / "pseudonym-1.key").chmod(0o644), "others than its owner may read it"),
        (lambda workspace: (workspace / "vault" / "keys" / "pseudonym-1.key").write_text("ab" * 16), "not a whole key"),
        (lambda workspace: (workspace / "vault" / "keys" / "register-1.key").unlink(), "there is no key"),
        (lambda workspace: shutil.rmtree(workspace / "vault" / "keys"), "there is no pseudonym key; `bcf keys new"),
    ],
)
def test_a_run_without_a_key_that_will_do_is_refused_and_recorded(
    change: Callable[[Path], object], words: str, published_copy: Path, bcf: Callable[..., CommandResult]
) -> None:
    change(published_copy)
    before = sorted((published_copy / "published").rglob("*"))
    result = bcf("run", published_copy, "--as-at", AS_AT, "--no-prefect")
    assert result.code == 3
    assert words in result.err
    assert len(result.err.strip().splitlines()) == 1
    newest = trail.read_trail(published_copy / "audit" / "trail.jsonl")[-1]
    assert newest["what"] == "run refused"
    assert words in newest["refused"]
    assert sorted((published_copy / "published").rglob("*")) == before


@pytest.mark.parametrize("table", ["locality.toml", "nowhere.parquet", "published/current/tables/risk_bands.parquet"])
def test_what_is_no_table_of_pseudonyms_is_not_carried_over(table: str, published_copy: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("keys", "carry", published_copy, published_copy / table, "--out", tmp_path / "out.parquet", "--why", "trend")
    assert result.code == 2
    assert not (tmp_path / "out.parquet").exists()

"""The life of keys from the command line: each turn recorded, no key shown, history carried over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.identifiable.pseudonymise import tokens
from bcf_linkage.storage import trail
from pipelines.custody import pseudonym_key
from pipelines.refresh import Request, refresh
from tests.conftest import AS_AT, Said


@pytest.fixture
def place(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def secrets(workspace: Path) -> set[str]:
    return {path.read_text().strip() for path in (workspace / "vault" / "keys").glob("*.key")}


def done(workspace: Path, published: Path) -> list[tuple[str, str]]:
    """What was done in the copy, each with the key it was done with."""
    assert trail.verify(workspace / "audit" / "trail.jsonl") == ()
    before = len(trail.entries(published / "audit" / "trail.jsonl"))
    return [(entry["what"], entry.get("key", "")) for entry in trail.entries(workspace / "audit" / "trail.jsonl")][before:]


def test_a_life_of_keys(place: Path, published: Path, tmp_path: Path, bcf: Callable[..., Said]) -> None:
    kept = secrets(place)
    (strata,) = (place / "pseudonymised").glob("*/strata.parquet")
    (people,) = (place / "pseudonymised").glob("*/people.parquet")
    said = [
        bcf("keys", "new", place, "--why", "again"),
        bcf("keys", "rotate", place, "--why", "yearly rotation", "--json"),
        bcf("keys", "carry", place, strata, "--out", tmp_path / "strata.parquet", "--why", "trend", "--json"),
        bcf("keys", "rotate", place, "--purpose", "register", "--why", "the custodian left", "--json"),
        bcf("keys", "retire", place, "pseudonym-1", "--why", "history was carried over"),
        bcf("keys", "retire", place, "register-1", "--why", "nothing is sealed under it"),
        bcf("keys", "retire", place, "register-2", "--why", "too early"),
        bcf("keys", "list", place, "--json"),
    ]
    assert [each.code for each in said] == [2, 0, 0, 0, 0, 0, 2, 0], [each.err for each in said]
    registered = pl.read_parquet(people).filter(pl.col("population") == "registered")
    assert json.loads(said[1].out) == {"key": "pseudonym-2", "people_bridged": len(registered), "files_sealed_anew": 0}
    sealed = len(list((place / "vault").rglob("*.sealed")))
    assert sealed > 2
    assert json.loads(said[3].out) == {"key": "register-2", "people_bridged": 0, "files_sealed_anew": sealed}
    assert {entry["key"]: entry["state"] for entry in json.loads(said[7].out)} == {
        "pseudonym-1": "retired",
        "register-1": "retired",
        "pseudonym-2": "current",
        "register-2": "current",
    }
    assert not any(secret in each.out + each.err for secret in kept | secrets(place) for each in said)
    assert sorted(path.name for path in (place / "vault" / "keys").iterdir()) == ["pseudonym-2.key", "register-2.key", "ring.json"]
    assert done(place, published) == [
        ("key made refused", ""),
        ("key rotated", "pseudonym-2"),
        ("history carried over", "pseudonym-2"),
        ("key rotated", "register-2"),
        ("key retired", "pseudonym-1"),
        ("key retired", "register-1"),
        ("key retired refused", ""),
    ]
    assert not any(secret in (place / "audit" / "trail.jsonl").read_text() for secret in kept | secrets(place))

    summary = refresh(Request(place, AS_AT))
    before, after = pl.read_parquet(strata), pl.read_parquet(place / "pseudonymised" / summary.run_id / "strata.parquet")
    carried = pl.read_parquet(tmp_path / "strata.parquet")
    assert carried.drop("person").equals(before.drop("person"))
    of_registered = carried.filter(pl.col("person").is_not_null())
    assert len(of_registered) == len(registered)
    columns = ["person", "health_cost", "social_care_cost", "band", "high_risk"]
    assert of_registered.select(columns).sort("person").equals(after.join(of_registered.select("person"), on="person").select(columns).sort("person"))
    assert not set(before["person"]) & set(after["person"])
    assert json.loads(next(place.glob(f"audit/{summary.run_id}/manifest.json")).read_text())["pseudonyms"]["key"] == "pseudonym-2"


def test_what_is_given_out_of_keys_tells_nothing_of_anybody(place: Path, bcf: Callable[..., Said]) -> None:
    said = bcf("keys", "export-public", place)
    told = json.loads(said.out)
    answer = told["known_answer"]
    assert tokens(pseudonym_key(place), answer["domain"], [answer["value"]]) == [answer["token"]]
    assert answer["domain"] not in ("person", "local", "spell"), "a domain of its own"
    assert told["pseudonyms"]["key"] == "pseudonym-1"
    assert {key["key"] for key in told["keys"]} == {"pseudonym-1", "register-1"}
    assert not any(secret in said.out for secret in secrets(place))


def test_a_rotation_that_cannot_be_bridged_leaves_the_old_key_in_use(place: Path, published: Path, bcf: Callable[..., Said]) -> None:
    (register,) = (place / "vault" / "register").iterdir()
    register.write_bytes(register.read_bytes()[:-1])
    assert bcf("keys", "rotate", place, "--why", "yearly").code == 3
    assert [key["state"] for key in json.loads(bcf("keys", "list", place, "--json").out)] == ["current", "current"]
    assert done(place, published) == [("key rotated refused", "")]
    assert bcf("keys", "rotate", place, "--why", "the key leaked: no bridge is wanted", "--no-bridge").code == 0
    assert not (place / "vault" / "bridges").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda place: (place / "vault" / "keys" / "pseudonym-1.key").unlink(), "there is no key"),
        (lambda place: (place / "vault" / "keys" / "pseudonym-1.key").chmod(0o644), "others than its owner may read it"),
        (lambda place: (place / "vault" / "keys" / "pseudonym-1.key").write_text("ab" * 16), "not a whole key"),
        (lambda place: (place / "vault" / "keys" / "register-1.key").unlink(), "there is no key"),
        (lambda place: shutil.rmtree(place / "vault" / "keys"), "there is no pseudonym key; `bcf keys new"),
    ],
)
def test_a_run_without_a_key_that_will_do_is_refused_and_recorded(change: Callable[[Path], object], words: str, place: Path, bcf: Callable[..., Said]) -> None:
    change(place)
    before = sorted((place / "published").rglob("*"))
    said = bcf("run", place, "--as-at", AS_AT, "--no-prefect")
    assert said.code == 3
    assert words in said.err
    assert len(said.err.strip().splitlines()) == 1
    newest = trail.entries(place / "audit" / "trail.jsonl")[-1]
    assert newest["what"] == "run refused"
    assert words in newest["refused"]
    assert sorted((place / "published").rglob("*")) == before


@pytest.mark.parametrize("table", ["locality.toml", "nowhere.parquet", "published/current/tables/risk_bands.parquet"])
def test_what_is_no_table_of_pseudonyms_is_not_carried_over(table: str, place: Path, tmp_path: Path, bcf: Callable[..., Said]) -> None:
    said = bcf("keys", "carry", place, place / table, "--out", tmp_path / "out.parquet", "--why", "trend")
    assert said.code == 2
    assert not (tmp_path / "out.parquet").exists()

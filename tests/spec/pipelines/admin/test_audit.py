"""The trail from the command line: verified, shown and given out; whatever was done to it is found."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bcf_linkage.storage.trail import TrailEntry, append_entry
from tests.conftest import CommandResult

WHEN = datetime(2014, 10, 1, 6, 30, tzinfo=UTC)


@pytest.fixture
def audited_workspace(tmp_path: Path) -> Path:
    """A workspace of whose trail there are six lines."""
    for n in range(6):
        what = "run published" if n % 2 else "re-identification refused"
        action = TrailEntry(WHEN + timedelta(hours=n), "=analyst", what, "monthly", counts={"rows": n}, refused="" if n % 2 else "another's patient")
        append_entry(tmp_path / "audit" / "trail.jsonl", action)
    return tmp_path


def trail_file(workspace: Path) -> Path:
    return workspace / "audit" / "trail.jsonl"


def test_a_whole_trail(audited_workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("audit", "verify", audited_workspace)
    assert (result.code, result.out.splitlines()[0]) == (0, "The audit log is unchanged: 6 lines.")
    verdict = json.loads(bcf("audit", "verify", audited_workspace, "--json").out)
    assert verdict["intact"]
    assert verdict["head"]["line"] == 6


@pytest.mark.parametrize(
    ("how", "line"),
    [
        (lambda lines: lines[:5], 6),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: [*lines[:2], lines[2].replace(b"monthly", b"yearly!"), *lines[3:]], 3),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
    ],
)
def test_what_was_done_to_it_is_found_and_where(
    how: Callable[[list[bytes]], list[bytes]], line: int, audited_workspace: Path, tmp_path: Path, bcf: Callable[..., CommandResult]
) -> None:
    trail_file(audited_workspace).write_bytes(b"".join(how(trail_file(audited_workspace).read_bytes().splitlines(keepends=True))))
    result = bcf("audit", "verify", audited_workspace)
    assert result.code == 1
    assert result.out.startswith(f"line {line} ")
    exported = bcf("audit", "export", audited_workspace, "--out", tmp_path / "given.json")
    assert exported.code == 1
    assert not json.loads((tmp_path / "given.json").read_text())["verdict"]["intact"]


def test_a_trail_written_anew_does_not_lead_through_a_head_kept_elsewhere(audited_workspace: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    noted = tmp_path / "head.json"
    noted.write_text(bcf("audit", "verify", audited_workspace, "--json").out)
    for file in (trail_file(audited_workspace), trail_file(audited_workspace).with_suffix(".head")):
        file.unlink()
    for n in range(6):
        append_entry(trail_file(audited_workspace), TrailEntry(WHEN, "somebody else", "run published", f"{n}"))
    assert bcf("audit", "verify", audited_workspace).code == 0
    assert bcf("audit", "verify", audited_workspace, "--noted", noted).code == 1
    noted.write_text("[]")
    assert bcf("audit", "verify", audited_workspace, "--noted", noted).code == 2


def test_what_is_shown(audited_workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    shown = json.loads(bcf("audit", "show", audited_workspace, "--last", "2", "--json").out)
    assert [entry["entry"] for entry in shown] == [5, 6]
    assert [entry["entry"] for entry in json.loads(bcf("audit", "show", audited_workspace, "--what", "run", "--json").out)] == [2, 4, 6]
    assert "another's patient" in bcf("audit", "show", audited_workspace).out


def test_what_is_given_out(audited_workspace: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    assert bcf("audit", "export", audited_workspace, "--out", tmp_path / "given.csv").code == 0
    with (tmp_path / "given.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["entry"] for row in rows] == list("123456")
    assert rows[0]["who"] == "'=analyst", "no spreadsheet takes it for a formula"
    assert json.loads(rows[5]["counts"]) == {"rows": 5}
    assert bcf("audit", "export", audited_workspace, "--out", tmp_path / "given.json").code == 0
    assert len(json.loads((tmp_path / "given.json").read_text())["entries"]) == 6


@pytest.mark.parametrize("out", ["given.csv", "given.txt", "nowhere/given.csv"])
def test_a_file_that_is_there_or_cannot_be(out: str, audited_workspace: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    (tmp_path / "given.csv").write_text("mine")
    assert bcf("audit", "export", audited_workspace, "--out", tmp_path / out).code in (2, 3)
    assert (tmp_path / "given.csv").read_text() == "mine"


@pytest.mark.parametrize("command", ["verify", "show"])
def test_without_a_trail(command: str, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("audit", command, tmp_path)
    assert result.code == 2
    assert "there is no audit log here" in result.err

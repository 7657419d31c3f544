"""The trail can be added to and not changed: whatever is done to it is found, and where."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.storage.trail import FIRST_PREVIOUS, ChainBreak, TrailEntry, TrailHead, append_entry, read_trail, refuse_clock_behind, verify_chain

WHEN = datetime(2014, 10, 1, 6, 30, tzinfo=UTC)
ACTION = TrailEntry(WHEN, "analyst", "published", "monthly refresh", "run", {"landing/a.csv": "11"}, {"published/b.csv": "22"}, {"rows": 3}, {"polars": "2"})

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """A trail of six lines."""
    path = tmp_path / "audit" / "trail.jsonl"
    for n in range(1, 7):
        append_entry(path, replace(ACTION, run=f"run {n}"))
    return path


def change(trail: Path, how: Change) -> None:
    trail.write_bytes(b"".join(line + b"\n" for line in how(trail.read_bytes().splitlines())))


def lines(faults: tuple[ChainBreak, ...]) -> list[int]:
    return [fault.line for fault in faults]


def test_a_line_holds_the_action_and_the_digest_of_the_line_before(trail: Path) -> None:
    entries = [json.loads(line) for line in trail.read_text(encoding="utf-8").splitlines()]
    assert [entry["entry"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0]["previous"] == FIRST_PREVIOUS
    assert len({entry["previous"] for entry in entries}) == 6
    assert entries[2] | {"previous": ""} == {
        "when": "2014-10-01T06:30:00+00:00",
        "who": "analyst",
        "what": "published",
        "why": "monthly refresh",
        "run": "run 3",
        "inputs": {"landing/a.csv": "11"},
        "outputs": {"published/b.csv": "22"},
        "counts": {"rows": 3},
        "versions": {"polars": "2"},
        "entry": 3,
        "previous": "",
    }


def test_a_trail_that_nobody_touched_is_whole(trail: Path, tmp_path: Path) -> None:
    assert verify_chain(trail) == ()
    assert verify_chain(tmp_path / "nothing yet.jsonl") == ()


def without(position: int) -> Change:
    return lambda lines: [line for n, line in enumerate(lines, 1) if n != position]


def rewritten(position: int) -> Change:
    return lambda lines: [line.replace(b"analyst", b"nobody!") if n == position else line for n, line in enumerate(lines, 1)]


def swapped(first: int, second: int) -> Change:
    def swap(lines: list[bytes]) -> list[bytes]:
        lines[first - 1], lines[second - 1] = lines[second - 1], lines[first - 1]
        return lines

    return swap


@pytest.mark.parametrize(
    ("how", "where", "words"),
    [
        (rewritten(1), [1], "was changed"),
        (rewritten(3), [3], "was changed"),
        (rewritten(6), [6], "was changed"),
        (without(1), [1, 6], "is entry 2 where entry 1 is due"),
        (without(3), [3, 6], "is entry 4 where entry 3 is due"),
        (without(6), [6], "is missing: the audit log had 6 lines"),
        (lambda lines: lines[:2], [3], "is missing: the audit log had 6 lines"),
        (lambda lines: [], [1], "is missing"),
        (swapped(2, 3), [2, 3, 4], "is entry 3 where entry 2 is due"),
        (swapped(5, 6), [5, 6], "is entry 6 where entry 5 is due"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], [4, 6], "is entry 3 where entry 4 is due"),
        (lambda lines: [*lines[:3], b"not an entry", *lines[4:]], [4], "cannot be read"),
        (lambda lines: [*lines[:3], b"[]", *lines[4:]], [4], "cannot be read"),
        (lambda lines: [*lines, lines[5]], [7], "is entry 6 where entry 7 is due"),
    ],
)
def test_what_was_done_to_a_trail_is_found_and_where(trail: Path, how: Change, where: list[int], words: str) -> None:
    change(trail, how)
    faults = verify_chain(trail)
    assert lines(faults) == where
    assert words in faults[0].words


def forged(trail: Path, start: int) -> None:
    """Write the trail anew from a line on, chain, head and all: what somebody with the right to write could do."""
    kept = [json.loads(line) for line in trail.read_bytes().splitlines()]
    for path in (trail, trail.with_suffix(".head")):
        path.unlink()
    for n, entry in enumerate(kept, 1):
        append_entry(trail, replace(ACTION, run=entry["run"], who="nobody" if n >= start else "analyst"))


def test_a_trail_written_anew_does_not_pass_by_a_head_that_was_noted_elsewhere(trail: Path) -> None:
    noted = TrailHead(**json.loads(trail.with_suffix(".head").read_text(encoding="utf-8")))
    append_entry(trail, ACTION)
    assert verify_chain(trail, noted) == ()
    forged(trail, start=5)
    assert verify_chain(trail) == ()
    assert lines(verify_chain(trail, noted)) == [6]


def test_a_trail_without_its_head_is_not_vouched_for(trail: Path) -> None:
    trail.with_suffix(".head").unlink()
    assert lines(verify_chain(trail)) == [1]
    with pytest.raises(EnvironmentFault, match="line 1 and the lines after it are not confirmed"):
        append_entry(trail, ACTION)


def test_lines_added_behind_the_heads_back_are_found(trail: Path) -> None:
    head = trail.with_suffix(".head").read_bytes()
    append_entry(trail, ACTION)
    append_entry(trail, ACTION)
    trail.with_suffix(".head").write_bytes(head)
    assert lines(verify_chain(trail)) == [7]


def test_a_line_is_not_added_to_a_trail_that_was_cut(trail: Path) -> None:
    change(trail, without(6))
    before = trail.read_bytes()
    with pytest.raises(EnvironmentFault, match=r"trail\.jsonl: line 6 is missing.*move the audit log and its head away as evidence") as refused:
        append_entry(trail, ACTION)
    assert "\n" not in str(refused.value)
    assert trail.read_bytes() == before


def test_a_line_cut_short_by_a_crash_is_set_aside_and_the_others_stay(trail: Path) -> None:
    before = trail.read_bytes()
    trail.write_bytes(before + b'{"entry":7,"who":"ana')
    assert [(fault.line, fault.words.split(":")[0]) for fault in verify_chain(trail)] == [(7, "is cut short")]

    append_entry(trail, replace(ACTION, run="run 7"))
    assert verify_chain(trail) == ()
    assert trail.read_bytes().startswith(before)
    assert len(trail.read_bytes().splitlines()) == 7
    assert trail.with_suffix(".torn").read_bytes() == b'{"entry":7,"who":"ana\n'


def test_a_crash_between_a_line_and_its_head_loses_nothing(trail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StoppedError(Exception):
        pass

    def stop(*paths: Path) -> None:
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        with pytest.raises(StoppedError):
            append_entry(trail, replace(ACTION, run="run 7"))
    assert verify_chain(trail) == ()
    assert append_entry(trail, replace(ACTION, run="run 8")).line == 8
    assert [json.loads(line)["run"] for line in trail.read_bytes().splitlines()][-2:] == ["run 7", "run 8"]
    assert verify_chain(trail) == ()


def test_a_full_disk_leaves_no_part_of_a_line(trail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trail.read_bytes()
    write = os.write

    def fills_up(file: int, line: bytes) -> int:
        if len(line) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, line[:-50])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fills_up)
        with pytest.raises(EnvironmentFault, match=r"trail\.jsonl: cannot be written \(No space left on device\); free some space"):
            append_entry(trail, ACTION)
    assert trail.read_bytes() == before
    append_entry(trail, ACTION)
    assert verify_chain(trail) == ()


def test_the_trail_is_its_owners_alone(trail: Path) -> None:
    assert trail.stat().st_mode & 0o777 == 0o600
    assert trail.parent.stat().st_mode & 0o777 == 0o700


def test_a_time_without_its_zone_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="time zone"):
        replace(ACTION, when=datetime(2014, 10, 1))  # noqa: DTZ001


def test_a_clock_that_goes_back_is_told_in_the_line_and_refuses_what_would_begin(trail: Path) -> None:
    append_entry(trail, replace(ACTION, when=WHEN - timedelta(seconds=5)))
    append_entry(trail, replace(ACTION, when=WHEN - timedelta(hours=1)))
    assert [entry.get("clock_behind") for entry in read_trail(trail)] == [None] * 6 + [5, 3595]
    assert verify_chain(trail) == ()
    append_entry(trail, ACTION)
    refuse_clock_behind(trail, WHEN + timedelta(days=1))
    refuse_clock_behind(trail, WHEN - timedelta(seconds=60))
    with pytest.raises(EnvironmentFault, match=r"this machine's clock is 61 seconds behind the newest line of the audit log; set it right"):
        refuse_clock_behind(trail, WHEN - timedelta(seconds=61))


def test_another_time_zone_is_no_earlier_time(trail: Path) -> None:
    append_entry(trail, replace(ACTION, when=WHEN.astimezone(timezone(timedelta(hours=-5)))))
    assert "clock_behind" not in read_trail(trail)[-1]


def test_a_line_that_could_not_be_added_is_kept_beside_the_trail(trail: Path) -> None:
    change(trail, without(6))
    with pytest.raises(EnvironmentFault):
        append_entry(trail, replace(ACTION, run="run 7"))
    (kept,) = trail.with_suffix(".refused").read_bytes().splitlines()
    assert json.loads(kept)["run"] == "run 7"
    assert trail.with_suffix(".refused").stat().st_mode & 0o777 == 0o600


def test_lines_of_an_earlier_version_are_verified_as_they_were_written(tmp_path: Path) -> None:
    path, previous = tmp_path / "trail.jsonl", FIRST_PREVIOUS
    for n in (1, 2):
        line = json.dumps({"entry": n, "previous": previous, "what": "published", "when": WHEN.isoformat(), "who": "analyst"}).encode()
        previous = hashlib.sha256(line).hexdigest()
        with path.open("ab") as file:
            file.write(line + b"\n")
    path.with_suffix(".head").write_text(json.dumps({"line": 2, "sha256": previous}))
    assert append_entry(path, replace(ACTION, basis="section 251", key="pseudonym-1", parties={"approver": "c.guardian"}, subjects=("abcdefgh",))).line == 3
    assert verify_chain(path) == ()
    newest = read_trail(path)[-1]
    assert (newest["basis"], newest["key"], newest["parties"], newest["subjects"]) == ("section 251", "pseudonym-1", {"approver": "c.guardian"}, ["abcdefgh"])


@pytest.mark.parametrize(
    "head", ["", "[]", "{}", "null", '{"line": "6", "sha256": ""}', '{"line": true, "sha256": ""}', '{"line": 6, "sha256": 7}', "[" * 100_000]
)
def test_a_spoilt_head_vouches_for_nothing(trail: Path, head: str) -> None:
    trail.with_suffix(".head").write_text(head)
    assert lines(verify_chain(trail)) == [1]


APPENDER = """
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from bcf_linkage.storage.trail import append_entry
from bcf_linkage.storage.trail_entry import TrailEntry
for n in range(40):
    append_entry(Path(sys.argv[1]), TrailEntry(datetime(2014, 10, 1, tzinfo=UTC), sys.argv[2], "queried", "a race"))
"""


def test_writers_at_the_same_time_wait_for_each_other(trail: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", APPENDER, trail, f"writer {n}"]) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert verify_chain(trail) == ()
    assert len(trail.read_bytes().splitlines()) == 6 + 3 * 40

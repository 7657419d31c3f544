"""The trail: one line for each thing done in a workspace, each holding the digest of the line before it.

A line that is changed, removed or moved breaks the chain at that place. The newest line has nothing after it to vouch for it, so
`trail.head` beside the trail does: its number and digest. Whoever keeps a copy of the head elsewhere can also prove that the
whole trail was not written anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.storage.store import PRIVATE, or_refused

BEGINNING = "0" * 64
"""What the first line holds in place of the digest of a line before it."""

ALWAYS = ("when", "who", "what", "why", "run", "inputs", "outputs", "counts", "versions")
"""What every line says, though it be empty."""

TOLERATED = 60
"""By how many seconds the clock may have gone back without anything being refused: clocks are set, and processes wait for each other."""


@dataclass(frozen=True)
class Action:
    """One thing done: when (with its time zone), by whom, what, why, on what basis, in which run, with the digests and counts that tie it to files.

    `parties` names whoever else had a part in it, by the part; `subjects` whom it was about, each by the beginning of a pseudonym;
    `decisions` says of each gate whether it let the work through and why; `key` is the id of the key it was done with, `refused` the
    line that told why it was not done. What is empty is not written.
    """

    when: datetime
    who: str
    what: str
    why: str
    run: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    basis: str = ""
    key: str = ""
    parties: Mapping[str, str] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    decisions: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""

    def __post_init__(self) -> None:
        if self.when.tzinfo is None:
            raise ValueError("the trail needs a time with its time zone")


@dataclass(frozen=True)
class Fault:
    """A line of the trail (the first is 1) that is not as it was written, and how."""

    line: int
    words: str


@dataclass(frozen=True)
class Head:
    """How far the trail has come: the number and the digest of its newest line."""

    line: int
    sha256: str


def append(trail: Path, action: Action) -> Head:
    """Add a line, safely on disk when this returns; gives back the new head.

    A line that a crash cut short is moved to `trail.torn` first. Where the clock has gone back since the line before, the line says by
    how many seconds. Raises EnvironmentRefused if the trail cannot be written, or no longer ends as it did when it was last written:
    adding to it would hide that, so the line goes to `trail.refused`.
    """
    with or_refused(trail), _held(trail) as file:
        lines = _whole_lines(trail, file)
        last = Head(len(lines), _digest(lines[-1]) if lines else BEGINNING)
        line = _line(action, last, _seconds_behind(action.when, _entry(lines[-1]) if lines else {}))
        _refuse_if_cut(trail, lines, line)
        _write(file, line + b"\n")
        return _note(trail, Head(len(lines) + 1, _digest(line)))


def verify(trail: Path, noted: Head | None = None) -> tuple[Fault, ...]:
    """Every place at which the trail is not as it was written; none if it is. `noted` is a head that was kept elsewhere.

    Raises EnvironmentRefused if the trail cannot be read.
    """
    with or_refused(trail):
        text = trail.read_bytes() if trail.exists() else b""
    *lines, torn = text.split(b"\n")
    found = [*_broken(lines), *_unvouched(lines, head(trail)), *(_missing(lines, noted) if noted else ())]
    if torn:
        found.append(Fault(len(lines) + 1, "is cut short: the machine stopped while writing it; the next line to be added sets it aside"))
    first_on_line = {fault.line: fault for fault in reversed(found)}
    return tuple(first_on_line[line] for line in sorted(first_on_line))


def entries(trail: Path) -> tuple[dict[str, Any], ...]:
    """Every line that can be read as an entry, in order; verify first. Raises EnvironmentRefused if the trail cannot be read."""
    with or_refused(trail):
        text = trail.read_bytes() if trail.exists() else b""
    return tuple(entry for line in text.split(b"\n")[:-1] if (entry := _entry(line)))


def refuse_backwards(trail: Path, now: datetime) -> None:
    """Raises EnvironmentRefused if the clock says that it is earlier than when the trail was last added to."""
    behind = _seconds_behind(now, next(reversed(entries(trail)), {}))
    if behind > TOLERATED:
        raise EnvironmentRefused(f"{trail}: this machine's clock is {behind:,} seconds behind the newest line of the trail; set it right and try again")


def _seconds_behind(when: datetime, newest: Mapping[str, Any]) -> int:
    """By how many whole seconds a time lies before that of the newest entry; 0 if it does not, or none can be read."""
    try:
        return max(0, int((datetime.fromisoformat(newest["when"]) - when).total_seconds()))
    except (KeyError, TypeError, ValueError):
        return 0


def _line(action: Action, last: Head, behind: int) -> bytes:
    said = {name: value for name, value in asdict(action).items() if value or name in ALWAYS}
    clock = {"clock_behind": behind} if behind else {}
    entry = {**said, **clock, "when": action.when.isoformat(), "entry": last.line + 1, "previous": last.sha256}
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


@contextmanager
def _held(trail: Path) -> Iterator[int]:
    """The trail, opened to be added to and closed to every other writer until the block ends."""
    trail.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    file = os.open(trail, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _whole_lines(trail: Path, file: int) -> list[bytes]:
    """The lines of the trail; what stands after the last whole one is set aside."""
    text = trail.read_bytes()
    *lines, torn = text.split(b"\n")
    if torn:
        _set_aside(trail.with_suffix(".torn"), torn)
        os.ftruncate(file, len(text) - len(torn))
    return lines


def _set_aside(file: Path, line: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as aside:
        aside.write(line + b"\n")
        aside.flush()
        os.fsync(aside.fileno())


def _write(file: int, line: bytes) -> None:
    """The whole line or nothing of it: what a full disk took of it is taken back."""
    size = os.fstat(file).st_size
    try:
        written = os.write(file, line)
        if written != len(line):
            os.write(file, line[written:])
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def _note(trail: Path, head: Head) -> Head:
    new = trail.with_suffix(".head.new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(asdict(head), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(trail.with_suffix(".head"))
    return head


def head(trail: Path) -> Head:
    """The head as it was noted; one that is missing or spoilt vouches for no line."""
    try:
        noted = Head(**json.loads(trail.with_suffix(".head").read_text(encoding="utf-8")))
        if type(noted.line) is int and noted.line > 0 and isinstance(noted.sha256, str):
            return noted
    except (FileNotFoundError, ValueError, TypeError, RecursionError):
        pass
    return Head(0, BEGINNING)


def _refuse_if_cut(trail: Path, lines: list[bytes], refused: bytes) -> None:
    if fault := next(_unvouched(lines, head(trail)), None):
        _set_aside(trail.with_suffix(".refused"), refused)
        raise EnvironmentRefused(
            f"{trail}: line {fault.line} {fault.words}; find out who changed it, then move the trail and its head away as evidence: a new one begins by itself"
        )


def _unvouched(lines: list[bytes], head: Head) -> Iterator[Fault]:
    """Where the lines and their head part. A crash can leave the head one line behind, never the lines."""
    yield from _missing(lines, head)
    if len(lines) > head.line + 1:
        yield Fault(head.line + 1, "and those after it are not vouched for: the head stops before them")


def _missing(lines: list[bytes], head: Head) -> Iterator[Fault]:
    if head.line > len(lines):
        yield Fault(len(lines) + 1, f"is missing: the trail had {head.line} lines")
    elif head.line and _digest(lines[head.line - 1]) != head.sha256:
        yield Fault(head.line, "was changed after it was written")


def _broken(lines: list[bytes]) -> Iterator[Fault]:
    """Where one line does not follow from the line before it."""
    expected, previous = 1, BEGINNING
    for line, text in enumerate(lines, 1):
        entry = _entry(text)
        number = entry.get("entry")
        if not isinstance(number, int):
            yield Fault(line, "cannot be read as an entry of the trail")
            number = expected
        elif number != expected:
            yield Fault(line, f"is entry {number} where entry {expected} should stand: entries were removed, added or moved")
        elif entry.get("previous") != previous:
            yield Fault(max(line - 1, 1), "was changed after it was written")
        expected, previous = number + 1, _digest(text)


def _entry(text: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}

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


@dataclass(frozen=True)
class Action:
    """One thing done: when (with its time zone), by whom, what, why, in which run, with the digests and counts that tie it to files."""

    when: datetime
    who: str
    what: str
    why: str
    run: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

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

    A line that a crash cut short is moved to `trail.torn` first. Raises EnvironmentRefused if the trail cannot be written, or no
    longer ends as it did when it was last written: adding to it would hide that.
    """
    with or_refused(trail), _held(trail) as file:
        lines = _whole_lines(trail, file)
        _refuse_if_cut(trail, lines)
        line = _line(action, Head(len(lines), _digest(lines[-1]) if lines else BEGINNING))
        _write(file, line + b"\n")
        return _note(trail, Head(len(lines) + 1, _digest(line)))


def verify(trail: Path, noted: Head | None = None) -> tuple[Fault, ...]:
    """Every place at which the trail is not as it was written; none if it is. `noted` is a head that was kept elsewhere.

    Raises EnvironmentRefused if the trail cannot be read.
    """
    with or_refused(trail):
        text = trail.read_bytes() if trail.exists() else b""
    *lines, torn = text.split(b"\n")
    found = [*_broken(lines), *_unvouched(lines, _head(trail)), *(_missing(lines, noted) if noted else ())]
    if torn:
        found.append(Fault(len(lines) + 1, "is cut short: the machine stopped while writing it; the next line to be added sets it aside"))
    first_on_line = {fault.line: fault for fault in reversed(found)}
    return tuple(first_on_line[line] for line in sorted(first_on_line))


def _line(action: Action, last: Head) -> bytes:
    entry = {**asdict(action), "when": action.when.isoformat(), "entry": last.line + 1, "previous": last.sha256}
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
        with trail.with_suffix(".torn").open("ab") as aside:
            aside.write(torn + b"\n")
            aside.flush()
            os.fsync(aside.fileno())
        os.ftruncate(file, len(text) - len(torn))
    return lines


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


def _head(trail: Path) -> Head:
    """The head as it was noted; one that is missing or spoilt vouches for no line."""
    try:
        return Head(**json.loads(trail.with_suffix(".head").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Head(0, BEGINNING)


def _refuse_if_cut(trail: Path, lines: list[bytes]) -> None:
    if fault := next(_unvouched(lines, _head(trail)), None):
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
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}

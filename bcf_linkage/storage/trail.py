"""The audit log of a workspace, `audit/trail.jsonl`: one line for each audit event. Each line holds the digest of the line before it.

A line that is changed, removed or moved breaks the chain there. No later line confirms the newest one, so `trail.head` beside the log
holds its number and digest. A copy of the head that is kept elsewhere also proves that the whole log was not written again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from bcf_linkage.definitions.atomic_files import PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE, write_bytes_atomically
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.json_values import JsonObject, JsonValue
from bcf_linkage.storage.store import raise_on_os_error
from bcf_linkage.storage.trail_entry import TrailEntry, parse_entry, parse_line

FIRST_PREVIOUS = "0" * 64
"""What the first line holds in place of the digest of a line before it."""

CLOCK_TOLERANCE_SECONDS = 60
"""Seconds that the clock may have gone back before work is refused: clocks are adjusted, and processes wait for each other."""


@dataclass(frozen=True)
class ChainBreak:
    """A line of the log (the first is 1) that is not as it was written, and what is wrong with it."""

    line: int
    words: str


@dataclass(frozen=True)
class TrailHead:
    """The number and the digest of the newest line."""

    line: int
    sha256: str


def append_entry(trail: Path, new_entry: TrailEntry) -> TrailHead:
    """Append a line and flush it to disk. Return the new head.

    Move a line that a crash cut short to `trail.torn` first. If the clock has gone back since the line before, the new line says by how
    many seconds. Raises EnvironmentFault if the log cannot be written, or no longer ends as it did when it was last written: another
    line would hide that, so the new line goes to `trail.refused`.
    """
    with raise_on_os_error(trail), _open_locked(trail) as file:
        lines = _read_whole_lines(trail, file)
        last = TrailHead(len(lines), _digest(lines[-1]) if lines else FIRST_PREVIOUS)
        line = _format_line(new_entry, last, _seconds_behind(new_entry.when, parse_line(lines[-1]) if lines else {}))
        _refuse_if_altered(trail, lines, line)
        _write_line(file, line + b"\n")
        return _write_head(trail, TrailHead(len(lines) + 1, _digest(line)))


def verify_chain(trail: Path, kept_head: TrailHead | None = None) -> tuple[ChainBreak, ...]:
    """Return every line at which the log is not as it was written, the first break of each line; nothing if the log is whole.

    `kept_head` is a head that was kept elsewhere. Raises EnvironmentFault if the log cannot be read.
    """
    *lines, partial_line = _read_bytes(trail).split(b"\n")
    breaks = [*_find_broken(lines), *_find_unconfirmed(lines, read_head(trail)), *(_find_missing(lines, kept_head) if kept_head else ())]
    if partial_line:
        breaks.append(ChainBreak(len(lines) + 1, "is cut short: the machine stopped while it was written; the next line that is added sets it aside"))
    first_on_line = {chain_break.line: chain_break for chain_break in reversed(breaks)}
    return tuple(first_on_line[line] for line in sorted(first_on_line))


def read_trail(trail: Path) -> tuple[dict[str, JsonValue], ...]:
    """Return every line that is a JSON object, in order, as it was written. Verify the log first. Raises EnvironmentFault if it cannot be read."""
    return tuple(document for line in _read_bytes(trail).split(b"\n")[:-1] if (document := parse_line(line)))


def read_entries(trail: Path) -> tuple[TrailEntry, ...]:
    """Return every line as a typed entry, in order, without lines that are no entry. Raises EnvironmentFault if the log cannot be read."""
    return tuple(entry for document in read_trail(trail) if (entry := parse_entry(document)))


def refuse_clock_behind(trail: Path, now: datetime) -> None:
    """Raise EnvironmentFault if the clock is more than `CLOCK_TOLERANCE_SECONDS` behind the newest line."""
    seconds_behind = _seconds_behind(now, next(reversed(read_trail(trail)), {}))
    if seconds_behind > CLOCK_TOLERANCE_SECONDS:
        raise EnvironmentFault(
            f"{trail}: this machine's clock is {seconds_behind:,} seconds behind the newest line of the audit log; set it right and try again"
        )


def read_head(trail: Path) -> TrailHead:
    """Return the head as it was written; a head of line 0 if it is missing or damaged, which confirms no line."""
    try:
        stored = TrailHead(**json.loads(trail.with_suffix(".head").read_text(encoding="utf-8")))
        if type(stored.line) is int and stored.line > 0 and isinstance(stored.sha256, str):
            return stored
    except (FileNotFoundError, ValueError, TypeError, RecursionError):
        pass
    return TrailHead(0, FIRST_PREVIOUS)


def _read_bytes(trail: Path) -> bytes:
    with raise_on_os_error(trail):
        return trail.read_bytes() if trail.exists() else b""


def _seconds_behind(when: datetime, newest: JsonObject) -> int:
    """Return by how many whole seconds a time is before that of the newest line; 0 if it is not, or that line has no time."""
    written = newest.get("when")
    try:
        return max(0, int((datetime.fromisoformat(written) - when).total_seconds())) if isinstance(written, str) else 0
    except (TypeError, ValueError):
        return 0


def _format_line(new_entry: TrailEntry, last: TrailHead, seconds_behind: int) -> bytes:
    clock = {"clock_behind": seconds_behind} if seconds_behind else {}
    document = {**new_entry.as_json(), **clock, "entry": last.line + 1, "previous": last.sha256}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


@contextmanager
def _open_locked(trail: Path) -> Iterator[int]:
    """Open the log for appending, and lock it against every other writer until the block ends."""
    trail.parent.mkdir(mode=PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
    file = os.open(trail, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE_FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _read_whole_lines(trail: Path, file: int) -> list[bytes]:
    """Return the whole lines of the log. Move what follows the last of them to `trail.torn`."""
    text = trail.read_bytes()
    *lines, partial_line = text.split(b"\n")
    if partial_line:
        _set_aside(trail.with_suffix(".torn"), partial_line)
        os.ftruncate(file, len(text) - len(partial_line))
    return lines


def _set_aside(file: Path, line: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE_MODE), "ab") as stream:
        stream.write(line + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def _write_line(file: int, line: bytes) -> None:
    """Append the whole line or nothing."""
    size = os.fstat(file).st_size
    try:
        written = os.write(file, line)
        # A disk that fills up takes a part of the line. The second write raises the error, and the part is cut off again.
        if written != len(line):
            os.write(file, line[written:])
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def _write_head(trail: Path, head: TrailHead) -> TrailHead:
    write_bytes_atomically(trail.with_suffix(".head"), json.dumps(asdict(head)).encode(), mode=PRIVATE_FILE_MODE)
    return head


def _refuse_if_altered(trail: Path, lines: list[bytes], refused_line: bytes) -> None:
    if chain_break := next(_find_unconfirmed(lines, read_head(trail)), None):
        _set_aside(trail.with_suffix(".refused"), refused_line)
        raise EnvironmentFault(
            f"{trail}: line {chain_break.line} {chain_break.words}; find out who changed it, then move the audit log and its head away as evidence: "
            "the next event starts a new log"
        )


def _find_unconfirmed(lines: list[bytes], head: TrailHead) -> Iterator[ChainBreak]:
    """Yield where the lines and their head differ."""
    yield from _find_missing(lines, head)
    # The head is written after its line, so a crash between the two leaves it one line behind. More is not a crash.
    if len(lines) > head.line + 1:
        yield ChainBreak(head.line + 1, "and the lines after it are not confirmed: the head names an earlier line")


def _find_missing(lines: list[bytes], head: TrailHead) -> Iterator[ChainBreak]:
    if head.line > len(lines):
        yield ChainBreak(len(lines) + 1, f"is missing: the audit log had {head.line} lines")
    elif head.line and _digest(lines[head.line - 1]) != head.sha256:
        yield ChainBreak(head.line, "was changed after it was written")


def _find_broken(lines: list[bytes]) -> Iterator[ChainBreak]:
    """Yield each line that does not follow from the line before it."""
    expected, previous = 1, FIRST_PREVIOUS
    for line, text in enumerate(lines, 1):
        entry = parse_line(text)
        number = entry.get("entry")
        if not isinstance(number, int):
            yield ChainBreak(line, "cannot be read as an entry of the audit log")
            number = expected
        elif number != expected:
            yield ChainBreak(line, f"is entry {number} where entry {expected} is due: entries were removed, added or moved")
        elif entry.get("previous") != previous:
            yield ChainBreak(max(line - 1, 1), "was changed after it was written")
        expected, previous = number + 1, _digest(text)

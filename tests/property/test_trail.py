"""Any change to an audit log is detected."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.storage.trail import TrailEntry, append_entry, verify_chain

words = st.text(st.characters(codec="utf-8"), max_size=12)
actions = st.builds(
    TrailEntry,
    when=st.datetimes(timezones=st.just(UTC), min_value=datetime(2013, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 - the zone is drawn apart
    who=words,
    what=words,
    why=words,
    inputs=st.dictionaries(words, words, max_size=2),
    counts=st.dictionaries(words, st.integers(), max_size=2),
)


@contextmanager
def write_trail(drawn: list[TrailEntry]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        trail = Path(folder) / "trail.jsonl"
        for action in drawn:
            append_entry(trail, action)
        yield trail


@settings(max_examples=25, deadline=None)
@given(drawn=st.lists(actions, max_size=6))
def test_an_audit_log_as_written_is_valid(drawn: list[TrailEntry]) -> None:
    with write_trail(drawn) as trail:
        assert verify_chain(trail) == ()
        assert len(trail.read_bytes().split(b"\n")) == len(drawn) + 1 if drawn else not trail.exists()


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(actions, min_size=1, max_size=5), data=st.data())
def test_a_changed_byte_of_an_audit_log_is_found(drawn: list[TrailEntry], data: st.DataObject) -> None:
    with write_trail(drawn) as trail:
        text = bytearray(trail.read_bytes())
        position = data.draw(st.integers(0, len(text) - 1))
        line = bytes(text[:position]).count(b"\n") + 1
        text[position] ^= data.draw(st.integers(1, 255))
        trail.write_bytes(text)
        faults = verify_chain(trail)
        assert faults
        assert abs(faults[0].line - line) <= 1


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(actions, min_size=2, max_size=6), data=st.data())
def test_a_removed_repeated_or_moved_line_of_an_audit_log_is_found(drawn: list[TrailEntry], data: st.DataObject) -> None:
    with write_trail(drawn) as trail:
        lines = trail.read_bytes().splitlines(keepends=True)
        others = st.lists(st.integers(0, len(lines) - 1), max_size=len(lines) + 1).filter(lambda order: order != list(range(len(lines))))
        trail.write_bytes(b"".join(lines[n] for n in data.draw(others)))
        assert verify_chain(trail)

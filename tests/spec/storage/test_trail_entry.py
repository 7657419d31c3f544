"""An audit event is read back as it was written, with its types, and a damaged field is read as empty."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bcf_linkage.storage.trail_entry import Decision, ReviewCount, TrailEntry, parse_entry, parse_line
from pipelines.workspace.audit_log import EventKind

WHEN = datetime(2014, 10, 1, 6, 30, tzinfo=UTC)
ENTRY = TrailEntry(
    WHEN,
    "analyst",
    EventKind.REVIEW_IMPORTED,
    "review",
    "run",
    {"a": "1"},
    {"b": "2"},
    {"same": 3},
    {"polars": "2"},
    basis="consent",
    key="register-1",
    parties={"source": "outpatients"},
    subjects=("abcdefgh",),
    decisions=(Decision("agreement", "outpatients", passed=True, words="in force"),),
    reviews=(ReviewCount("scored", "same", 3),),
    refused="no",
)


def test_an_entry_is_read_back_as_it_was_written() -> None:
    assert parse_entry(parse_line(json.dumps(ENTRY.as_json()).encode())) == ENTRY


def test_an_empty_field_is_left_out_unless_it_is_required() -> None:
    document = TrailEntry(WHEN, "analyst", "queried", "").as_json()
    assert set(document) == {"when", "who", "what", "why", "run", "inputs", "outputs", "counts", "versions"}
    assert parse_entry(document) == TrailEntry(WHEN, "analyst", "queried", "")


@pytest.mark.parametrize(
    ("name", "value", "read_as"),
    [
        ("who", 7, ""),
        ("inputs", ["a"], {}),
        ("inputs", {"a": 1, "b": "2"}, {"b": "2"}),
        ("counts", {"a": True, "b": 1.5, "c": "1", "d": 4}, {"d": 4}),
        ("subjects", "abcdefgh", ()),
        ("subjects", ["abcdefgh", 1], ("abcdefgh",)),
        ("decisions", {"agreement, outpatients": "passed: as an earlier version wrote it"}, ()),
        ("decisions", [{"gate": "agreement", "subject": "x", "passed": "yes", "words": ""}], ()),
        ("reviews", [{"match_pass": "scored", "verdict": "same", "pairs": True}, None, 3], ()),
    ],
)
def test_a_field_of_another_type_is_read_as_empty(name: str, value: Any, read_as: object) -> None:
    entry = parse_entry({**ENTRY.as_json(), name: value})
    assert entry is not None
    assert getattr(entry, name) == read_as


@pytest.mark.parametrize("change", [{"when": "yesterday"}, {"when": "2014-10-01T06:30:00"}, {"when": None}, {"what": ""}, {"what": 1}])
def test_a_line_without_event_or_time_is_no_entry(change: dict[str, Any]) -> None:
    assert parse_entry({**ENTRY.as_json(), **change}) is None


@pytest.mark.parametrize("line", [b"", b"[]", b"3", b"{", b"[" * 100_000])
def test_a_line_that_is_no_object_is_empty(line: bytes) -> None:
    assert parse_line(line) == {}


def test_events_are_written_as_they_always_were() -> None:
    refused = {kind.value for kind in EventKind if kind.value.endswith(" refused")}
    assert refused == {
        *(f"key {done} refused" for done in ("made", "rotated", "retired")),
        *(f"opt-outs {verb} refused" for verb in ("export", "import", "empty")),
        *(f"{name} {verb} refused" for name in ("national-trace", "clerical-review") for verb in ("export", "import")),
        *("run refused", "re-identification refused", "work-list refused", "prune refused", "history carried over refused"),
    }
    assert {kind.value for kind in EventKind} - refused == {
        *("run begun", "run published", "key made", "key rotated", "key retired", "history carried over", "pruned"),
        *("opt-outs exported", "opt-outs imported", "opt-outs emptied", "re-identification given", "work-list given"),
        *("national-trace exported", "national-trace imported", "clerical-review exported", "clerical-review imported"),
    }

"""Whatever stands in the vault's files, the trail or `locality.toml`: it is taken for what it is or refused in one line, and never crashes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.errors import Refusal
from bcf_linkage.identifiable.vault import Key, Purpose, Vault
from bcf_linkage.identifiable.vault.key import parsed, weakness
from bcf_linkage.identifiable.vault.sealed import seal, unseal
from bcf_linkage.storage.trail import Action, append, entries, refuse_backwards, verify
from pipelines import gates
from pipelines.settings import read_settings
from tests.spec.test_governance_settings import STATED
from tests.spec.test_settings import GOOD

WHEN = datetime(2014, 10, 1, tzinfo=UTC)
FEW = settings(max_examples=150, deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
GARBAGE = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


@st.composite
def spoilt(draw: st.DrawFn, sound: bytes) -> bytes:
    """A few changes to bytes: one replaced, some left out, some put in."""
    text = bytearray(sound)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 12))] = draw(st.binary(max_size=6))
    return bytes(text)


def refused_in_one_line(work: Callable[[], Any]) -> str:
    """The words with which work is refused, which must be one line, or nothing; anything but a refusal is a crash and passes through."""
    words = ""
    try:
        work()
    except Refusal as refusal:
        words = str(refusal)
    assert "\n" not in words
    return words


@FEW
@given(data=st.data())
def test_a_list_of_keys_is_the_one_that_was_written_or_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault(Path(folder) / "vault")
        vault.begin(WHEN)
        ring, file = vault.ring, vault.folder / "keys" / "ring.json"
        file.write_bytes(data.draw(GARBAGE | spoilt(file.read_bytes())))
        with suppress(Refusal):
            read = vault.ring
            assert {entry.id for entry in read.entries} <= {"pseudonym-1", "register-1"}
        # Whatever the list says, no key but the one that it vouches for comes out.
        for purpose in Purpose:
            with suppress(Refusal):
                assert vault.current(purpose).name == f"{purpose}-1"
                assert vault.ring.current(purpose).fingerprint == ring.current(purpose).fingerprint  # type: ignore[union-attr]
        refused_in_one_line(lambda: vault.current(Purpose.PSEUDONYM))


@FEW
@given(st.binary(max_size=200) | st.text("0123456789abcdef \n", max_size=140).map(str.encode))
def test_a_key_is_sound_or_refused_and_never_told(content: bytes) -> None:
    text = content.decode("ascii", "replace")
    if words := refused_in_one_line(lambda: parsed(text, "pseudonym-1", "somewhere")):
        assert len(text.strip()) < 12 or text.strip() not in words
    else:
        key = parsed(text, "pseudonym-1", "somewhere")
        assert key == bytes.fromhex(text.strip())
        assert not weakness(key)
        assert len(key) >= 32


@FEW
@given(data=st.data(), content=st.binary(max_size=300))
def test_a_sealed_file_opens_as_it_was_or_not_at_all(data: st.DataObject, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, key = Path(folder) / "run.sealed", Key(bytes(range(1, 33)), "register-1")
        seal(file, key, {"kind": "register", "name": "run"}, content)
        assert unseal(file, key, "register", "run")[1] == content
        sound = file.read_bytes()
        changed = data.draw(GARBAGE | spoilt(sound))
        file.write_bytes(changed)
        assert refused_in_one_line(lambda: unseal(file, key, "register", "run")) or changed == sound


@FEW
@given(data=st.data())
def test_a_trail_and_its_head_are_whole_or_the_fault_is_found(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trail = Path(folder) / "trail.jsonl"
        for n in range(4):
            append(trail, Action(WHEN, "analyst", "run published", f"{n}"))
        file = data.draw(st.sampled_from([trail, trail.with_suffix(".head")]))
        sound = file.read_bytes()
        changed = data.draw(GARBAGE | spoilt(sound))
        file.write_bytes(changed)
        faults = verify(trail)
        same = changed == sound or (file.suffix == ".head" and _json(changed) == _json(sound))
        # A head that lags by one line is what a crash leaves behind, and vouches for all but that line.
        assert bool(faults) or same or (file.suffix == ".head" and _json(changed) == {**_json(sound), "line": 3})
        assert all(fault.line >= 1 for fault in faults)
        entries(trail)
        refused_in_one_line(lambda: refuse_backwards(trail, WHEN))
        refused_in_one_line(lambda: append(trail, Action(WHEN, "analyst", "run published", "more")))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


SETTINGS = (GOOD + STATED).encode()
VALUES = st.sampled_from(
    ["7", "true", '""', '"x"', "[]", "{}", "2014-01-01", '["x"]', "-1", "1e400", "nan", '"\\u0000"', "[[[]]]", "{ days = 99999999999999999999 }"]
)


@st.composite
def restated(draw: st.DrawFn) -> bytes:
    """Good settings with some values replaced by others."""
    lines = (GOOD + STATED).split("\n")
    for n in draw(st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=3)):
        if " = " in lines[n]:
            lines[n] = f"{lines[n].split(' = ')[0]} = {draw(VALUES)}"
    return "\n".join(lines).encode()


@settings(max_examples=400, deadline=None)
@given(restated() | spoilt(SETTINGS) | st.binary(max_size=80) | st.integers(1, 3).map(lambda n: b"a = " + b"[" * 10_000 * n))
def test_settings_are_read_or_refused_in_one_line(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "locality.toml").write_bytes(text)
        if not refused_in_one_line(lambda: read_settings(Path(folder))):
            read = read_settings(Path(folder))
            assert read.sources
            decisions = gates.agreements(read, date(2014, 10, 1))
            assert set(gates.told(decisions)) == {f"agreement, locality.toml [sources.{name}]" for name in read.sources}
            refused_in_one_line(lambda: gates.refuse(decisions))
            for one, source in zip(decisions, read.sources.values(), strict=True):
                agreed = source.agreement
                # Nothing passes that an agreement does not state in so many words.
                assert not one.passed or (agreed and agreed.valid_from <= date(2014, 10, 1) <= agreed.valid_to and read.purpose in agreed.purposes)
            assert all(allowed.requesters and allowed.approvers for allowed in read.reidentification.values())
            assert all(keep.days is None or keep.days >= 1 for keep in vars(read.retention).values())

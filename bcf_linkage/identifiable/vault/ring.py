"""The ring: which keys there are and have been, and of each only what anybody may know. The keys themselves lie elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.identifiable.vault.files import write_whole

FILE = "ring.json"
FORMAT = 1


class Purpose(StrEnum):
    """What a key is for. One key is never used for two purposes."""

    PSEUDONYM = "pseudonym"
    REGISTER = "register"


class State(StrEnum):
    """Where a key is in its life: used for all that is new; read with only; never used again."""

    CURRENT = "current"
    ROTATED = "rotated"
    RETIRED = "retired"


@dataclass(frozen=True)
class Entry:
    """One key: its purpose and version, a fingerprint that tells it from every other, and the days of its life."""

    purpose: Purpose
    version: int
    fingerprint: str
    created: datetime
    rotated: datetime | None = None
    retired: datetime | None = None

    @property
    def id(self) -> str:
        """The name under which the key stands in every output, such as `pseudonym-1`."""
        return f"{self.purpose}-{self.version}"

    @property
    def state(self) -> State:
        if self.retired:
            return State.RETIRED
        return State.ROTATED if self.rotated else State.CURRENT


@dataclass(frozen=True)
class Ring:
    """All keys of a vault, in the order in which they were made."""

    entries: tuple[Entry, ...] = ()

    def current(self, purpose: Purpose) -> Entry | None:
        """The key in use for a purpose."""
        return next((entry for entry in self.entries if entry.purpose is purpose and entry.state is State.CURRENT), None)

    def next_id(self, purpose: Purpose) -> str:
        """The id that the next key of a purpose will have."""
        return f"{purpose}-{1 + sum(entry.purpose is purpose for entry in self.entries)}"

    def entry(self, key_id: str) -> Entry:
        """The key of that id. Raises RequestRefused."""
        for entry in self.entries:
            if entry.id == key_id:
                return entry
        raise RequestRefused(f"no key {_shown(key_id)}; there are {', '.join(entry.id for entry in self.entries) or 'none'}")

    def refuse_known(self, fingerprint: str) -> None:
        """Raises RequestRefused for a key that is known under any id."""
        for entry in self.entries:
            if entry.fingerprint == fingerprint:
                raise RequestRefused(f"this key is in use already as {entry.id}, made {entry.created:%Y-%m-%d}; a key is never reused: make another")

    def with_new(self, purpose: Purpose, fingerprint: str, when: datetime) -> Ring:
        """With a new current key; the one before it is rotated. Raises RequestRefused for a key that is known under any id."""
        self.refuse_known(fingerprint)
        version = 1 + sum(entry.purpose is purpose for entry in self.entries)
        before = tuple(replace(e, rotated=when) if e.purpose is purpose and e.state is State.CURRENT else e for e in self.entries)
        return Ring((*before, Entry(purpose, version, fingerprint, when)))

    def with_retired(self, key_id: str, when: datetime) -> Ring:
        """With a key that is never used again. Raises RequestRefused for the current one, or one that is retired already."""
        entry = self.entry(key_id)
        if entry.state is not State.ROTATED:
            cure = "rotate it first" if entry.state is State.CURRENT else f"it was on {entry.retired:%Y-%m-%d}"
            raise RequestRefused(f"{key_id} is {entry.state} and cannot be retired; {cure}")
        return Ring(tuple(replace(e, retired=when) if e.id == key_id else e for e in self.entries))

    def text(self) -> str:
        """The ring as it is kept."""
        return json.dumps({"format": FORMAT, "keys": [asdict(entry) for entry in self.entries]}, default=datetime.isoformat, indent=2) + "\n"


def read_ring(vault: Path) -> Ring:
    """The ring of a vault, empty if there is none yet. Raises EnvironmentRefused if it is not as it was written."""
    file = vault / "keys" / FILE
    try:
        document = json.loads(file.read_bytes())
        if set(document) != {"format", "keys"} or document["format"] != FORMAT:
            raise ValueError
        ring = Ring(tuple(_entry(written) for written in document["keys"]))
        _refuse_disorder(ring)
    except FileNotFoundError:
        return Ring()
    except OSError:
        raise EnvironmentRefused(f"{file}: cannot be read; ask for the right to read it") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise EnvironmentRefused(f"{file}: is not as it was written; bring the list of keys back from its safe copy") from None
    return ring


def write_ring(vault: Path, ring: Ring) -> None:
    """Keep the ring, in one step. Raises EnvironmentRefused."""
    write_whole(vault / "keys" / FILE, ring.text().encode())


def _entry(written: Mapping[str, Any]) -> Entry:
    def when(name: str) -> datetime | None:
        return None if written[name] is None else _with_zone(datetime.fromisoformat(written[name]))

    made, version = when("created"), written["version"]
    if set(written) != set(Entry.__dataclass_fields__) or made is None or type(version) is not int or not re.fullmatch("[0-9a-f]{16}", written["fingerprint"]):
        raise ValueError
    return Entry(Purpose(written["purpose"]), version, written["fingerprint"], made, when("rotated"), when("retired"))


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _refuse_disorder(ring: Ring) -> None:
    """Versions count up from 1, only the newest key of a purpose is current, and no key has two ids."""
    for purpose in Purpose:
        own = [entry for entry in ring.entries if entry.purpose is purpose]
        if [entry.version for entry in own] != list(range(1, len(own) + 1)) or any(entry.state is State.CURRENT for entry in own[:-1]):
            raise ValueError
    if len({entry.fingerprint for entry in ring.entries}) != len(ring.entries) or any(entry.retired and not entry.rotated for entry in ring.entries):
        raise ValueError


def _shown(key_id: str) -> str:
    """What was asked for, unless it may be a key that somebody typed in place of its id."""
    return key_id if re.fullmatch("[a-z]{1,20}-[0-9]{1,4}", key_id) else "of that name"

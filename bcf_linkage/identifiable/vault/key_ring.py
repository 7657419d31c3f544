"""The ring: the list of a vault's keys, present and past, with public facts only. The keys themselves are stored elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.identifiable.vault.key import FINGERPRINT_DIGITS
from bcf_linkage.identifiable.vault.private_files import write_atomically

RING_FILE = "ring.json"
RING_FORMAT = 1
"""The version of the file format. A file of another version is refused."""


class KeyState(StrEnum):
    """The state of a key: in use for everything new; for reading only; never used again."""

    CURRENT = "current"
    ROTATED = "rotated"
    RETIRED = "retired"


@dataclass(frozen=True)
class KeyEntry:
    """One key: its purpose and version, its fingerprint, and when it was created, rotated and retired."""

    purpose: KeyPurpose
    version: int
    fingerprint: str
    created: datetime
    rotated: datetime | None = None
    retired: datetime | None = None

    @property
    def id(self) -> str:
        """The id of the key in every output, such as `pseudonym-1`."""
        return f"{self.purpose}-{self.version}"

    @property
    def state(self) -> KeyState:
        if self.retired:
            return KeyState.RETIRED
        return KeyState.ROTATED if self.rotated else KeyState.CURRENT


@dataclass(frozen=True)
class KeyRing:
    """All keys of a vault, in the order in which they were made."""

    entries: tuple[KeyEntry, ...] = ()

    def current_entry(self, purpose: KeyPurpose) -> KeyEntry | None:
        """Return the key in use for a purpose, if there is one."""
        return next((entry for entry in self.entries if entry.purpose is purpose and entry.state is KeyState.CURRENT), None)

    def next_id(self, purpose: KeyPurpose) -> str:
        """Return the id of the next key of a purpose."""
        return f"{purpose}-{1 + sum(entry.purpose is purpose for entry in self.entries)}"

    def entry(self, key_id: str) -> KeyEntry:
        """Return the key of this id. Raises UsageError if there is none."""
        for entry in self.entries:
            if entry.id == key_id:
                return entry
        raise UsageError(f"no key {_printable_id(key_id)}; there are {', '.join(entry.id for entry in self.entries) or 'none'}")

    def refuse_known_key(self, fingerprint: str) -> None:
        """Raise UsageError for a key that is in the ring under any id."""
        for entry in self.entries:
            if entry.fingerprint == fingerprint:
                raise UsageError(f"this key is in use already as {entry.id}, made {entry.created:%Y-%m-%d}; a key is never reused: make another")

    def with_new_key(self, purpose: KeyPurpose, fingerprint: str, when: datetime) -> KeyRing:
        """Return the ring with a new current key; the one before it is rotated. Raises UsageError for a key that is in the ring under any id."""
        self.refuse_known_key(fingerprint)
        version = 1 + sum(entry.purpose is purpose for entry in self.entries)
        earlier = tuple(replace(e, rotated=when) if e.purpose is purpose and e.state is KeyState.CURRENT else e for e in self.entries)
        return KeyRing((*earlier, KeyEntry(purpose=purpose, version=version, fingerprint=fingerprint, created=when)))

    def with_retired_key(self, key_id: str, when: datetime) -> KeyRing:
        """Return the ring with this key retired. Raises UsageError for the current key, and for one that is retired already."""
        entry = self.entry(key_id)
        if entry.state is not KeyState.ROTATED:
            remedy = "rotate it first" if entry.state is KeyState.CURRENT else f"it was retired on {entry.retired:%Y-%m-%d}"
            raise UsageError(f"{key_id} is {entry.state} and cannot be retired; {remedy}")
        return KeyRing(tuple(replace(e, retired=when) if e.id == key_id else e for e in self.entries))

    def as_json(self) -> str:
        """Return the ring as the text of its file."""
        return json.dumps({"format": RING_FORMAT, "keys": [asdict(entry) for entry in self.entries]}, default=datetime.isoformat, indent=2) + "\n"


def read_ring(vault: Path) -> KeyRing:
    """Read the ring of a vault, empty if there is none yet. Raises EnvironmentFault if it cannot be read or was changed."""
    file = vault / "keys" / RING_FILE
    try:
        document = json.loads(file.read_bytes())
        if set(document) != {"format", "keys"} or document["format"] != RING_FORMAT:
            raise ValueError
        ring = KeyRing(tuple(_parse_entry(document_entry) for document_entry in document["keys"]))
        _refuse_disorder(ring)
    except FileNotFoundError:
        return KeyRing()
    except OSError:
        raise EnvironmentFault(f"{file}: cannot be read; ask for the right to read it") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise EnvironmentFault(f"{file}: is not as it was written; restore the list of keys from its backup") from None
    return ring


def write_ring(vault: Path, ring: KeyRing) -> None:
    """Write the ring, in one step. Raises EnvironmentFault."""
    write_atomically(vault / "keys" / RING_FILE, ring.as_json().encode())


def _parse_entry(document_entry: Mapping[str, object]) -> KeyEntry:
    """Parse one key of the file. Raises ValueError if a field is missing, unknown or malformed."""
    if set(document_entry) != set(KeyEntry.__dataclass_fields__):
        raise ValueError
    purpose, version, fingerprint = document_entry["purpose"], document_entry["version"], document_entry["fingerprint"]
    created = _parse_time(document_entry["created"])
    # `type(...) is int`, because JSON's `true` is read as a bool, which is an int too.
    if type(version) is not int or not isinstance(purpose, str) or not isinstance(fingerprint, str) or created is None:
        raise ValueError
    if not re.fullmatch(f"[0-9a-f]{{{FINGERPRINT_DIGITS}}}", fingerprint):
        raise ValueError
    return KeyEntry(
        purpose=KeyPurpose(purpose),
        version=version,
        fingerprint=fingerprint,
        created=created,
        rotated=_parse_time(document_entry["rotated"]),
        retired=_parse_time(document_entry["retired"]),
    )


def _parse_time(text: object) -> datetime | None:
    """Parse a moment with its time zone, None for null. Raises ValueError."""
    if text is None:
        return None
    if not isinstance(text, str) or (moment := datetime.fromisoformat(text)).tzinfo is None:
        raise ValueError
    return moment


def _refuse_disorder(ring: KeyRing) -> None:
    """Raise ValueError unless versions count up from 1, only the newest key of a purpose is current, and no key has two ids."""
    for purpose in KeyPurpose:
        own_entries = [entry for entry in ring.entries if entry.purpose is purpose]
        if [entry.version for entry in own_entries] != list(range(1, len(own_entries) + 1)) or any(
            entry.state is KeyState.CURRENT for entry in own_entries[:-1]
        ):
            raise ValueError
    if len({entry.fingerprint for entry in ring.entries}) != len(ring.entries) or any(entry.retired and not entry.rotated for entry in ring.entries):
        raise ValueError


def _printable_id(key_id: str) -> str:
    """Return the id that was asked for, unless it may be a key that somebody typed in place of its id."""
    return key_id if re.fullmatch("[a-z]{1,20}-[0-9]{1,4}", key_id) else "of that name"

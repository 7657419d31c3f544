"""The vault itself: a folder of its owner's, its ring of keys, and where each kind of key is fetched from."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.identifiable.vault.files import write_whole
from bcf_linkage.identifiable.vault.key import FEWEST_BYTES, Key, fingerprint
from bcf_linkage.identifiable.vault.ring import Entry, Purpose, Ring, State, read_ring, write_ring
from bcf_linkage.identifiable.vault.sources import Source, fetched


@dataclass(frozen=True)
class Vault:
    """A vault. Keys whose source is not stated lie in its own folder `keys`, one file each."""

    folder: Path
    sources: Mapping[Purpose, Source] = field(default_factory=dict)

    @property
    def ring(self) -> Ring:
        """The keys that there are. Raises EnvironmentRefused if the list is not as it was written."""
        return read_ring(self.folder)

    def source(self, purpose: Purpose) -> Source:
        """Where keys of a purpose are fetched from."""
        return self.sources.get(purpose) or Source("file", (str(self.folder / "keys" / "{id}.key"),))

    def current_entry(self, purpose: Purpose) -> Entry:
        """The entry of the key in use. Raises EnvironmentRefused if there is none."""
        entry = self.ring.current(purpose)
        if entry is None:
            raise EnvironmentRefused(f"{self.folder}: there is no {purpose} key; `bcf keys new --purpose {purpose}` makes one")
        return entry

    def current(self, purpose: Purpose) -> Key:
        """The key in use. Raises EnvironmentRefused if it is missing, weak, open to others, or not the one that the ring knows."""
        return self._fetched(self.current_entry(purpose))

    def key(self, key_id: str) -> Key:
        """The key of that id, current or rotated. Raises RequestRefused for one that is unknown or retired, else as `current`."""
        entry = self.ring.entry(key_id)
        if entry.state is State.RETIRED:
            raise RequestRefused(f"{key_id} was retired on {entry.retired:%Y-%m-%d}; what it made can no longer be opened or made again")
        return self._fetched(entry)

    def begin(self, when: datetime) -> tuple[Entry, ...]:
        """The first key of every purpose. Raises RequestRefused if there are keys."""
        return tuple(self.new(purpose, when) for purpose in Purpose)

    def new(self, purpose: Purpose, when: datetime) -> Entry:
        """The first key of a purpose. Raises RequestRefused if there is one already, or if the key is known under another id."""
        if current := self.ring.current(purpose):
            raise RequestRefused(f"there is a {purpose} key already, {current.id}; `bcf keys rotate --purpose {purpose}` replaces it")
        self.prepare(purpose)
        return self.turn(purpose, when)

    def prepare(self, purpose: Purpose) -> Key:
        """The next key of a purpose, not yet in use: made where it is kept in a file and none lies there, else fetched.

        A key that lies there already was put there by its custodian, or by an attempt that was stopped.
        """
        key_id, source = self.ring.next_id(purpose), self.source(purpose)
        if source.kind == "file":
            with suppress(FileExistsError):
                write_whole(Path(source.of(key_id)[0]), f"{secrets.token_hex(FEWEST_BYTES)}\n".encode(), replace=False)
        key = fetched(source, key_id)
        self.ring.refuse_known(fingerprint(key))
        return key

    def turn(self, purpose: Purpose, when: datetime) -> Entry:
        """Take the prepared key into use; the one before it is read with only from now on."""
        key = fetched(self.source(purpose), self.ring.next_id(purpose))
        ring = self.ring.with_new(purpose, fingerprint(key), when)
        write_ring(self.folder, ring)
        return ring.entries[-1]

    def retire(self, key_id: str, when: datetime) -> Entry:
        """Never use a rotated key again, and destroy it where it is kept in a file. Raises RequestRefused for the current key."""
        ring = self.ring.with_retired(key_id, when)
        entry = ring.entry(key_id)
        write_ring(self.folder, ring)
        source = self.source(entry.purpose)
        if source.kind == "file":
            Path(source.of(key_id)[0]).unlink(missing_ok=True)
        return entry

    def _fetched(self, entry: Entry) -> Key:
        source = self.source(entry.purpose)
        key = fetched(source, entry.id)
        if not hmac.compare_digest(fingerprint(key), entry.fingerprint):
            raise EnvironmentRefused(f"{source.place(entry.id)}: is not the key that {entry.id} has been; bring that one back, or rotate to a new one")
        return key

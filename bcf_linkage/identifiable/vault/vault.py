"""The vault itself: a private folder, its ring of keys, and the source of each kind of key."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.definitions.keys import KeyPurpose, KeySource
from bcf_linkage.identifiable.vault.key import MIN_KEY_BYTES, Key, key_fingerprint
from bcf_linkage.identifiable.vault.key_ring import KeyEntry, KeyRing, KeyState, read_ring, write_ring
from bcf_linkage.identifiable.vault.key_sources import fetch_key
from bcf_linkage.identifiable.vault.private_files import write_atomically


@dataclass(frozen=True)
class Vault:
    """A vault. Keys without a stated source are in its own folder `keys`, one file each."""

    folder: Path
    key_sources: Mapping[KeyPurpose, KeySource] = field(default_factory=dict)
    _keys: dict[str, Key] | None = field(default=None, repr=False, compare=False)

    def holding_keys(self) -> Vault:
        """Return the same vault, which caches every key that it fetches until `forget_keys`."""
        return replace(self, _keys={})

    def forget_keys(self) -> None:
        """Clear the cache of keys, if there is one."""
        if self._keys is not None:
            self._keys.clear()

    @property
    def ring(self) -> KeyRing:
        """The ring of keys. Raises EnvironmentFault if its file was changed."""
        return read_ring(self.folder)

    def key_source(self, purpose: KeyPurpose) -> KeySource:
        """Return the source of keys of a purpose."""
        return self.key_sources.get(purpose) or KeySource("file", (str(self.folder / "keys" / "{id}.key"),))

    def current_entry(self, purpose: KeyPurpose) -> KeyEntry:
        """Return the entry of the key in use. Raises EnvironmentFault if there is none."""
        entry = self.ring.current_entry(purpose)
        if entry is None:
            raise EnvironmentFault(f"{self.folder}: there is no {purpose} key; `bcf keys new --purpose {purpose}` makes one")
        return entry

    def current_key(self, purpose: KeyPurpose) -> Key:
        """Fetch the key in use. Raises EnvironmentFault if it is missing, weak, open to other users, or not the one in the ring."""
        return self._fetch_checked(self.current_entry(purpose))

    def key(self, key_id: str) -> Key:
        """Fetch the key of this id, current or rotated. Raises UsageError if it is unknown or retired, else as `current_key` does."""
        entry = self.ring.entry(key_id)
        if entry.state is KeyState.RETIRED:
            raise UsageError(f"{key_id} was retired on {entry.retired:%Y-%m-%d}; what it made can no longer be opened or made again")
        return self._fetch_checked(entry)

    def create_first_keys(self, when: datetime) -> tuple[KeyEntry, ...]:
        """Create the first key of every purpose. Raises UsageError if there are keys already."""
        return tuple(self.create_key(purpose, when) for purpose in KeyPurpose)

    def create_key(self, purpose: KeyPurpose, when: datetime) -> KeyEntry:
        """Create the first key of a purpose. Raises UsageError if there is one already, or if the key is in the ring under another id."""
        if current := self.ring.current_entry(purpose):
            raise UsageError(f"there is a {purpose} key already, {current.id}; `bcf keys rotate --purpose {purpose}` replaces it")
        self.prepare_key(purpose)
        return self.activate_key(purpose, when)

    def prepare_key(self, purpose: KeyPurpose) -> Key:
        """Prepare the next key of a purpose, not yet in use: create its file if the source is a file that does not exist, else fetch the key.

        A file that exists already comes from the key's custodian, or from an interrupted attempt.
        """
        key_id, source = self.ring.next_id(purpose), self.key_source(purpose)
        if source.kind == "file":
            with suppress(FileExistsError):
                write_atomically(Path(source.resolve(key_id)[0]), f"{secrets.token_hex(MIN_KEY_BYTES)}\n".encode(), replace=False)
        key = fetch_key(source, key_id)
        self.ring.refuse_known_key(key_fingerprint(key))
        return key

    def activate_key(self, purpose: KeyPurpose, when: datetime) -> KeyEntry:
        """Put the prepared key into use. From then on the one before it is for reading only."""
        key = fetch_key(self.key_source(purpose), self.ring.next_id(purpose))
        ring = self.ring.with_new_key(purpose, key_fingerprint(key), when)
        write_ring(self.folder, ring)
        return ring.entries[-1]

    def retire_key(self, key_id: str, when: datetime) -> KeyEntry:
        """Retire a rotated key, and delete it if it is in a file. Raises UsageError for the current key."""
        ring = self.ring.with_retired_key(key_id, when)
        entry = ring.entry(key_id)
        write_ring(self.folder, ring)
        source = self.key_source(entry.purpose)
        if source.kind == "file":
            Path(source.resolve(key_id)[0]).unlink(missing_ok=True)
        return entry

    def _fetch_checked(self, entry: KeyEntry) -> Key:
        if self._keys is not None and entry.id in self._keys:
            return self._keys[entry.id]
        source = self.key_source(entry.purpose)
        key = fetch_key(source, entry.id)
        if not hmac.compare_digest(key_fingerprint(key), entry.fingerprint):
            raise EnvironmentFault(f"{source.location(entry.id)}: is not the key that {entry.id} was; restore that one from its backup, or rotate to a new one")
        if self._keys is not None:
            self._keys[entry.id] = key
        return key

"""A workspace's vault as its settings state it, and the key that its pseudonyms are made with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bcf_linkage.identifiable.pseudonymise import project_key
from bcf_linkage.identifiable.vault import Entry, Key, Purpose, Vault
from pipelines.settings import Settings, read_settings

ALGORITHM = "HMAC-SHA-256 cut to 128 bits, under a key derived by HKDF-SHA-256 for the recipient, the project and the domain"


@dataclass(frozen=True)
class Pseudonyms:
    """How pseudonyms are made, in words that anybody may know: under which key, for whom and what for."""

    key: str
    version: int
    fingerprint: str
    recipient: str
    project: str
    algorithm: str = ALGORITHM


def vault_of(workspace: Path, settings: Settings) -> Vault:
    """The vault of a workspace."""
    return Vault(workspace / "vault", settings.keys.sources)


def begin_vault(workspace: Path) -> tuple[Entry, ...]:
    """A new workspace's first keys, kept in its own vault. Raises RequestRefused if there are keys."""
    return Vault(workspace / "vault").begin(datetime.now(UTC))


def pseudonyms(vault: Vault, settings: Settings) -> Pseudonyms:
    """How this workspace's pseudonyms are made now. Raises EnvironmentRefused if there is no key."""
    entry = vault.current_entry(Purpose.PSEUDONYM)
    return Pseudonyms(entry.id, entry.version, entry.fingerprint, settings.recipient, settings.keys.project)


def pseudonym_key(workspace: Path) -> Key:
    """The key that a workspace's pseudonyms are made with. Raises a Refusal."""
    settings = read_settings(workspace)
    return for_project(vault_of(workspace, settings).current(Purpose.PSEUDONYM), settings)


def for_project(root: Key, settings: Settings) -> Key:
    """The key that is derived from a root key for the workspace's recipient and project."""
    return project_key(root, settings.recipient, settings.keys.project)

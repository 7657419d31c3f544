"""A workspace's vault as its settings state it, the key that its pseudonyms are made with, and what holds for every file of numbers that is given out."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.pseudonymise import project_key
from bcf_linkage.identifiable.vault import Entry, Key, Purpose, Vault, derived
from bcf_linkage.identifiable.vault.files import write_whole
from bcf_linkage.storage.store import Workspace
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


def keyed_digest(vault: Vault, use: str, content: bytes) -> tuple[str, str]:
    """The digest of a list of numbers for the trail, and the id of its key. A plain digest of a short list could be tried out number by number."""
    key = vault.current(Purpose.REGISTER)
    return f"hmac-sha-256 {hmac.digest(derived(key, use), content, 'sha256').hex()}", key.name


def private_place(workspace: Workspace, out: Path) -> Path:
    """Where a file of NHS numbers may be written: in the vault, or outside the workspace where nothing lies yet. Raises RequestRefused."""
    real, root, vault = out.resolve(), workspace.root.resolve(), workspace.vault.resolve()
    if root in real.parents and vault not in real.parents:
        raise RequestRefused(f"{out}: lies in the workspace, where others read; choose a place of the requester's own, or leave --out away")
    if real.exists():
        raise RequestRefused(f"{out}: is there already; choose another name")
    if vault not in real.parents and not real.parent.is_dir():
        raise RequestRefused(f"{out.parent}: no such folder; make it first")
    return real


def free_place(workspace: Workspace, name: str) -> Path:
    """A file in the vault that is not there yet, for a list that is given out and goes when its time is up."""
    folder = workspace.vault / "reidentified"
    return next(file for n in range(1, 10_000) if not (file := folder / f"{name}-{n}.csv").exists())


def write_private(out: Path, content: bytes) -> None:
    """Write a new file for its owner alone, whole or not at all. Raises a Refusal."""
    try:
        write_whole(out, content, replace=False)
    except FileExistsError:
        raise RequestRefused(f"{out}: is there already; choose another name") from None


def for_project(root: Key, settings: Settings) -> Key:
    """The key that is derived from a root key for the workspace's recipient and project."""
    return project_key(root, settings.recipient, settings.keys.project)

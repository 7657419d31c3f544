"""Access to a workspace's vault and keys, and the rules for every file of NHS numbers that leaves the vault."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.identifiable.pseudonymisation import project_key
from bcf_linkage.identifiable.vault import Key, KeyEntry, KeyPurpose, Vault, derive_key
from bcf_linkage.identifiable.vault.private_files import write_atomically
from bcf_linkage.storage.store import Workspace
from pipelines.workspace.settings import Settings, read_settings

ALGORITHM = "HMAC-SHA-256 cut to 128 bits, under a key derived by HKDF-SHA-256 for the recipient, the project and the domain"


class DigestUse(StrEnum):
    """What a keyed digest is for. Each use has a key of its own, so digests of different uses cannot be compared. The texts are part of the keys."""

    RUN = "run"
    OPT_OUTS_EXPORT = "opt-outs export"
    OPT_OUTS_IMPORT = "opt-outs import"
    REIDENTIFICATION = "re-identification"
    WORK_LIST = "work-list"
    NATIONAL_TRACE_EXPORT = "national-trace export"
    NATIONAL_TRACE_IMPORT = "national-trace import"
    REVIEW_EXPORT = "clerical-review export"


@dataclass(frozen=True)
class PseudonymMethod:
    """How pseudonyms are made, without any secret: id, version and fingerprint of the key, recipient, project and algorithm."""

    key: str
    version: int
    fingerprint: str
    recipient: str
    project: str
    algorithm: str = ALGORITHM


def vault_of(workspace: Path, settings: Settings) -> Vault:
    """Return the vault of a workspace, with the key sources that its settings state."""
    return Vault(workspace / "vault", settings.keys.sources)


def create_vault(workspace: Path) -> tuple[KeyEntry, ...]:
    """Make a new workspace's first keys, in files of its own vault. Raises UsageError if there are keys already."""
    return Vault(workspace / "vault").create_first_keys(datetime.now(UTC))


def pseudonym_method(vault: Vault, settings: Settings) -> PseudonymMethod:
    """Return how pseudonyms are made now. Raises EnvironmentFault if there is no key."""
    entry = vault.current_entry(KeyPurpose.PSEUDONYM)
    return PseudonymMethod(entry.id, entry.version, entry.fingerprint, settings.recipient, settings.keys.project)


def pseudonym_key(workspace: Path) -> Key:
    """Return the key that a workspace's pseudonyms are made with. Raises BcfError."""
    settings = read_settings(workspace)
    return workspace_project_key(vault_of(workspace, settings).current_key(KeyPurpose.PSEUDONYM), settings)


def keyed_digest(vault: Vault, use: DigestUse, content: bytes) -> tuple[str, str]:
    """Return the digest of a list of NHS numbers for the audit log, and the id of its key.

    The digest is keyed because the plain digest of a short list can be reversed by trying all numbers. Raises BcfError without a key.
    """
    key = vault.current_key(KeyPurpose.REGISTER)
    return f"hmac-sha-256 {hmac.digest(derive_key(key, use), content, 'sha256').hex()}", key.name


def check_private_path(workspace: Workspace, out: Path) -> Path:
    """Return the resolved path of a new file of NHS numbers.

    Raises UsageError unless it is in the vault or outside the workspace, its folder exists, and there is no file of that name.
    """
    resolved, root, vault = out.resolve(), workspace.root.resolve(), workspace.vault.resolve()
    if root in resolved.parents and vault not in resolved.parents:
        raise UsageError(f"{out}: is in the workspace, where others can read it; choose a folder of the requester's own, or leave --out away")
    if resolved.exists():
        raise UsageError(f"{out}: already exists; choose another name")
    if vault not in resolved.parents and not resolved.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; make it first")
    return resolved


def unused_vault_path(workspace: Workspace, name: str) -> Path:
    """Return an unused path in the vault for an exported list, which is removed when its retention period ends."""
    folder = workspace.vault / "reidentified"
    return next(file for n in range(1, 10_000) if not (file := folder / f"{name}-{n}.csv").exists())


def write_private_file(out: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, whole or not at all. Raises UsageError if it exists, EnvironmentFault if it cannot be written."""
    try:
        write_atomically(out, content, replace=False)
    except FileExistsError:
        raise UsageError(f"{out}: already exists; choose another name") from None


def workspace_project_key(root: Key, settings: Settings) -> Key:
    """Return the key that is derived from a root key for the workspace's recipient and project."""
    return project_key(root, settings.recipient, settings.keys.project)

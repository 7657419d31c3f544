"""Seal all files again under the current register key, after that key is rotated."""

from __future__ import annotations

from pathlib import Path

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.identifiable.vault.bridge import bridge_files
from bcf_linkage.identifiable.vault.opt_out_lists import opt_out_list_files
from bcf_linkage.identifiable.vault.sealed_files import read_label, seal, unseal
from bcf_linkage.identifiable.vault.sealed_register import register_files
from bcf_linkage.identifiable.vault.source_lists import source_list_files
from bcf_linkage.identifiable.vault.vault import Vault


def _sealed_files(vault: Vault) -> tuple[Path, ...]:
    return (*register_files(vault), *bridge_files(vault), *opt_out_list_files(vault), *source_list_files(vault))


def count_sealed_under(vault: Vault, key_id: str) -> int:
    """Count the files that only this key opens."""
    return sum(read_label(file).get("key") == key_id for file in _sealed_files(vault))


def reseal(vault: Vault) -> int:
    """Seal every file under the current register key, and return how many were under another. After an interruption it can be run again."""
    current_key, count = vault.current_key(KeyPurpose.REGISTER), 0
    for file in _sealed_files(vault):
        label = read_label(file)
        if label.get("key") != current_key.name:
            label, content = unseal(file, vault.key(label.get("key", "")), label.get("kind", ""), label.get("name", ""))
            seal(file, current_key, label, content)
            count += 1
    return count


def refuse_key_in_use(vault: Vault, key_id: str) -> None:
    """Raise UsageError while a file can be opened with this key only."""
    if count := count_sealed_under(vault, key_id):
        raise UsageError(
            f"{key_id} still opens {count} files of the vault; `bcf keys rotate --purpose register` seals them under a new key, then retire this one"
        )

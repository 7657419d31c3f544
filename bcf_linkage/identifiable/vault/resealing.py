"""Sealed files under a newer key: after a register key is rotated, everything that its predecessor sealed is sealed anew."""

from __future__ import annotations

from pathlib import Path

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.vault.bridge import bridge_files
from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.opt_out_lists import list_files
from bcf_linkage.identifiable.vault.register import register_files
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import label_of, seal, unseal
from bcf_linkage.identifiable.vault.source_lists import source_list_files


def _sealed(vault: Vault) -> tuple[Path, ...]:
    return (*register_files(vault), *bridge_files(vault), *list_files(vault), *source_list_files(vault))


def sealed_under(vault: Vault, key_id: str) -> int:
    """How many files only this key opens."""
    return sum(label_of(file).get("key") == key_id for file in _sealed(vault))


def reseal(vault: Vault) -> int:
    """Seal every file under the register key in use; gives back how many were under another. One that is stopped can be called again."""
    newest, resealed = vault.current(Purpose.REGISTER), 0
    for file in _sealed(vault):
        label = label_of(file)
        if label.get("key") != newest.name:
            label, content = unseal(file, vault.key(label.get("key", "")), label.get("kind", ""), label.get("name", ""))
            seal(file, newest, label, content)
            resealed += 1
    return resealed


def refuse_while_needed(vault: Vault, key_id: str) -> None:
    """Raises RequestRefused while a file can be opened with this key alone."""
    if needed := sealed_under(vault, key_id):
        raise RequestRefused(f"{key_id} still opens {needed} files of the vault; `bcf keys rotate --purpose register` seals them anew, then retire it")

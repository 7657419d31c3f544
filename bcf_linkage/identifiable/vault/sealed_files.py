"""Sealed files: encrypted with AES-256-GCM, each under a key derived for its kind and name.

A file has a line with the format, a line of JSON with the public label (key, run, number of rows), a nonce and the encrypted bytes. Both
lines are authenticated together with the bytes, so that a file cannot be passed off as another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.identifiable.vault.key import Key, derive_key
from bcf_linkage.identifiable.vault.private_files import write_atomically

SEALED_FORMAT = b"bcf-linkage sealed 1\n"
NONCE_BYTES = 12
"""The nonce of AES-GCM, 96 bits (NIST SP 800-38D)."""

MAX_LABEL_BYTES = 10_000
"""Bytes in which the label must end: far more than any label has. A file without one is damaged. [D]"""

SEALED_SUFFIX = ".sealed"

Label = Mapping[str, str]
"""The public label of a sealed file. `kind` and `name` say what it is, `key` is the id of the key that sealed it."""


def seal(file: Path, key: Key, label: Label, content: bytes) -> None:
    """Write the content sealed under the key, whole or not at all. Raises EnvironmentFault."""
    header = SEALED_FORMAT + json.dumps({**label, "key": key.name}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    nonce = os.urandom(NONCE_BYTES)
    write_atomically(file, header + nonce + _cipher(key, label).encrypt(nonce, content, header))


def read_label(file: Path) -> dict[str, str]:
    """Read the label of a file. It is not authenticated until the file is unsealed. Raises UsageError or EnvironmentFault."""
    return _split_content(file, _read_content(file))[0]


def unseal(file: Path, key: Key, kind: str, name: str) -> tuple[dict[str, str], bytes]:
    """Return the label and the content. Raises EnvironmentFault if the file was not sealed under this key as this kind and name, or was changed."""
    content = _read_content(file)
    label, header, encrypted = _split_content(file, content)
    try:
        decrypted = _cipher(key, label).decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], header)
    except (InvalidTag, ValueError):
        raise _damage_fault(file) from None
    if (label.get("kind"), label.get("name"), label.get("key")) != (kind, name, key.name):
        raise EnvironmentFault(f"{file}: was sealed as something else and put in place of another file; find out who did it, and restore the right file")
    return label, decrypted


def _cipher(key: Key, label: Label) -> AESGCM:
    return AESGCM(derive_key(key, "sealed", label.get("kind", ""), label.get("name", "")))


def _read_content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file in the vault; a run writes it, and `bcf prune` removes it when its retention ends") from None
    except OSError:
        raise EnvironmentFault(f"{file}: cannot be read; ask for the right to read it") from None


def _split_content(file: Path, content: bytes) -> tuple[dict[str, str], bytes, bytes]:
    """Split a file into its label, its two header lines as bytes, and the rest."""
    end = content.find(b"\n", len(SEALED_FORMAT), len(SEALED_FORMAT) + MAX_LABEL_BYTES)
    try:
        label = json.loads(content[len(SEALED_FORMAT) : end])
        if not content.startswith(SEALED_FORMAT) or end < 0 or not all(isinstance(word, str) for word in label.values()):
            raise ValueError
    except (ValueError, AttributeError, RecursionError):
        raise _damage_fault(file) from None
    return label, content[: end + 1], content[end + 1 :]


def _damage_fault(file: Path) -> EnvironmentFault:
    return EnvironmentFault(f"{file}: is not as it was sealed, or was sealed under another key; restore it from its backup, or run again")

"""Sealed files: what opens pseudonyms, encrypted with AES-256-GCM under a key that is made for that one file.

A file is a line that names the format, a line of JSON that anybody may read (which key, which run, how many rows), a nonce and
the encrypted bytes. The two lines are authenticated with the bytes, so that no file passes for another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.identifiable.vault.files import write_whole
from bcf_linkage.identifiable.vault.key import Key, derived

FORMAT = b"bcf-linkage sealed 1\n"
NONCE_BYTES, LONGEST_LABEL = 12, 10_000
SUFFIX = ".sealed"

Label = Mapping[str, str]
"""What anybody may know of a sealed file. `kind` and `name` say what it is, `key` under which key it was sealed."""


def seal(file: Path, key: Key, label: Label, content: bytes) -> None:
    """Write the content sealed under the key; whole, or not at all. Raises EnvironmentRefused."""
    head = FORMAT + json.dumps({**label, "key": key.name}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    nonce = os.urandom(NONCE_BYTES)
    write_whole(file, head + nonce + _cipher(key, label).encrypt(nonce, content, head))


def label_of(file: Path) -> dict[str, str]:
    """What the file says of itself, which nothing vouches for until it is opened. Raises RequestRefused or EnvironmentRefused."""
    return _parts(file, _content(file))[0]


def unseal(file: Path, key: Key, kind: str, name: str) -> tuple[dict[str, str], bytes]:
    """The label and the content. Raises EnvironmentRefused where the file is not what was sealed under this key as that kind and name."""
    content = _content(file)
    label, head, rest = _parts(file, content)
    try:
        opened = _cipher(key, label).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], head)
    except (InvalidTag, ValueError):
        raise _spoilt(file) from None
    if (label.get("kind"), label.get("name"), label.get("key")) != (kind, name, key.name):
        raise EnvironmentRefused(f"{file}: was sealed as something else; somebody put it in another's place: find out who, and bring the right one back")
    return label, opened


def _cipher(key: Key, label: Label) -> AESGCM:
    return AESGCM(derived(key, "sealed", label.get("kind", ""), label.get("name", "")))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise RequestRefused(f"{file}: no such file in the vault; it is written by a run, and goes when its time is up") from None
    except OSError:
        raise EnvironmentRefused(f"{file}: cannot be read; ask for the right to read it") from None


def _parts(file: Path, content: bytes) -> tuple[dict[str, str], bytes, bytes]:
    """The label, the head that it stands in, and what follows."""
    end = content.find(b"\n", len(FORMAT), len(FORMAT) + LONGEST_LABEL)
    try:
        label = json.loads(content[len(FORMAT) : end])
        if not content.startswith(FORMAT) or end < 0 or not all(isinstance(word, str) for word in label.values()):
            raise ValueError
    except (ValueError, AttributeError, RecursionError):
        raise _spoilt(file) from None
    return label, content[: end + 1], content[end + 1 :]


def _spoilt(file: Path) -> EnvironmentRefused:
    return EnvironmentRefused(f"{file}: is not as it was sealed, or was sealed under another key; bring it back from its safe copy, or run again")

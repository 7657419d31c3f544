"""The vault: where the key of the pseudonyms lies. Whoever holds it can make the pseudonym of a known NHS number.

The key is 32 random bytes, written in hexadecimal into `keys/pseudonym.key`, which its owner alone may read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused

KEY_BYTES = 32
OWNER_ALONE = 0o600


def key_file(vault: Path) -> Path:
    """Where the key lies."""
    return vault / "keys" / "pseudonym.key"


def create_key(vault: Path) -> Path:
    """Make a key and say where it lies; whole or not at all. Raises RequestRefused if there is one, EnvironmentRefused if it cannot be written."""
    file = key_file(vault)
    if file.exists():
        raise RequestRefused(f"{file}: there is a key already, and a new one would part everybody from their pseudonym; keep it")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_whole(file, secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        raise EnvironmentRefused(f"{file}: cannot be written ({error.strerror}); ask for the right to write there") from None
    return file


def _write_whole(file: Path, text: str) -> None:
    """Write a file aside and link it into place. A link, unlike a rename, fails where there is a file by now."""
    aside = file.with_suffix(f".{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "w") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.link(aside, file)
    finally:
        aside.unlink(missing_ok=True)


def read_key(vault: Path) -> bytes:
    """The key. Raises EnvironmentRefused if it is missing, not whole, or not its owner's alone."""
    file = key_file(vault)
    try:
        mode = file.stat().st_mode & 0o777
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise EnvironmentRefused(f"{file}: there is no key; bring it back from its safe copy, or make a workspace with `bcf init`") from None
    except (OSError, UnicodeDecodeError):
        raise EnvironmentRefused(f"{file}: cannot be read; ask for the right, or bring the key back from its safe copy") from None
    if mode & 0o077:
        raise EnvironmentRefused(f"{file}: others than its owner may read it (mode {mode:03o}); `chmod 600` it and find out who did")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise EnvironmentRefused(f"{file}: is not a whole key of {KEY_BYTES} bytes in hexadecimal; bring it back from its safe copy")
    return key

"""Fetch a key: from a file that only its owner may read, an environment variable, or a command of the site's own key service."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.keys import KeySource
from bcf_linkage.identifiable.vault.key import Key, parse_key

KEY_SERVICE_SECONDS = 30
"""How long a key service may take to answer. [D]"""

MAX_KEY_CHARACTERS = 1_000
"""Characters that are read of a key. A key has 64 to 128, and white space around it is allowed."""

OTHERS_ACCESS, OTHERS_WRITE = 0o077, 0o022
"""The permission bits of group and others: any access to a key file, and the right to write to its folder."""


def fetch_key(source: KeySource, key_id: str) -> Key:
    """Fetch the key of this id. Raises EnvironmentFault if it is missing, short, not random, or open to other users."""
    readers = {"file": _from_file, "environment": _from_environment, "command": _from_command}
    return parse_key(readers[source.kind](source, key_id), key_id, source.location(key_id))


def _from_file(source: KeySource, key_id: str) -> str:
    file = Path(source.resolve(key_id)[0])
    try:
        # Not through a link: it could be pointed at another key after the checks below.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise EnvironmentFault(f"{file}: there is no key; restore it from its backup") from None
    except OSError:
        raise EnvironmentFault(f"{file}: cannot be read; ask for the right to read it, or restore the key from its backup") from None
    try:
        _refuse_unless_private(file, os.fstat(handle))
        return os.read(handle, MAX_KEY_CHARACTERS).decode("ascii", "replace")
    finally:
        os.close(handle)


def _refuse_unless_private(file: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise EnvironmentFault(f"{file}: is no file; restore the key from its backup")
    if mode & OTHERS_ACCESS:
        raise EnvironmentFault(f"{file}: others than its owner may read it (mode {mode:03o}); `chmod 600` it and find out who did")
    if status.st_uid != os.geteuid():
        raise EnvironmentFault(f"{file}: belongs to another user; have the owner run this, or make the key yours")
    if (folder_mode := stat.S_IMODE(file.parent.stat().st_mode)) & OTHERS_WRITE:
        raise EnvironmentFault(f"{file.parent}: others may put another key there (mode {folder_mode:03o}); `chmod 700` it and find out who did")


def _from_environment(source: KeySource, key_id: str) -> str:
    (name,) = source.resolve(key_id)
    if not (text := os.environ.get(name)):
        raise EnvironmentFault(f"environment variable {name}: is not set; set it to the key in hexadecimal")
    return text


def _from_command(source: KeySource, key_id: str) -> str:
    command, location = source.resolve(key_id), source.location(key_id)
    try:
        completed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=KEY_SERVICE_SECONDS, check=False)  # noqa: S603 - the site's own words
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(f"{location}: gave no key within {KEY_SERVICE_SECONDS} seconds; check the key service") from None
    except (OSError, ValueError):
        raise EnvironmentFault(f"{location}: cannot be run; check [keys] in locality.toml") from None
    if completed.returncode:
        raise EnvironmentFault(f"{location}: failed with exit code {completed.returncode} and gave no key; check the key service")
    return completed.stdout[:MAX_KEY_CHARACTERS].decode("ascii", "replace")

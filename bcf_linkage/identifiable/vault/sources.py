"""Where a key comes from: a file that its owner alone may read, an environment variable, or a command of the site's own key service."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.identifiable.vault.key import Key, parsed

SECONDS = 30
"""How long a key service may take to answer."""

LONGEST = 1_000
"""Characters that are read of a key; a key has 64 to 128."""


@dataclass(frozen=True)
class Source:
    """Where keys are fetched. In the words `{id}` stands for the key's id; in the name of a variable, in capitals (`KEY_PSEUDONYM_2`)."""

    kind: Literal["file", "environment", "command"]
    words: tuple[str, ...]

    def of(self, key_id: str) -> tuple[str, ...]:
        """The words for one key."""
        named = key_id.upper().replace("-", "_") if self.kind == "environment" else key_id
        return tuple(word.replace("{id}", named) for word in self.words)

    def place(self, key_id: str) -> str:
        """Where that key lies, in words that hold nothing secret: of a command its program alone, as an argument may be a password."""
        first = self.of(key_id)[0]
        return {"file": first, "environment": f"environment variable {first}", "command": f"command {first}"}[self.kind]


def fetched(source: Source, key_id: str) -> Key:
    """The key of that id. Raises EnvironmentRefused if it is missing, short, not random, or not its owner's alone."""
    readers = {"file": _from_file, "environment": _from_environment, "command": _from_command}
    return parsed(readers[source.kind](source, key_id), key_id, source.place(key_id))


def _from_file(source: Source, key_id: str) -> str:
    file = Path(source.of(key_id)[0])
    try:
        # A link could be turned to another key after it was looked at.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise EnvironmentRefused(f"{file}: there is no key; bring it back from its safe copy") from None
    except OSError:
        raise EnvironmentRefused(f"{file}: cannot be read; ask for the right, or bring the key back from its safe copy") from None
    try:
        _refuse_unless_private(file, os.fstat(handle))
        return os.read(handle, LONGEST).decode("ascii", "replace")
    finally:
        os.close(handle)


def _refuse_unless_private(file: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise EnvironmentRefused(f"{file}: is no file; bring the key back from its safe copy")
    if mode & 0o077:
        raise EnvironmentRefused(f"{file}: others than its owner may read it (mode {mode:03o}); `chmod 600` it and find out who did")
    if found.st_uid != os.geteuid():
        raise EnvironmentRefused(f"{file}: belongs to another user; have the owner run this, or make the key yours")
    if (folder := stat.S_IMODE(file.parent.stat().st_mode)) & 0o022:
        raise EnvironmentRefused(f"{file.parent}: others may put another key there (mode {folder:03o}); `chmod 700` it and find out who did")


def _from_environment(source: Source, key_id: str) -> str:
    (name,) = source.of(key_id)
    if not (text := os.environ.get(name)):
        raise EnvironmentRefused(f"environment variable {name}: is not set; set it to the key in hexadecimal")
    return text


def _from_command(source: Source, key_id: str) -> str:
    command, place = source.of(key_id), source.place(key_id)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - the site's own words
    except subprocess.TimeoutExpired:
        raise EnvironmentRefused(f"{place}: gave no key within {SECONDS} seconds; look at the key service") from None
    except (OSError, ValueError):
        raise EnvironmentRefused(f"{place}: cannot be run; look at [keys] in locality.toml") from None
    if done.returncode:
        raise EnvironmentRefused(f"{place}: ended with exit code {done.returncode} and no key; look at the key service")
    return done.stdout[:LONGEST].decode("ascii", "replace")

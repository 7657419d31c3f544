"""Files of the vault: their owner's alone, and on the disk whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentRefused

OWNER_ALONE, OWNERS_FOLDER = 0o600, 0o700


def private_folder(folder: Path) -> None:
    """Make a folder that is its owner's alone, and those above it that are missing. One that is there is left as it is."""
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(mode=OWNERS_FOLDER, exist_ok=True)


def write_whole(file: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file aside and move it into place in one step. Raises FileExistsError where one is there and may not be replaced, else EnvironmentRefused."""
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        private_folder(file.parent)
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            if replace:
                aside.replace(file)
            else:
                # A link, unlike a rename, fails where there is a file by now.
                os.link(aside, file)
        finally:
            aside.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise EnvironmentRefused(f"{file}: cannot be written ({error.strerror}); ask for the right to write there, or free some space") from None

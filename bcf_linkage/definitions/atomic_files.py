"""One way to write a file: under a temporary name beside it, then renamed into place. A reader finds the old file or the new one, never a part.

Every part of the library needs it, so it is here, where every part may import from.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT_FILE_MODE, DEFAULT_FOLDER_MODE = 0o666, 0o777
"""Modes before the process's umask is applied."""

PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE = 0o600, 0o700
"""Modes of files and folders that only their owner may read."""


def write_bytes_atomically(path: Path, content: bytes, *, mode: int = DEFAULT_FILE_MODE, replace: bool = True) -> None:
    """Write bytes to a file and flush them to disk before the file takes its name.

    Raises OSError; FileExistsError if there is a file already and `replace` is false. Then no part of the new file is left.
    """
    with replace_atomically(path, mode=mode, replace=replace) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replace_atomically(path: Path, *, mode: int | None = None, replace: bool = True, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`. Rename it to `path` when the block ends without an error, and remove it otherwise.

    The block may write a file, a folder (as Spark does) or a link. With `mode` an empty file of that mode exists when the block begins,
    so that its content is never readable under a wider mode. `sync` flushes a file to disk before the rename. Raises OSError;
    FileExistsError if `path` exists and `replace` is false.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if mode is not None:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield temporary
        if sync and temporary.is_file() and not temporary.is_symlink():
            sync_to_disk(temporary)
        if replace:
            _rename_over(temporary, path)
        else:
            # A hard link, unlike a rename, fails if the name is taken by now.
            os.link(temporary, path)
    finally:
        remove_if_present(temporary)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, and every missing folder above it. A folder that exists keeps its mode. Raises OSError."""
    for missing in reversed([ancestor for ancestor in (folder, *folder.parents) if not ancestor.exists()]):
        missing.mkdir(mode=PRIVATE_FOLDER_MODE, exist_ok=True)


def sync_to_disk(path: Path) -> None:
    """Flush a file or folder to disk, so that it survives a power cut. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_if_present(path: Path) -> None:
    """Remove a file, a link or a folder with all it holds, if it exists. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rename_over(temporary: Path, path: Path) -> None:
    # A rename replaces a file or a link in one step, but never a folder.
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    temporary.replace(path)

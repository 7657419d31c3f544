"""Files of the vault: readable by their owner only, and on disk whole or not at all."""

from __future__ import annotations

from pathlib import Path

from bcf_linkage.definitions.atomic_files import PRIVATE_FILE_MODE, make_private_folder, write_bytes_atomically
from bcf_linkage.definitions.errors import EnvironmentFault


def write_atomically(file: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner may read, and make its folder if it is missing.

    Raises FileExistsError if there is a file already and `replace` is false, and EnvironmentFault for any other error of the operating system.
    """
    try:
        make_private_folder(file.parent)
        write_bytes_atomically(file, content, mode=PRIVATE_FILE_MODE, replace=replace)
    except FileExistsError:
        raise
    except OSError as error:
        raise EnvironmentFault(f"{file}: cannot be written ({error.strerror}); ask for the right to write there, or free some space") from None

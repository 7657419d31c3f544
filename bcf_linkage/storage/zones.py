"""Access rules of the zones on disk: which columns may be written to a zone, and who may read its folders."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bcf_linkage.definitions.atomic_files import PRIVATE_FOLDER_MODE
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.zones import Zone, allowed_tables, reason_not_allowed
from bcf_linkage.storage.store import READABLE_MODE, Workspace, raise_on_os_error

READABLE_FILE_MODE = 0o644

FORBIDDEN_RIGHTS = {"landing": 0o007, "vault": 0o077, "pseudonymised": 0o077, "audit": 0o077}
"""The rights that each folder of a workspace may not give. `landing` may be open to the group that delivers."""


def refuse_undeclared_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise EnvironmentFault if a table with these columns is not declared for the zone of the path. A path outside the zones passes."""
    zone = next((part for part in reversed(path.parent.parts) if part in set(Zone)), None)
    if zone is None:
        return
    name = f"{path.parent.name}/{path.stem}" if path.parent.name in ("received", "tables") else path.stem
    if problem := reason_not_allowed(allowed_tables(Zone(zone)).get(name), tuple(columns)):
        raise EnvironmentFault(f"{path}: {name} {problem}; nothing was written, as it may identify a person; report this line")


def make_folders_private(workspace: Workspace) -> None:
    """Make the folders that hold person-level data, keys or the audit log, and let only their owner enter them. Raises EnvironmentFault."""
    with raise_on_os_error(workspace.root):
        for name in FORBIDDEN_RIGHTS:
            folder = workspace.root / name
            folder.mkdir(exist_ok=True)
            folder.chmod(PRIVATE_FOLDER_MODE)


def make_readable(folder: Path) -> None:
    """Let everybody read a folder of a publication and all below it, whatever the umask."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(READABLE_MODE if path.is_dir() else READABLE_FILE_MODE)


def find_open_folders(workspace: Workspace) -> Iterator[tuple[Path, int]]:
    """Yield each folder with a right that it may not give, and its mode."""
    for name, rights in FORBIDDEN_RIGHTS.items():
        folder = workspace.root / name
        if folder.is_dir() and (mode := stat.S_IMODE(folder.stat().st_mode)) & rights:
            yield folder, mode


def refuse_open_folders(workspace: Workspace) -> None:
    """Raise EnvironmentFault if a folder gives a right that it may not give."""
    for folder, mode in find_open_folders(workspace):
        raise EnvironmentFault(f"{folder}: other accounts may read it (mode {mode:03o}); `chmod 700` it and find out who opened it")

"""The walls between the zones on disk: what may be written where, and who may read it."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.zones import Zone, listed, not_allowed
from bcf_linkage.storage.store import PRIVATE, READABLE, Workspace, or_refused

READABLE_FILE = 0o644

CLOSED_TO = {"landing": 0o007, "vault": 0o077, "pseudonymised": 0o077, "audit": 0o077}
"""Folders of a workspace, each with the rights that it may not give. A site may let the group of those who deliver into landing."""


def refuse_undeclared(path: Path, columns: Sequence[str]) -> None:
    """Raises EnvironmentRefused if a table's declaration does not let these columns be written there. Outside the zones anything goes."""
    zone = next((part for part in reversed(path.parent.parts) if part in set(Zone)), None)
    if zone is None:
        return
    name = f"{path.parent.name}/{path.stem}" if path.parent.name in ("received", "tables") else path.stem
    if words := not_allowed(listed(Zone(zone)).get(name), tuple(columns)):
        raise EnvironmentRefused(f"{path}: {name} {words}; nothing was written, as it might tell who somebody is; report this line")


def close_to_others(workspace: Workspace) -> None:
    """Make the folders that hold person-level data, keys or the trail their owner's alone. Raises EnvironmentRefused."""
    with or_refused(workspace.root):
        for name in CLOSED_TO:
            folder = workspace.root / name
            folder.mkdir(exist_ok=True)
            folder.chmod(PRIVATE)


def let_read(folder: Path) -> None:
    """Let everybody read a folder of what is published and all below it, whatever the umask."""
    for place in (folder, *folder.rglob("*")):
        place.chmod(READABLE if place.is_dir() else READABLE_FILE)


def too_open(workspace: Workspace) -> Iterator[tuple[Path, int]]:
    """Folders that others may look into, or that belong to somebody's group where they may not, each with its mode."""
    for name, rights in CLOSED_TO.items():
        folder = workspace.root / name
        if folder.is_dir() and (mode := stat.S_IMODE(folder.stat().st_mode)) & rights:
            yield folder, mode


def refuse_open(workspace: Workspace) -> None:
    """Raises EnvironmentRefused if a folder that is for its owner alone is open to others."""
    for folder, mode in too_open(workspace):
        raise EnvironmentRefused(f"{folder}: others may look into it (mode {mode:03o}); `chmod 700` it and find out who opened it")

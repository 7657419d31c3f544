"""The folders of a workspace, its lock, and the staging of a run.

A run locks the workspace, writes to `.staging/<run>/`, and publishes by renaming folders. `published/current` is a link to the newest
publication. It moves from one whole publication to the next, so a stop at any moment leaves the previous publication in use.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bcf_linkage.definitions.atomic_files import PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE, replace_atomically, sync_to_disk
from bcf_linkage.definitions.errors import EnvironmentFault, TransientError
from bcf_linkage.storage.manifest import digests

READABLE_MODE = 0o755
"""Mode of the folder `published`, which everybody may read whatever the umask. A site may set a narrower mode; a run keeps it."""

REMEDIES = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some space and run again",
    errno.EACCES: "ask for the right to write there",
    errno.EPERM: "ask for the right to write there",
    errno.EROFS: "move the workspace to a disk that can be written",
    errno.EXDEV: "keep all folders of the workspace on one disk",
}
LASTING_ERRORS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV)
"""Errors that another attempt does not cure."""


@contextmanager
def raise_on_os_error(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into an EnvironmentFault that names the path, the cause and a remedy.

    Raises TransientError, a kind of EnvironmentFault, if another attempt may succeed.
    """
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "look at the disk and run again")
        error_type = EnvironmentFault if error.errno in LASTING_ERRORS else TransientError
        raise error_type(f"{path}: cannot be written ({error.strerror or type(error).__name__}); {remedy}") from None


@dataclass(frozen=True)
class Workspace:
    """The folders of one locality's workspace."""

    root: Path

    def landing(self, extract: str) -> Path:
        """Return the folder of an extract's deliveries, as received."""
        return self.root / "landing" / extract

    @property
    def vault(self) -> Path:
        """The folder of keys, registers, bridges and sealed lists."""
        return self.root / "vault"

    def pseudonymised(self, run: str) -> Path:
        """Return the folder of a run's person-level tables, which hold no identifiers."""
        return self.root / "pseudonymised" / run

    def published(self, run: str) -> Path:
        """Return the folder of a run's publication."""
        return self.root / "published" / run

    @property
    def current(self) -> Path:
        """The link to the newest publication."""
        return self.root / "published" / "current"

    def audit(self, run: str) -> Path:
        """Return the folder of a run's manifest and exact ledger."""
        return self.root / "audit" / run

    @property
    def trail(self) -> Path:
        """The audit log of the workspace."""
        return self.root / "audit" / "trail.jsonl"

    @property
    def staging(self) -> Path:
        """The folder in which runs write before they publish."""
        return self.root / ".staging"


@dataclass(frozen=True)
class Staging:
    """The folders in which one run writes. Nothing in them is part of the workspace before `publish`."""

    workspace: Workspace
    run: str

    @property
    def folder(self) -> Path:
        return self.workspace.staging / self.run

    @property
    def pseudonymised(self) -> Path:
        return self.folder / "pseudonymised"

    @property
    def published(self) -> Path:
        return self.folder / "published"

    @property
    def audit(self) -> Path:
        return self.folder / "audit"

    def publish(self) -> Path:
        """Move every staged folder to its place, the publication last, and point `current` at it. Return the publication's folder.

        A failed attempt leaves in place what it has moved, and can be repeated. Raises EnvironmentFault.
        """
        workspace = self.workspace
        with raise_on_os_error(workspace.root):
            _sync_tree(self.folder)
            for zone in ("pseudonymised", "audit", "published"):
                self._swap_in(zone)
            _point_link(workspace.current, self.run)
            _remove_stand_ins(workspace)
        return workspace.published(self.run)

    def _swap_in(self, zone: str) -> None:
        """Move a staged folder to its place. An existing folder with the same bytes stays as it is."""
        staged_folder, target = self.folder / zone, self.workspace.root / zone / self.run
        if not staged_folder.exists():
            return
        if target.exists():
            if digests(target) == digests(staged_folder):
                return
            if target == self.workspace.published(_link_target(self.workspace.current)):
                # Readers of `current` follow the stand-in while the folder itself is replaced.
                _point_link(self.workspace.current, _make_stand_in(target))
            (self.folder / "replaced").mkdir(exist_ok=True)
            target.replace(self.folder / "replaced" / zone)
        staged_folder.replace(target)
        sync_to_disk(target.parent)


@contextmanager
def lock_workspace(workspace: Workspace) -> Iterator[None]:
    """Lock the workspace against every other run and command. Raises EnvironmentFault at once if another process has the lock."""
    with raise_on_os_error(workspace.root):
        lock = os.open(workspace.root / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE_MODE)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode("ascii", "replace").strip() or "unknown"
            raise EnvironmentFault(f"{workspace.root}: another run is in progress (process {holder}); wait until it has ended") from None
        with raise_on_os_error(workspace.root):
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
        yield
    finally:
        os.close(lock)


@contextmanager
def stage_run(workspace: Workspace, run: str) -> Iterator[Staging]:
    """Make empty folders for a run to write in, and remove them when the block ends, with or without an error. Needs the workspace's lock."""
    staging = Staging(workspace, run)
    with raise_on_os_error(workspace.root):
        recover_workspace(workspace)
        for private in ("pseudonymised", "audit", ".staging"):
            (workspace.root / private).mkdir(mode=PRIVATE_FOLDER_MODE, exist_ok=True)
        if not (workspace.root / "published").exists():
            (workspace.root / "published").mkdir()
            (workspace.root / "published").chmod(READABLE_MODE)
        for folder in (staging.pseudonymised, staging.published, staging.audit):
            folder.mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging.folder, ignore_errors=True)


def recover_workspace(workspace: Workspace) -> None:
    """Remove what a stopped run left, and restore the folders that it was about to replace. Needs the workspace's lock."""
    for replaced in workspace.staging.glob("*/replaced/*"):
        run, zone = replaced.parent.parent.name, replaced.name
        if not (target := workspace.root / zone / run).exists():
            replaced.replace(target)
    shutil.rmtree(workspace.staging, ignore_errors=True)
    if (run := _link_target(workspace.current)).startswith("."):
        _point_link(workspace.current, run.removeprefix("."))
    _remove_stand_ins(workspace)


def _make_stand_in(publication: Path) -> str:
    """Make a hidden folder of hard links to the files of a publication. Return its name."""
    stand_in = publication.with_name(f".{publication.name}")
    if stand_in.exists():
        shutil.rmtree(stand_in)
    shutil.copytree(publication, stand_in, copy_function=os.link)
    return stand_in.name


def _remove_stand_ins(workspace: Workspace) -> None:
    for stand_in in (workspace.root / "published").glob(".*"):
        if stand_in.is_symlink():
            stand_in.unlink()
        elif stand_in.is_dir():
            shutil.rmtree(stand_in)


def _link_target(link: Path) -> str:
    """Return the name that a link points to; an empty text if there is no link."""
    return str(link.readlink()) if link.is_symlink() else ""


def _point_link(link: Path, name: str) -> None:
    """Point the link at a folder beside it, in one step."""
    with replace_atomically(link) as temporary:
        temporary.symlink_to(name)
    sync_to_disk(link.parent)


def _sync_tree(folder: Path) -> None:
    """Flush every file and folder below a folder to disk, so that a power cut cannot leave a renamed folder of empty files."""
    for path in sorted(folder.rglob("*")):
        sync_to_disk(path)

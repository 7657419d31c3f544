"""Where a workspace keeps what, and how a run's results get there: written aside, then swapped in whole.

A run holds the workspace's lock, writes under `.staging/<run>/`, and publishes by renaming folders. `published/current` is a
link that moves from one whole publication to the next, so that a stop at any moment leaves the previous one standing.
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

from bcf_linkage.definitions.errors import EnvironmentRefused, MayPass
from bcf_linkage.storage.manifest import digests

PRIVATE = 0o700
"""Folders that hold person-level data or the trail are their owner's alone."""

READABLE = 0o755
"""What is published is for everybody, whatever the umask. A site may narrow it; it stays as it is then."""

CURE = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some space and run again",
    errno.EACCES: "ask for the right to write there",
    errno.EPERM: "ask for the right to write there",
    errno.EROFS: "move the workspace to a disk that can be written",
    errno.EXDEV: "keep all folders of the workspace on one disk",
}
LASTING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV)
"""Errors that waiting does not cure."""


@contextmanager
def or_refused(place: Path) -> Iterator[None]:
    """Turns the operating system's errors on a file or folder into EnvironmentRefused (MayPass if it may): what, where, what to do."""
    try:
        yield
    except OSError as error:
        cure = CURE.get(error.errno or 0, "look at the disk and run again")
        refused = EnvironmentRefused if error.errno in LASTING else MayPass
        raise refused(f"{place}: cannot be written ({error.strerror or type(error).__name__}); {cure}") from None


@dataclass(frozen=True)
class Workspace:
    """The folders of one locality."""

    root: Path

    def landing(self, extract: str) -> Path:
        """Deliveries of an extract, as received."""
        return self.root / "landing" / extract

    @property
    def vault(self) -> Path:
        """Keys and what else opens a pseudonym."""
        return self.root / "vault"

    def pseudonymised(self, run: str) -> Path:
        """A run's person-level tables, without identifiers."""
        return self.root / "pseudonymised" / run

    def published(self, run: str) -> Path:
        """A run's publication."""
        return self.root / "published" / run

    @property
    def current(self) -> Path:
        """The link to the newest publication."""
        return self.root / "published" / "current"

    def audit(self, run: str) -> Path:
        """A run's manifest and exact ledger."""
        return self.root / "audit" / run

    @property
    def trail(self) -> Path:
        """The chain of everything done in the workspace."""
        return self.root / "audit" / "trail.jsonl"

    @property
    def staging(self) -> Path:
        """Where runs write before they publish."""
        return self.root / ".staging"


@dataclass(frozen=True)
class Staging:
    """The folders in which one run writes. Nothing in them belongs to the workspace until `publish`."""

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
        """Swap everything in, the publication last, and point `current` at it; gives back its folder. Raises EnvironmentRefused.

        What an attempt that failed has swapped in stays there, so that it can be made again.
        """
        workspace = self.workspace
        with or_refused(workspace.root):
            _settle(self.folder)
            for zone in ("pseudonymised", "audit", "published"):
                self._swap_in(zone)
            _point(workspace.current, self.run)
            _remove_stand_ins(workspace)
        return workspace.published(self.run)

    def _swap_in(self, zone: str) -> None:
        """Put a staged folder in its place. One that is there already and holds the same bytes stays as it is."""
        written, target = self.folder / zone, self.workspace.root / zone / self.run
        if not written.exists():
            return
        if target.exists():
            if digests(target) == digests(written):
                return
            if target == self.workspace.published(_links_to(self.workspace.current)):
                _point(self.workspace.current, _stand_in(target))
            (self.folder / "replaced").mkdir(exist_ok=True)
            target.replace(self.folder / "replaced" / zone)
        written.replace(target)
        _sync(target.parent)


@contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace against every other run. Raises EnvironmentRefused at once if one is at work."""
    with or_refused(workspace.root):
        lock = os.open(workspace.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode("ascii", "replace").strip() or "unknown"
            raise EnvironmentRefused(f"{workspace.root}: another run is at work here (process {holder}); wait until it has ended") from None
        with or_refused(workspace.root):
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
        yield
    finally:
        os.close(lock)


@contextmanager
def staged(workspace: Workspace, run: str) -> Iterator[Staging]:
    """Empty folders for a run to write in, gone when the block ends however it ends. Needs the workspace's lock."""
    staging = Staging(workspace, run)
    with or_refused(workspace.root):
        recover(workspace)
        for private in ("pseudonymised", "audit", ".staging"):
            (workspace.root / private).mkdir(mode=PRIVATE, exist_ok=True)
        if not (workspace.root / "published").exists():
            (workspace.root / "published").mkdir()
            (workspace.root / "published").chmod(READABLE)
        for folder in (staging.pseudonymised, staging.published, staging.audit):
            folder.mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging.folder, ignore_errors=True)


def recover(workspace: Workspace) -> None:
    """Clear away what a run left that was stopped, and put back what it was about to replace. Needs the workspace's lock."""
    for replaced in workspace.staging.glob("*/replaced/*"):
        run, zone = replaced.parent.parent.name, replaced.name
        if not (target := workspace.root / zone / run).exists():
            replaced.replace(target)
    shutil.rmtree(workspace.staging, ignore_errors=True)
    if (run := _links_to(workspace.current)).startswith("."):
        _point(workspace.current, run.removeprefix("."))
    _remove_stand_ins(workspace)


def _stand_in(publication: Path) -> str:
    """A second, hidden name for the files of a publication, for readers to follow while its folder is replaced."""
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


def _links_to(link: Path) -> str:
    """What a link names; nothing if there is no link."""
    return str(link.readlink()) if link.is_symlink() else ""


def _point(link: Path, name: str) -> None:
    """Make the link name a folder beside it, in one step."""
    new = link.with_name(".current")
    new.unlink(missing_ok=True)
    new.symlink_to(name)
    new.replace(link)
    _sync(link.parent)


def _settle(folder: Path) -> None:
    """Have every file and folder below on the disk itself, so that a power cut cannot leave a renamed folder of empty files."""
    for place in sorted(folder.rglob("*")):
        _sync(place)


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

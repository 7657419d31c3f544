"""`bcf prune`: what has been kept for as long as `[retention]` says goes, and the trail says what went.

What a run published, and when, is read from the trail. So a delivery that no run has published from yet never goes, nor a run
that the trail does not know, nor what `published/current` points to.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.bridge import bridge_files, leads_to
from bcf_linkage.identifiable.vault.opt_out_lists import ASKED, kept_since, list_file
from bcf_linkage.identifiable.vault.source_lists import OF_RUNS, Listed
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest, digests
from bcf_linkage.storage.store import Workspace, locked, or_refused
from pipelines.gates import last_day
from pipelines.governance_settings import Keep, Retention
from pipelines.recording import Deed, day_of, refusal_recorded
from pipelines.runs import PUBLISHED
from pipelines.settings import read_settings

OPT_OUTS = "opt_outs"
WHY = "kept for as long as [retention] in locality.toml says"


@dataclass(frozen=True)
class Removal:
    """A file or a run's folder whose time is up: in which zone it lies, and since when it has been used by nothing newer."""

    zone: str
    path: Path
    since: datetime


@dataclass(frozen=True)
class History:
    """When each run was last published, and when each delivery (by its digest) was last published from."""

    runs: Mapping[str, datetime]
    deliveries: Mapping[str, datetime]

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> History:
        """The history that a trail tells."""
        runs: dict[str, datetime] = {}
        deliveries: dict[str, datetime] = {}
        for entry in entries:
            if entry.get("what") == PUBLISHED:
                when = datetime.fromisoformat(entry["when"])
                runs[entry["run"]] = when
                deliveries |= dict.fromkeys(entry["inputs"].values(), when)
        return cls(runs, deliveries)


def prune(workspace: Path, dry_run: bool = False) -> tuple[Removal, ...]:
    """Remove what has been kept long enough; gives back what went, or would go. Raises a Refusal; then nothing has gone."""
    settings, place = read_settings(workspace), Workspace(workspace)
    deed = Deed(place, "prune", WHY)
    with refusal_recorded(deed), locked(place):
        if faults := trail.verify(place.trail):
            raise EnvironmentRefused(f"{place.trail}: line {faults[0].line} {faults[0].words}; nothing is removed on the word of a trail that is not whole")
        removals = tuple(due(place, settings.retention, History.of(trail.entries(place.trail)), datetime.now(UTC)))
        if removals and not dry_run:
            # Recorded before it is done: nothing goes unseen.
            counts = {zone: sum(removal.zone == zone for removal in removals) for zone in sorted({removal.zone for removal in removals})}
            deed.record("pruned", inputs=dict(_digests(place, removals)), counts=counts)
            _remove(place, removals)
        return removals


def due(workspace: Workspace, retention: Retention, history: History, now: datetime) -> Iterator[Removal]:
    """Everything whose time is up, zone by zone."""
    current = workspace.current.readlink().name if workspace.current.is_symlink() else ""
    if retention.landing.days:
        for file in sorted(path for path in (workspace.root / "landing").glob("*/*") if path.is_file()):
            since = history.deliveries.get(digest(file))
            if since and _old(since, retention.landing, now):
                yield Removal("landing", file, since)
    for zone, keep in (("pseudonymised", retention.pseudonymised), ("published", retention.published)):
        folders = {path.name: path for path in (workspace.root / zone).glob("[!.]*") if path.is_dir() and not path.is_symlink()}
        yield from _runs(zone, folders, keep, history, current, now)
    lists = (("source lists", folder) for listed in OF_RUNS for folder in sorted((workspace.vault / listed).glob("*")))
    for zone, folder in (("registers", workspace.vault / "register"), *lists):
        yield from _runs(zone, {path.stem: path for path in folder.glob("*.sealed")}, retention.registers, history, current, now)
    if retention.registers.days:
        for listed in (Listed.ASKED, Listed.ANSWERS):
            yield from _written_before(listed, (workspace.vault / listed).glob("*/*.sealed"), retention.registers, now)
    yield from _bridges(workspace, retention.bridges, now)
    if retention.reidentified.days:
        yield from _written_before("reidentified", (workspace.vault / "reidentified").glob("*.csv"), retention.reidentified, now)
    yield from _outdated(workspace, now)


def _written_before(zone: str, files: Iterable[Path], keep: Keep, now: datetime) -> Iterator[Removal]:
    """Files that were written longer ago than they are kept, whatever run they belong to."""
    for file in sorted(files):
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        if _old(written, keep, now):
            yield Removal(zone, file, written)


def _bridges(workspace: Workspace, keep: Keep, now: datetime) -> Iterator[Removal]:
    """Bridges to keys that have been in use for longer. When a bridge was sealed says nothing: a newer register key seals it anew."""
    vault = Vault(workspace.vault)
    for file in bridge_files(vault) if keep.days else ():
        since = vault.ring.entry(leads_to(file)).created
        if _old(since, keep, now):
            yield Removal("bridges", file, since)


def _outdated(workspace: Workspace, now: datetime) -> Iterator[Removal]:
    """What the national service was asked and answered, after the last day to use it: that holds whatever `[retention]` says."""
    check, vault = SharingRules.build(day_of(now)).national_check, Vault(workspace.vault)
    lists = ((list_file(vault, name), kept_since(vault, name)) for name in (ASKED, Objection.NATIONAL))
    files = ((file, datetime.fromtimestamp(file.stat().st_mtime, UTC)) for file in sorted(list_file(vault, ASKED).parent.glob("*.dat")))
    for file, since in (*lists, *files):
        if since and day_of(now) > last_day(day_of(since), check):
            yield Removal(OPT_OUTS, file, since)


def _runs(zone: str, places: Mapping[str, Path], keep: Keep, history: History, current: str, now: datetime) -> Iterator[Removal]:
    """Runs beyond the newest so many, or older than so many days; the current one counts and stays."""
    known = sorted((run for run in places if run in history.runs), key=lambda run: (run == current, history.runs[run]), reverse=True)
    for position, run in enumerate(known):
        since = history.runs[run]
        over = keep.runs is not None and position >= keep.runs
        if run != current and (over or _old(since, keep, now)):
            yield Removal(zone, places[run], since)


def _old(since: datetime, keep: Keep, now: datetime) -> bool:
    return keep.days is not None and now - since > timedelta(days=keep.days)


def _digests(workspace: Workspace, removals: Iterable[Removal]) -> Iterator[tuple[str, str]]:
    """Path below the workspace to digest, for every file that goes. A list of names has none: a digest of one could be tried out."""
    for removal in removals:
        name = removal.path.relative_to(workspace.root).as_posix()
        if removal.path.is_dir():
            yield from ((f"{name}/{below}", sha256) for below, sha256 in digests(removal.path).items())
        else:
            yield name, "" if removal.zone in ("reidentified", OPT_OUTS) else digest(removal.path)


def _remove(workspace: Workspace, removals: Iterable[Removal]) -> None:
    """Take away files, and folders whole: aside first, so that a stop leaves no half of one."""
    aside = workspace.staging / "pruned"
    for n, removal in enumerate(removals):
        with or_refused(removal.path):
            if removal.path.is_dir():
                aside.mkdir(parents=True, exist_ok=True)
                removal.path.rename(aside / f"{n}")
            else:
                removal.path.unlink()
    shutil.rmtree(aside, ignore_errors=True)

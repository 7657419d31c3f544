"""`bcf prune`: remove what has been kept for longer than `[retention]` states, and record each removal in the audit log.

The audit log shows what was published from which deliveries, and when. So `prune` never removes a delivery that no publication has used,
a run that the log does not know, or the current publication.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.bridge import bridge_files, newer_key_id
from bcf_linkage.identifiable.vault.opt_out_lists import ASKED_LIST, opt_out_list_file, read_as_of
from bcf_linkage.identifiable.vault.source_lists import RUN_LISTS, SourceListKind
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest, digests
from bcf_linkage.storage.store import Workspace, raise_on_os_error
from bcf_linkage.storage.trail_entry import TrailEntry
from pipelines.workspace.audit_log import EventKind, day_of
from pipelines.workspace.gates import last_day_of_use
from pipelines.workspace.governance_settings import Retention, RetentionPeriod
from pipelines.workspace.locked_session import locked_session

OPT_OUTS = "opt_outs"
WHY = "kept for as long as [retention] in locality.toml says"


@dataclass(frozen=True)
class Removal:
    """A file or folder whose retention period has ended: its zone, its path, and the moment of its last use."""

    zone: str
    path: Path
    since: datetime


@dataclass(frozen=True)
class History:
    """When each run was last published, and when a publication last used each delivery, by its digest."""

    runs: Mapping[str, datetime]
    deliveries: Mapping[str, datetime]

    @classmethod
    def from_entries(cls, entries: Iterable[TrailEntry]) -> History:
        """Return the history that an audit log records."""
        runs: dict[str, datetime] = {}
        deliveries: dict[str, datetime] = {}
        for entry in entries:
            if entry.what == EventKind.RUN_PUBLISHED:
                runs[entry.run] = entry.when
                deliveries |= dict.fromkeys(entry.inputs.values(), entry.when)
        return cls(runs, deliveries)


def prune(workspace: Path, dry_run: bool = False) -> tuple[Removal, ...]:
    """Remove every file and folder whose retention period has ended. Return them; with `dry_run` remove nothing. Raises BcfError; then nothing is removed."""
    with locked_session(workspace, EventKind.PRUNE_REFUSED, WHY) as (paths, settings, _, event, _):
        if faults := trail.verify_chain(paths.trail):
            raise EnvironmentFault(f"{paths.trail}: line {faults[0].line} {faults[0].words}; nothing is removed on the evidence of an altered audit log")
        removals = tuple(find_due_removals(paths, settings.retention, History.from_entries(trail.read_entries(paths.trail)), datetime.now(UTC)))
        if removals and not dry_run:
            # Recorded first, so that nothing is removed without an entry in the audit log.
            counts = {zone: sum(removal.zone == zone for removal in removals) for zone in sorted({removal.zone for removal in removals})}
            event.record(EventKind.PRUNED, inputs=dict(_digests(paths, removals)), counts=counts)
            _remove(paths, removals)
        return removals


def find_due_removals(workspace: Workspace, retention: Retention, history: History, now: datetime) -> Iterator[Removal]:
    """Yield every file and folder whose retention period has ended, by zone."""
    current = workspace.current.readlink().name if workspace.current.is_symlink() else ""
    if retention.landing.days:
        for file in sorted(path for path in (workspace.root / "landing").glob("*/*") if path.is_file()):
            since = history.deliveries.get(digest(file))
            if since and _is_expired(since, retention.landing, now):
                yield Removal("landing", file, since)
    for zone, period in (("pseudonymised", retention.pseudonymised), ("published", retention.published)):
        folders = {path.name: path for path in (workspace.root / zone).glob("[!.]*") if path.is_dir() and not path.is_symlink()}
        yield from _due_runs(zone, folders, period, history, current, now)
    lists = (("source lists", folder) for list_kind in RUN_LISTS for folder in sorted((workspace.vault / list_kind).glob("*")))
    for zone, folder in (("registers", workspace.vault / "register"), *lists):
        yield from _due_runs(zone, {path.stem: path for path in folder.glob("*.sealed")}, retention.registers, history, current, now)
    if retention.registers.days:
        for list_kind in (SourceListKind.ASKED, SourceListKind.ANSWERS):
            yield from _due_by_age(list_kind, (workspace.vault / list_kind).glob("*/*.sealed"), retention.registers, now)
    yield from _due_bridges(workspace, retention.bridges, now)
    if retention.reidentified.days:
        yield from _due_by_age("reidentified", (workspace.vault / "reidentified").glob("*.csv"), retention.reidentified, now)
    yield from _due_opt_outs(workspace, now)


def _due_by_age(zone: str, files: Iterable[Path], period: RetentionPeriod, now: datetime) -> Iterator[Removal]:
    """Yield files that were written before the retention period began, whatever their run."""
    for file in sorted(files):
        modified = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        if _is_expired(modified, period, now):
            yield Removal(zone, file, modified)


def _due_bridges(workspace: Workspace, period: RetentionPeriod, now: datetime) -> Iterator[Removal]:
    """Yield bridges to keys that were made before the retention period began.

    The age of the file does not count: the rotation of the register key seals every bridge again.
    """
    vault = Vault(workspace.vault)
    for file in bridge_files(vault) if period.days else ():
        since = vault.ring.entry(newer_key_id(file)).created
        if _is_expired(since, period, now):
            yield Removal("bridges", file, since)


def _due_opt_outs(workspace: Workspace, now: datetime) -> Iterator[Removal]:
    """Yield national checks and answers after their last day of use, whatever `[retention]` states."""
    check, vault = SharingRules.build(day_of(now)).national_check, Vault(workspace.vault)
    lists = ((opt_out_list_file(vault, name), read_as_of(vault, name)) for name in (ASKED_LIST, Objection.NATIONAL))
    files = ((file, datetime.fromtimestamp(file.stat().st_mtime, UTC)) for file in sorted(opt_out_list_file(vault, ASKED_LIST).parent.glob("*.dat")))
    for file, since in (*lists, *files):
        if since and day_of(now) > last_day_of_use(day_of(since), check):
            yield Removal(OPT_OUTS, file, since)


def _due_runs(zone: str, paths: Mapping[str, Path], period: RetentionPeriod, history: History, current: str, now: datetime) -> Iterator[Removal]:
    """Yield runs beyond the newest ones to keep, or older than the days to keep. The current run counts as the newest and stays."""
    newest_first = sorted((run for run in paths if run in history.runs), key=lambda run: (run == current, history.runs[run]), reverse=True)
    for position, run in enumerate(newest_first):
        since = history.runs[run]
        beyond_limit = period.runs is not None and position >= period.runs
        if run != current and (beyond_limit or _is_expired(since, period, now)):
            yield Removal(zone, paths[run], since)


def _is_expired(since: datetime, period: RetentionPeriod, now: datetime) -> bool:
    return period.days is not None and now - since > timedelta(days=period.days)


def _digests(workspace: Workspace, removals: Iterable[Removal]) -> Iterator[tuple[str, str]]:
    """Yield the path below the workspace and the digest of every file to remove.

    A list of people has no digest, because that of a short list can be reversed by trying all numbers.
    """
    for removal in removals:
        name = removal.path.relative_to(workspace.root).as_posix()
        if removal.path.is_dir():
            yield from ((f"{name}/{below}", sha256) for below, sha256 in digests(removal.path).items())
        else:
            yield name, "" if removal.zone in ("reidentified", OPT_OUTS) else digest(removal.path)


def _remove(workspace: Workspace, removals: Iterable[Removal]) -> None:
    """Remove files and folders. Move each folder aside first, so that a stop leaves no part of it in its zone."""
    trash = workspace.staging / "pruned"
    for n, removal in enumerate(removals):
        with raise_on_os_error(removal.path):
            if removal.path.is_dir():
                trash.mkdir(parents=True, exist_ok=True)
                removal.path.rename(trash / f"{n}")
            else:
                removal.path.unlink()
    shutil.rmtree(trash, ignore_errors=True)

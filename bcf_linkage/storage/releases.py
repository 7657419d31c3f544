"""What each run released, so that later runs can protect against it, and a log of releases for people to read.

`audit/<run>/release.json` and `released_counts.parquet` are published together with the tables that they describe, so the recorded
releases are exactly those that were published. `audit/releases.csv` is the log: one line each time that a run published.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.storage.store import Workspace, raise_on_os_error

SUMMARY_FILE, COUNTS_FILE, LOG_FILE = "release.json", "released_counts.parquet", "releases.csv"
TEXT_COLUMNS, INTEGER_COLUMNS = ("node", "part_of", "split", "among"), ("exact", "low", "high", "least", "most", "rest_low", "rest_high")
SCHEMA = {**dict.fromkeys(TEXT_COLUMNS, pl.String), **dict.fromkeys(INTEGER_COLUMNS, pl.Int64)}
"""Columns of `released_counts.parquet`, one row per count as it was released. The exact count never leaves `audit/`."""

LOGGED_TOTALS = ("cells", "shown", "primary_suppressed", "secondary_suppressed", "attacked", "narrowed")


class StoredCount(NamedTuple):
    """One row of `released_counts.parquet`."""

    node: str
    part_of: str | None
    split: str
    among: str | None
    exact: int
    low: int
    high: int
    least: int
    most: int
    rest_low: int
    rest_high: int


@dataclass(frozen=True)
class ReleaseRecord:
    """One release: its disclosure profile, the earlier releases that it was protected against, and one account per published table."""

    run: str
    as_at: date
    profile: str
    after: tuple[str, ...]
    accounts: tuple[Mapping[str, str | int | None], ...]

    def total(self, field: str) -> int:
        """Return the sum of a number over the accounts of all tables. Raises KeyError if an account does not have it, ValueError if it is no number."""
        numbers = [account[field] for account in self.accounts]
        if not all(isinstance(number, int) for number in numbers):
            raise ValueError(f"the release of run {self.run} has an account in which {field} is no number")
        return sum(number for number in numbers if isinstance(number, int))


def write_release(release: ReleaseRecord, counts: Iterable[Sequence[str | int | None]], folder: Path) -> None:
    """Write a release to a run's audit folder: its record, and one row per count with the columns of `SCHEMA`."""
    (folder / SUMMARY_FILE).write_text(json.dumps(asdict(release), indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")
    pl.DataFrame(list(counts), SCHEMA, orient="row").write_parquet(folder / COUNTS_FILE)


def list_earlier_releases(workspace: Workspace, run: str) -> tuple[str, ...]:
    """Return the runs whose releases this run must be protected against, the earliest first.

    A run that is repeated is protected against the releases before its first publication, so it gives the same bytes again. Raises
    EnvironmentFault if a release cannot be read.
    """
    earlier_by_run = {summary.parent.name: read_release(summary.parent).after for summary in sorted((workspace.root / "audit").glob(f"*/{SUMMARY_FILE}"))}
    if run in earlier_by_run:
        return earlier_by_run[run]
    return tuple(sorted(earlier_by_run, key=lambda name: (len(earlier_by_run[name]), name)))


def read_released_counts(workspace: Workspace, run: str) -> list[StoredCount]:
    """Return the counts of a release, one row per count. Raises EnvironmentFault if they cannot be read."""
    path = workspace.audit(run) / COUNTS_FILE
    try:
        return [StoredCount(*row) for row in pl.read_parquet(path, columns=list(SCHEMA)).rows()]
    except (OSError, pl.exceptions.PolarsError):
        raise _unreadable_fault(path) from None


def read_release(folder: Path) -> ReleaseRecord:
    """Return the release of a run's audit folder. Raises EnvironmentFault if it cannot be read."""
    try:
        entry = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
        return ReleaseRecord(entry["run"], date.fromisoformat(entry["as_at"]), entry["profile"], tuple(entry["after"]), tuple(entry["accounts"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise _unreadable_fault(folder / SUMMARY_FILE) from None


def append_to_log(workspace: Workspace, release: ReleaseRecord, when: datetime, digests: Mapping[str, str]) -> Path:
    """Append a line to the log of releases and flush it to disk. Return the log's path. Raises EnvironmentFault."""
    path = workspace.root / "audit" / LOG_FILE
    line = {
        "when": when.isoformat(timespec="seconds"),
        "run": release.run,
        "as_at": release.as_at,
        "profile": release.profile,
        "after": " ".join(release.after),
        **{field: release.total(field) for field in LOGGED_TOTALS},
        "tables": " ".join(f"{name}={sha256}" for name, sha256 in sorted(digests.items()) if name.endswith(".parquet")),
    }
    with raise_on_os_error(path), path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(line), lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(line)
        file.flush()
        os.fsync(file.fileno())
    return path


def _unreadable_fault(path: Path) -> EnvironmentFault:
    return EnvironmentFault(f"{path}: cannot be read, and later runs must be protected against this release; restore the file from a copy")

"""What was released: what each run told, kept so that later runs can protect against it, and a log for people to read.

`audit/<run>/release.json` and `told.parquet` are swapped in with the publication that they describe, so that no release is known
of which is not out, and none is out which is not known of. `audit/releases.csv` is the log: one line each time that a run published.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.storage.store import Workspace, or_refused

SUMMARY, TOLD, LOG = "release.json", "told.parquet", "releases.csv"
TEXTS, NUMBERS = ("node", "part_of", "split", "among"), ("exact", "low", "high", "least", "most", "rest_low", "rest_high")
SCHEMA = {**dict.fromkeys(TEXTS, pl.String), **dict.fromkeys(NUMBERS, pl.Int64)}
"""One row per count as it was released; the exact count never leaves the audit."""


@dataclass(frozen=True)
class Release:
    """One release: which profile protected it, against which releases before it, and the account of each table."""

    run: str
    as_at: date
    profile: str
    after: tuple[str, ...]
    accounts: tuple[Mapping[str, Any], ...]

    def total(self, of: str) -> int:
        """A number of the accounts, over all tables."""
        return sum(account[of] for account in self.accounts)


def write_release(release: Release, told: Iterable[Sequence[Any]], folder: Path) -> None:
    """Write what a release tells into a run's audit folder: one row per count, with the columns of `SCHEMA`."""
    (folder / SUMMARY).write_text(json.dumps(asdict(release), indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")
    pl.DataFrame(list(told), SCHEMA, orient="row").write_parquet(folder / TOLD)


def before(workspace: Workspace, run: str) -> tuple[str, ...]:
    """The runs whose releases this one must be protected against, the earliest first.

    A run that is made again tells what it told before: it is protected against what came before it the first time, and gives the
    same bytes. Raises EnvironmentRefused if a release cannot be read.
    """
    known = {summary.parent.name: read_release(summary.parent).after for summary in sorted((workspace.root / "audit").glob(f"*/{SUMMARY}"))}
    if run in known:
        return known[run]
    return tuple(sorted(known, key=lambda one: (len(known[one]), one)))


def told_by(workspace: Workspace, run: str) -> list[tuple[Any, ...]]:
    """What a release told: one row per count, with the columns of `SCHEMA`. Raises EnvironmentRefused if it cannot be read."""
    path = workspace.audit(run) / TOLD
    try:
        return pl.read_parquet(path, columns=list(SCHEMA)).rows()
    except (OSError, pl.exceptions.PolarsError):
        raise _lost(path) from None


def read_release(folder: Path) -> Release:
    """The release of a run's audit folder. Raises EnvironmentRefused if it cannot be read."""
    try:
        entry = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return Release(entry["run"], date.fromisoformat(entry["as_at"]), entry["profile"], tuple(entry["after"]), tuple(entry["accounts"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise _lost(folder / SUMMARY) from None


def log(workspace: Workspace, release: Release, when: datetime, digests: Mapping[str, str]) -> Path:
    """Add a line to the log of releases; gives back its path. Raises EnvironmentRefused."""
    path = workspace.root / "audit" / LOG
    line = {
        "when": when.isoformat(timespec="seconds"),
        "run": release.run,
        "as_at": release.as_at,
        "profile": release.profile,
        "after": " ".join(release.after),
        **{of: release.total(of) for of in ("cells", "shown", "guarded", "company", "tried", "narrowed")},
        "tables": " ".join(f"{name}={sha256}" for name, sha256 in sorted(digests.items()) if name.endswith(".parquet")),
    }
    with or_refused(path), path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(line), lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(line)
        file.flush()
        os.fsync(file.fileno())
    return path


def _lost(path: Path) -> EnvironmentRefused:
    return EnvironmentRefused(f"{path}: cannot be read, and without it nothing can be protected against that release; put it back from a copy")

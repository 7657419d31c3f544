"""A read-only view of a workspace and the run of its current publication, for the checks of promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.identifiable.leaks import Identifiers
from bcf_linkage.identifiable.pseudonymisation import LOCAL_DOMAIN, PERSON_DOMAIN, SPELL_DOMAIN, are_canonical_numbers, project_key
from bcf_linkage.identifiable.vault import Key, KeyState, Vault
from bcf_linkage.published.data_dictionary import build_data_dictionary
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import MANIFEST_FILE, digest
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.trail_entry import Decision, TrailEntry
from pipelines.admin.leaks import collect_identifiers
from pipelines.workspace.audit_log import EventKind
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.settings import Settings, read_settings


class CheckResult(NamedTuple):
    """One piece of evidence: whether it is as promised, and what was checked, with counts."""

    passed: bool
    words: str


class PublishedInput(NamedTuple):
    """A delivery of the run, as the manifest records it."""

    extract: str
    file: str
    sha256: str


@dataclass(frozen=True)
class PublishedManifest:
    """What the checks need of a run's manifest: deliveries, digests of published files, and how pseudonyms were made."""

    inputs: tuple[PublishedInput, ...]
    outputs: Mapping[str, str]
    key: str
    recipient: str
    project: str

    @classmethod
    def read(cls, file: Path) -> PublishedManifest:
        """Read a manifest. Raises EnvironmentFault if it cannot be read."""
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            method, inputs = document["pseudonyms"], document["inputs"]
            deliveries = tuple(PublishedInput(item["extract"], item["file"], item["sha256"]) for item in inputs)
            return cls(deliveries, document["outputs"], method["key"], method["recipient"], method["project"])
        except (OSError, ValueError, KeyError, TypeError):
            raise EnvironmentFault(f"{file}: cannot be read; restore it from a copy") from None


@dataclass(frozen=True)
class WorkspaceSnapshot:
    """A workspace, the run of its current publication, and the moment of the check."""

    workspace: Workspace
    settings: Settings
    run: str
    now: datetime

    @classmethod
    def from_folder(cls, folder: Path, now: datetime) -> WorkspaceSnapshot:
        """Return the snapshot of the workspace in a folder. Raises UsageError if nothing is published, or the key of its pseudonyms is retired."""
        workspace, settings = Workspace(folder), read_settings(folder)
        if not workspace.current.is_symlink():
            raise UsageError(f"{folder}: nothing is published here, so there is little to check; run `bcf run` first")
        snapshot = cls(workspace, settings, workspace.current.readlink().name, now)
        key = snapshot.manifest.key
        if snapshot.vault.ring.entry(key).state is KeyState.RETIRED:
            raise UsageError(f"{folder}: the current publication was made under {key}, which is retired, so there is little to check; run `bcf run` first")
        return snapshot

    @property
    def as_at(self) -> date:
        return date.fromisoformat(self.run[:10])

    @cached_property
    def vault(self) -> Vault:
        return vault_of(self.workspace.root, self.settings)

    @cached_property
    def manifest(self) -> PublishedManifest:
        """The run's manifest. Raises EnvironmentFault if it cannot be read."""
        return PublishedManifest.read(self.workspace.audit(self.run) / MANIFEST_FILE)

    @cached_property
    def root_key(self) -> Key:
        """The root key in the vault from which the key of the run's pseudonyms is derived. Raises BcfError."""
        return self.vault.key(self.manifest.key)

    @cached_property
    def key(self) -> Key:
        """The key that the run's pseudonyms were made with."""
        return project_key(self.root_key, self.manifest.recipient, self.manifest.project)

    @cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """Every key that no file outside the vault may hold."""
        live = [self.vault.key(entry.id) for entry in self.vault.ring.entries if entry.state is not KeyState.RETIRED]
        return (*live, self.key)

    @cached_property
    def audit_log(self) -> tuple[TrailEntry, ...]:
        """The events of the workspace's audit log, in order."""
        return trail.read_entries(self.workspace.trail)

    @cached_property
    def publications(self) -> tuple[TrailEntry, ...]:
        """The publications of the run in the audit log, one for each time that it ran."""
        return tuple(entry for entry in self.audit_log if entry.what == EventKind.RUN_PUBLISHED and entry.run == self.run)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """What the gates decided before the run, as the audit log records it; nothing if it does not."""
        return next((entry.decisions for entry in reversed(self.audit_log) if entry.run == self.run and entry.decisions), ())

    @cached_property
    def person_tables(self) -> dict[str, Path]:
        """Person-level tables of the run, by their path below its folder without the ending. Spark writes a folder of files, Polars one file."""
        folder = self.workspace.pseudonymised(self.run)
        paths = (path for path in sorted(folder.rglob("*.parquet")) if path.parent.suffix != ".parquet")
        return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}

    @cached_property
    def received_rows(self) -> dict[str, pl.LazyFrame]:
        """Pseudonymised rows of each extract, by table name."""
        return {name: scan_table(path) for extract in EXTRACTS if (path := self.person_tables.get(name := f"received/{extract}"))}

    @cached_property
    def pseudonyms(self) -> pl.DataFrame:
        """One row per pseudonym and kind over all received tables: `token`, `kind` (person, local or spell) and its `rows`."""
        kind = pl.when(pl.col("outcome") == Outcome.UNLINKED).then(pl.lit(LOCAL_DOMAIN)).otherwise(pl.lit(PERSON_DOMAIN))
        columns = [rows.select(pl.col("person").alias("token"), kind=kind) for rows in self.received_rows.values()]
        for extract in EXTRACTS.values():
            if (spell := extract.identity(Identity.SPELL_ID)) and (rows := self.received_rows.get(f"received/{extract.name}")) is not None:
                columns.append(rows.select(token=spell, kind=pl.lit(SPELL_DOMAIN)))
        return pl.concat(columns).drop_nulls("token").group_by("token", "kind").agg(rows=pl.len()).collect(engine="streaming")

    @cached_property
    def deliveries(self) -> dict[str, list[Path]]:
        """The run's deliveries by extract; empty if any of them is missing or was changed."""
        files: dict[str, list[Path]] = {}
        for delivery in self.manifest.inputs:
            file = self.workspace.landing(delivery.extract) / delivery.file
            if not file.is_file() or digest(file) != delivery.sha256:
                return {}
            files.setdefault(delivery.extract, []).append(file)
        return files

    @cached_property
    def identifiers(self) -> Identifiers:
        """Identifiers of the deliveries that no other file may hold.

        Names and dates are left out, because they are words and dates of anything. So are values that our own data dictionary has.
        """
        collected = collect_identifiers(self.deliveries)
        own_text = "\n".join(str(value) for row in build_data_dictionary() for value in row.values())
        own_values = {hit.value for hit in replace(collected, numbers=frozenset()).find_in(own_text.encode())}
        return replace(
            collected,
            dates=frozenset(),
            names=frozenset(),
            postcodes=collected.postcodes - own_values,
            addresses=collected.addresses - own_values,
            secrets=self.secrets,
        )

    @cached_property
    def sound_numbers(self) -> list[str]:
        """The valid NHS numbers of the deliveries, which may be pseudonymised, sorted."""
        return sorted(number for number in self.identifiers.numbers if are_canonical_numbers([number]))


PromiseCheck = Callable[[WorkspaceSnapshot], Iterator[CheckResult]]


def scan_table(table: Path) -> pl.LazyFrame:
    """Return a table, whichever engine wrote it."""
    return pl.scan_parquet(table / "*.parquet" if table.is_dir() else table)


def count_phrase(number: int, singular: str, plural: str = "") -> str:
    """Return a number with the word for what it counts, in the singular or plural."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"

"""A workspace as the promises look at it, with the run whose publication is current. It is read and never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.identifiable.leaks import Identifiers
from bcf_linkage.identifiable.pseudonymise import LOCAL, PERSON, SPELL, are_numbers, project_key
from bcf_linkage.identifiable.vault import Key, State, Vault
from bcf_linkage.published.data_dictionary import data_dictionary
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import FILE as MANIFEST
from bcf_linkage.storage.manifest import digest
from bcf_linkage.storage.store import Workspace
from pipelines.custody import vault_of
from pipelines.leaks import identifiers_in
from pipelines.runs import PUBLISHED
from pipelines.settings import Settings, read_settings


class Found(NamedTuple):
    """One thing that was looked at or tried: whether it was as promised, and what it was, with how many."""

    well: bool
    words: str


@dataclass(frozen=True)
class Held:
    """A workspace and its current run, at a moment."""

    workspace: Workspace
    settings: Settings
    run: str
    now: datetime

    @classmethod
    def of(cls, folder: Path, now: datetime) -> Held:
        """The workspace in a folder. Raises RequestRefused if nothing is published in it, or under a key that is no more."""
        workspace, settings = Workspace(folder), read_settings(folder)
        if not workspace.current.is_symlink():
            raise RequestRefused(f"{folder}: nothing is published here, so there is little to look at; run `bcf run` first")
        held = cls(workspace, settings, workspace.current.readlink().name, now)
        key = held.manifest["pseudonyms"]["key"]
        if held.vault.ring.entry(key).state is State.RETIRED:
            raise RequestRefused(f"{folder}: what is published was made under {key}, which is retired, so there is little to look at; `bcf run` comes first")
        return held

    @property
    def as_at(self) -> date:
        return date.fromisoformat(self.run[:10])

    @cached_property
    def vault(self) -> Vault:
        return vault_of(self.workspace.root, self.settings)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What went into the run and what came out. Raises EnvironmentRefused if it cannot be read."""
        file = self.workspace.audit(self.run) / MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return manifest
        except (OSError, ValueError):
            raise EnvironmentRefused(f"{file}: cannot be read; bring it back from its safe copy") from None

    @cached_property
    def root_key(self) -> Key:
        """The key of the vault that stands behind the run's pseudonyms. Raises a Refusal."""
        return self.vault.key(self.manifest["pseudonyms"]["key"])

    @cached_property
    def key(self) -> Key:
        """The key that the run's pseudonyms were made with."""
        return project_key(self.root_key, self.manifest["pseudonyms"]["recipient"], self.manifest["pseudonyms"]["project"])

    @cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """Every key that must not be found anywhere."""
        live = [self.vault.key(entry.id) for entry in self.vault.ring.entries if entry.state is not State.RETIRED]
        return (*live, self.key)

    @cached_property
    def trail(self) -> tuple[dict[str, Any], ...]:
        """What was done in the workspace, line by line."""
        return trail.entries(self.workspace.trail)

    @cached_property
    def published_line(self) -> Mapping[str, Any]:
        """The line of the trail that tells of the run's publication, nothing if there is none."""
        return next((line for line in reversed(self.trail) if line.get("what") == PUBLISHED and line.get("run") == self.run), {})

    @cached_property
    def begun_line(self) -> Mapping[str, Any]:
        """The line of the trail that tells what the gates decided before the run."""
        return next((line for line in reversed(self.trail) if line.get("run") == self.run and line.get("decisions")), {})

    @cached_property
    def people(self) -> dict[str, Path]:
        """Person-level tables of the run, by their path below its folder without the ending. Spark writes a folder where Polars writes a file."""
        folder = self.workspace.pseudonymised(self.run)
        found = (path for path in sorted(folder.rglob("*.parquet")) if path.parent.suffix != ".parquet")
        return {path.relative_to(folder).with_suffix("").as_posix(): path for path in found}

    @cached_property
    def received(self) -> dict[str, pl.LazyFrame]:
        """Rows that were kept, by extract."""
        return {name: scanned(path) for extract in EXTRACTS if (path := self.people.get(name := f"received/{extract}"))}

    @cached_property
    def pseudonyms(self) -> pl.DataFrame:
        """`token`, the `kind` of what it stands for (person, local or spell), and the `rows` of that kind, over all received tables."""
        kind = pl.when(pl.col("place") == Place.UNLINKED).then(pl.lit(LOCAL)).otherwise(pl.lit(PERSON))
        found = [rows.select(pl.col("person").alias("token"), kind=kind) for rows in self.received.values()]
        for extract in EXTRACTS.values():
            if (spell := extract.identity(Identity.SPELL_ID)) and (rows := self.received.get(f"received/{extract.name}")) is not None:
                found.append(rows.select(token=spell, kind=pl.lit(SPELL)))
        return pl.concat(found).drop_nulls("token").group_by("token", "kind").agg(rows=pl.len()).collect(engine="streaming")

    @cached_property
    def deliveries(self) -> dict[str, list[Path]]:
        """The run's deliveries by extract; nothing if any of them is no longer there as it came."""
        found: dict[str, list[Path]] = {}
        for one in self.manifest["inputs"]:
            file = self.workspace.landing(one["extract"]) / one["file"]
            if not file.is_file() or digest(file) != one["sha256"]:
                return {}
            found.setdefault(one["extract"], []).append(file)
        return found

    @cached_property
    def identifiers(self) -> Identifiers:
        """What the deliveries hold and nothing else may. Names and days are words and dates of anything, and are left out; so is what we write ourselves."""
        told = identifiers_in(self.deliveries)
        ours = "\n".join(str(value) for row in data_dictionary() for value in row.values())
        known = {hit.value for hit in replace(told, numbers=frozenset()).found_in(ours.encode())}
        return replace(told, dates=frozenset(), names=frozenset(), postcodes=told.postcodes - known, addresses=told.addresses - known, secrets=self.secrets)

    @cached_property
    def sound_numbers(self) -> list[str]:
        """The NHS numbers of the deliveries that are sound enough to be hashed, in order."""
        return sorted(number for number in self.identifiers.numbers if are_numbers([number]))


Check = Callable[[Held], Iterator[Found]]


def scanned(table: Path) -> pl.LazyFrame:
    """A table, whichever engine wrote it."""
    return pl.scan_parquet(table / "*.parquet" if table.is_dir() else table)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what it counts, as it is said."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

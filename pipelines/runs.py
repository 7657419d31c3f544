"""One run: what it is to work on, where it may write, and the trail that it leaves however it ends."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import Period, year_to
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.sharing import SharingRules
from bcf_linkage.identifiable.vault import Purpose, Vault
from bcf_linkage.identifiable.vault.opt_out_lists import objecting
from bcf_linkage.identifiable.vault.source_lists import answers_in
from bcf_linkage.storage.ledger import read_ledger
from bcf_linkage.storage.manifest import digest, digests, versions
from bcf_linkage.storage.store import Staging, Workspace, locked, staged
from bcf_linkage.storage.zones import refuse_open
from pipelines import gates
from pipelines.custody import Pseudonyms, keyed_digest, pseudonyms, vault_of
from pipelines.recording import Deed, refusal_recorded, today
from pipelines.settings import FILE, Settings, read_settings

LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
FORMATS = (".csv", ".parquet")
RUN = "run"
PUBLISHED = f"{RUN} published"
NAME = re.compile(r"\d{4}-\d\d-\d\d-[a-p]{10}")
"""What a run is called."""


@dataclass(frozen=True)
class Request:
    """What a person or a schedule asks for: paths and a date, nothing about anybody."""

    workspace: Path
    as_at: date
    engine: str = "polars"
    who: str = ""
    why: str = "scheduled refresh"


@dataclass(frozen=True)
class Delivery:
    """One file in landing, with the digest of its bytes."""

    extract: str
    file: Path
    sha256: str


@dataclass(frozen=True)
class Run:
    """What every step is given: paths, dates and names, nothing about anybody."""

    request: Request
    run_id: str
    deliveries: tuple[Delivery, ...]

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.request.workspace)

    @property
    def staging(self) -> Staging:
        return Staging(self.workspace, self.run_id)

    @property
    def as_at(self) -> date:
        return self.request.as_at

    @property
    def year(self) -> Period:
        """The twelve months that are counted."""
        return year_to(self.as_at)

    @property
    def extracts(self) -> tuple[str, ...]:
        """The extracts that were delivered, the register first."""
        return tuple(name for name in EXTRACTS if any(d.extract == name for d in self.deliveries))

    def files(self, extract: str) -> tuple[Path, ...]:
        """The extract's deliveries, in order of name."""
        return tuple(d.file for d in self.deliveries if d.extract == extract)

    def received(self, extract: str) -> Path:
        """Where the pseudonymised rows of an extract lie."""
        return self.staging.pseudonymised / "received" / f"{extract}.parquet"

    def table(self, name: str) -> Path:
        """Where a person-level table lies."""
        return self.staging.pseudonymised / f"{name}.parquet"

    @property
    def pseudonyms(self) -> Pseudonyms:
        """How its pseudonyms are made."""
        settings = self.settings()
        return pseudonyms(vault_of(self.request.workspace, settings), settings)

    def settings(self) -> Settings:
        return read_settings(self.request.workspace)

    def rulebook(self) -> Rulebook:
        return _rulebook(self.as_at, self.settings().disclosure)


@lru_cache(maxsize=1)
def _rulebook(as_at: date, disclosure: str) -> Rulebook:
    return Rulebook.build(as_at, disclosure)


@contextmanager
def opened(request: Request) -> Iterator[Run]:
    """A run with the workspace locked and folders to write in; both are given back however the block ends, and the end is in the trail.

    Raises RequestRefused for a source that may not be used, a wrong date or a missing or repeated delivery, EnvironmentRefused if
    another run is at work.
    """
    if not (request.workspace / FILE).is_file():
        read_settings(request.workspace)
    workspace = Workspace(request.workspace)
    deed = Deed(workspace, RUN, request.why, request.who)
    with refusal_recorded(deed) as known, locked(workspace):
        decisions = gates.decisions(request.workspace, today())
        known["decisions"] = gates.told(decisions)
        gates.refuse(decisions)
        run = _asked_for(request)
        known.update(_said_of(run))
        deed = deed.about(**_said_of(run))
        with staged(workspace, run.run_id):
            deed.record(f"{RUN} begun", decisions=known["decisions"])
            yield run
            deed.record(PUBLISHED, outputs=digests(workspace.published(run.run_id)), counts=_places(run))


def _asked_for(request: Request) -> Run:
    """The run that a request comes to. Raises a Refusal if it cannot be begun: a wrong date, a delivery or key that will not do, an open folder."""
    settings, workspace = read_settings(request.workspace), Workspace(request.workspace)
    try:
        year_to(request.as_at)
    except ValueError as error:
        raise RequestRefused(str(error)) from None
    refuse_open(workspace)
    vault = vault_of(request.workspace, settings)
    keys = [vault.current(purpose) for purpose in Purpose]
    deliveries = tuple(delivered(workspace, settings))
    lists = (_objections(vault, settings), *_answers(vault))
    return Run(request, _run_id(request, settings, deliveries, keys[0].name, lists), deliveries)


def published_run(workspace: Workspace, named: str) -> str:
    """The run that was named, or the one whose publication is current. Raises RequestRefused."""
    if named and not NAME.fullmatch(named):
        raise RequestRefused("that is no name of a run; `published/` holds one folder for each")
    run = named or (workspace.current.readlink().name if workspace.current.is_symlink() else "")
    if not run or not workspace.published(run).is_dir():
        raise RequestRefused(f"{workspace.root}: {'that run is not published' if named else 'nothing is published'} here; run `bcf run` first")
    return run


def delivered(workspace: Workspace, settings: Settings) -> Iterator[Delivery]:
    """Every file of every source that the settings name. Raises RequestRefused for a missing, unknown or repeated one."""
    for extract in EXTRACTS:
        folder = workspace.landing(extract)
        files = sorted(path for path in folder.glob("*") if not path.name.startswith(".")) if folder.is_dir() else []
        if files and extract not in settings.sources:
            raise RequestRefused(
                f"{folder}: holds a delivery, but locality.toml has no [sources.{extract}]; state who shares it and on what basis, or remove it"
            )
        if not files and extract in settings.sources:
            raise RequestRefused(f"{folder}: holds no delivery; put the file there, or take [sources.{extract}] out of locality.toml")
        seen: dict[str, Path] = {}
        for file in files:
            if file.suffix.lower() not in FORMATS or not file.is_file():
                raise RequestRefused(f"{file}: is neither a .csv nor a .parquet file; remove it")
            sha256 = digest(file)
            if sha256 in seen:
                raise RequestRefused(f"{folder}: {seen[sha256].name} and {file.name} are the same delivery, byte for byte; remove one")
            seen[sha256] = file
            yield Delivery(extract, file, sha256)


def _objections(vault: Vault, settings: Settings) -> str:
    """What stands for everybody who objects by a list: under a key, as a run's name is public."""
    listed = objecting(vault, gates.holding(settings, SharingRules.build(today())))
    return keyed_digest(vault, RUN, listed.write_csv().encode())[0]


def _answers(vault: Vault) -> Iterator[str]:
    """What stands for everything that the national service answered, in the same way; nothing where it was not asked."""
    for extract in EXTRACTS:
        if (answers := answers_in(vault, extract)).height:
            yield keyed_digest(vault, RUN, f"{extract} {answers.write_csv()}".encode())[0]


def _run_id(request: Request, settings: Settings, deliveries: tuple[Delivery, ...], key_id: str, lists: tuple[str, ...]) -> str:
    """The as-at date and letters that stand for all that went in: the same inputs make the same name."""
    parts = [
        digest(request.workspace / FILE),
        digest(settings.postcodes) if settings.postcodes.is_file() else "",
        versions()["definitions"],
        key_id,
        *lists,
        *(f"{d.extract}/{d.file.name}/{d.sha256}" for d in deliveries),
    ]
    return f"{request.as_at}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:10].translate(LETTERS)}"


def _said_of(run: Run) -> dict[str, Any]:
    """What every line about the run says."""
    settings = run.settings()
    agreements = [source.agreement for source in settings.sources.values() if source.agreement]
    return {
        "run": run.run_id,
        "inputs": {f"{d.extract}/{d.file.name}": d.sha256 for d in run.deliveries},
        "basis": "; ".join(sorted({f"{settings.purpose}: {one.legal_basis} ({one.reference})" for one in agreements})),
        "key": run.pseudonyms.key,
    }


def _places(run: Run) -> dict[str, int]:
    """How many rows ended in each place."""
    return dict(read_ledger(run.workspace.audit(run.run_id)).group_by("place").agg(pl.col("rows").sum()).sort("place").iter_rows())

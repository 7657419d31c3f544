"""One run: what it is to work on, where it may write, and the trail that it leaves however it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import Period, year_to
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest, digests, versions
from bcf_linkage.storage.store import Staging, Workspace, locked, staged
from pipelines.settings import FILE, Settings, read_settings

LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
FORMATS = (".csv", ".parquet")
PUBLISHED = "run published"


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

    def settings(self) -> Settings:
        return read_settings(self.request.workspace)

    def rulebook(self) -> Rulebook:
        return Rulebook.build(self.as_at, self.settings().disclosure)


@contextmanager
def opened(request: Request) -> Iterator[Run]:
    """A run with the workspace locked and folders to write in; both are given back however the block ends, and the end is in the trail.

    Raises RequestRefused for a wrong date or a missing or repeated delivery, EnvironmentRefused if another run is at work.
    """
    settings = read_settings(request.workspace)
    try:
        year_to(request.as_at)
    except ValueError as error:
        raise RequestRefused(str(error)) from None
    workspace = Workspace(request.workspace)
    with locked(workspace):
        deliveries = tuple(_deliveries(workspace, settings))
        run = Run(request, _run_id(request, settings, deliveries), deliveries)
        with staged(workspace, run.run_id):
            _record(run, "run begun")
            try:
                yield run
            except BaseException:
                _record(run, "run refused")
                raise
            _record(run, PUBLISHED)


def _deliveries(workspace: Workspace, settings: Settings) -> Iterator[Delivery]:
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


def _run_id(request: Request, settings: Settings, deliveries: tuple[Delivery, ...]) -> str:
    """The as-at date and letters that stand for all that went in: the same inputs make the same name."""
    parts = [
        digest(request.workspace / FILE),
        digest(settings.postcodes) if settings.postcodes.is_file() else "",
        versions()["definitions"],
        *(f"{d.extract}/{d.file.name}/{d.sha256}" for d in deliveries),
    ]
    return f"{request.as_at}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:10].translate(LETTERS)}"


def _record(run: Run, what: str) -> None:
    """One line of the trail. The clock is read here, in the roof, and nowhere below."""
    trail.append(
        run.workspace.trail,
        trail.Action(
            when=datetime.now(UTC),
            who=run.request.who,
            what=what,
            why=run.request.why,
            run=run.run_id,
            inputs={f"{d.extract}/{d.file.name}": d.sha256 for d in run.deliveries},
            outputs=digests(run.workspace.published(run.run_id)) if what == PUBLISHED else {},
            versions=versions(),
        ),
    )

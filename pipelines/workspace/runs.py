"""Names of runs, and the deliveries in landing that a run reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.storage.manifest import digest
from bcf_linkage.storage.store import Workspace
from pipelines.workspace.settings import Settings

FORMATS = (".csv", ".parquet")
RUN_NAME = re.compile(r"\d{4}-\d\d-\d\d-[a-p]{10}")
"""The name of a run: its as-at date, and letters that stand for its inputs."""


@dataclass(frozen=True)
class Delivery:
    """One file in landing, with the digest of its bytes."""

    extract: str
    file: Path
    sha256: str


def published_run(workspace: Workspace, requested: str) -> str:
    """Return the requested run, or the run of the current publication if none is requested. Raises UsageError unless it is published."""
    if requested and not RUN_NAME.fullmatch(requested):
        raise UsageError("that is not the name of a run; `published/` has one folder for each run")
    run = requested or (workspace.current.readlink().name if workspace.current.is_symlink() else "")
    if not run or not workspace.published(run).is_dir():
        raise UsageError(f"{workspace.root}: {'that run is not published' if requested else 'nothing is published'} here; run `bcf run` first")
    return run


def list_deliveries(workspace: Workspace, settings: Settings) -> Iterator[Delivery]:
    """Yield every delivery of every source in the settings.

    Raises UsageError for a delivery that is missing, repeated, of an unknown format, or of a source that the settings do not have.
    """
    for extract in EXTRACTS:
        folder = workspace.landing(extract)
        files = sorted(path for path in folder.glob("*") if not path.name.startswith(".")) if folder.is_dir() else []
        if files and extract not in settings.sources:
            raise UsageError(f"{folder}: has a delivery, but locality.toml has no [sources.{extract}]; add the section, or remove the delivery")
        if not files and extract in settings.sources:
            raise UsageError(f"{folder}: has no delivery; put the file there, or remove [sources.{extract}] from locality.toml")
        file_by_digest: dict[str, Path] = {}
        for file in files:
            if file.suffix.lower() not in FORMATS or not file.is_file():
                raise UsageError(f"{file}: is neither a .csv nor a .parquet file; remove it")
            sha256 = digest(file)
            if sha256 in file_by_digest:
                raise UsageError(f"{folder}: {file_by_digest[sha256].name} and {file.name} are the same, byte for byte; remove one")
            file_by_digest[sha256] = file
            yield Delivery(extract, file, sha256)

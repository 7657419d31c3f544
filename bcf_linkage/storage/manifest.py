"""What went into a run and what came out of it, by digest. It holds no time: the same run writes the same manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.extracts import EXTRACTS

FILE = "manifest.json"
PACKAGES = ("bcf-linkage", "narwhals", "polars", "duckdb", "pyarrow", "great-expectations")
"""The packages on whose versions a run's bytes depend."""


@dataclass(frozen=True)
class Delivery:
    """One file that a supplier sent: rows are those below its header, size is in bytes."""

    extract: str
    file: str
    sha256: str
    rows: int
    size: int

    def __post_init__(self) -> None:
        if self.extract not in EXTRACTS:
            raise ValueError(f"{self.extract} is no extract")


@dataclass(frozen=True)
class Manifest:
    """One run: the deliveries that it read, what it read them with, and each file that it wrote with its digest.

    `pseudonyms` says how they were made: the id of the key, never the key.
    """

    run: str
    as_at: date
    engine: str
    versions: Mapping[str, str]
    inputs: Sequence[Delivery]
    outputs: Mapping[str, str]
    pseudonyms: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The manifest as JSON: keys and deliveries in order, whatever order they came in."""
        inputs = sorted((asdict(delivery) for delivery in self.inputs), key=lambda d: (d["extract"], d["file"]))
        return json.dumps({**vars(self), "as_at": str(self.as_at), "inputs": inputs}, ensure_ascii=False, indent=2, sort_keys=True, default=dict) + "\n"


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write the manifest into a folder; gives back its path."""
    path = folder / FILE
    path.write_text(manifest.text(), encoding="utf-8")
    return path


def digest(file: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; the file is read in pieces."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Path below the folder to digest, for every file in it, in order of path."""
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def versions() -> dict[str, str]:
    """Versions of the code and of what it stands on, and a digest of all definitions together."""
    definitions = digests(Path(str(files("bcf_linkage.definitions"))))
    read = {path: sha256 for path, sha256 in definitions.items() if not path.endswith(".pyc")}
    return {**{name: version(name) for name in PACKAGES}, "definitions": hashlib.sha256(json.dumps(read).encode()).hexdigest()}

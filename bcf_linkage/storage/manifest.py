"""The manifest of a run: its inputs and outputs by digest. It holds no time, so the same run writes the same manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from bcf_linkage.definitions.extracts import EXTRACTS

MANIFEST_FILE = "manifest.json"
PACKAGES = ("bcf-linkage", "narwhals", "polars", "duckdb", "pyarrow", "great-expectations")
"""The packages whose versions decide the bytes that a run writes."""


@dataclass(frozen=True)
class ManifestInput:
    """One delivery: `rows` are those below its header, `size` is in bytes. Raises ValueError for an unknown extract."""

    extract: str
    file: str
    sha256: str
    rows: int
    size: int

    def __post_init__(self) -> None:
        if self.extract not in EXTRACTS:
            raise ValueError(f"unknown extract {self.extract}")


@dataclass(frozen=True)
class Manifest:
    """One run: the deliveries that it read, the versions of the software, and each file that it wrote with its digest.

    `pseudonyms` describes how pseudonyms were made: it names the id of the key, never the key.
    """

    run: str
    as_at: date
    engine: str
    versions: Mapping[str, str]
    inputs: Sequence[ManifestInput]
    outputs: Mapping[str, str]
    pseudonyms: Mapping[str, str | int] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the manifest as JSON text, with keys and deliveries sorted."""
        inputs = sorted((asdict(delivery) for delivery in self.inputs), key=lambda d: (d["extract"], d["file"]))
        return json.dumps({**vars(self), "as_at": str(self.as_at), "inputs": inputs}, ensure_ascii=False, indent=2, sort_keys=True, default=dict) + "\n"


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write the manifest to a folder. Return its path."""
    path = folder / MANIFEST_FILE
    path.write_text(manifest.as_json(), encoding="utf-8")
    return path


def digest(file: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal. The file is read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file in a folder by its path below the folder, in order of path."""
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def versions() -> dict[str, str]:
    """Return the versions of `PACKAGES`, and one digest of all definitions."""
    definitions = digests(Path(str(files("bcf_linkage.definitions"))))
    definition_files = {path: sha256 for path, sha256 in definitions.items() if not path.endswith(".pyc")}
    return {**{name: version(name) for name in PACKAGES}, "definitions": hashlib.sha256(json.dumps(definition_files).encode()).hexdigest()}

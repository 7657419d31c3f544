"""Lists that name a source's clients, sealed in the vault: one file per source and run, or per answer of the Master Person Service."""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.identifiable.vault.sealed_files import SEALED_SUFFIX, read_label, seal, unseal
from bcf_linkage.identifiable.vault.vault import Vault


class SourceListKind(StrEnum):
    """The kind of a list; the value is the name of its folder."""

    WORK_LISTS = "work_lists"  # what a run found about the source's NHS numbers
    REQUESTS = "trace_requests"  # people whom a run did not find, as requests to the Master Person Service
    ASKED = "trace_asked"  # people in the last request
    REVIEW_PAIRS = "clerical_pairs"  # links of a run for clerical review
    ANSWERS = "trace_answers"  # people whose number it found


RUN_LISTS = (SourceListKind.WORK_LISTS, SourceListKind.REQUESTS, SourceListKind.REVIEW_PAIRS)
"""Lists that each run writes, named after it."""

NO_ANSWERS = pl.DataFrame(schema={"identity": pl.String, "national_number": pl.String})


def source_list_folder(vault: Vault, kind: SourceListKind, extract: str) -> Path:
    """Return the folder of a source's lists of one kind."""
    return vault.folder / kind / extract


def source_list_files(vault: Vault) -> tuple[Path, ...]:
    """Return the paths of all kept lists."""
    return tuple(file for kind in SourceListKind for file in sorted((vault.folder / kind).glob(f"*/*{SEALED_SUFFIX}")))


def source_list_names(vault: Vault, kind: SourceListKind, extract: str) -> tuple[str, ...]:
    """Return the names of a source's lists of one kind, in order."""
    return tuple(sorted(file.name.removesuffix(SEALED_SUFFIX) for file in source_list_folder(vault, kind, extract).glob(f"*{SEALED_SUFFIX}")))


def write_source_list(vault: Vault, kind: SourceListKind, extract: str, name: str, rows: pl.DataFrame) -> Path:
    """Write a list, sealed under the current register key. Raises EnvironmentFault."""
    buffer, file = io.BytesIO(), _list_file(vault, kind, extract, name)
    rows.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    seal(file, vault.current_key(KeyPurpose.REGISTER), {"kind": kind, "name": f"{extract}/{name}", "rows": str(len(rows))}, buffer.getvalue())
    return file


def read_source_list(vault: Vault, kind: SourceListKind, extract: str, name: str) -> pl.DataFrame:
    """Read a list. Raises UsageError if there is none, EnvironmentFault if it was changed."""
    file = _list_file(vault, kind, extract, name)
    _, content = unseal(file, vault.key(read_label(file).get("key", "")), kind, f"{extract}/{name}")
    return pl.read_parquet(io.BytesIO(content))


def read_mps_answers(vault: Vault, extract: str) -> pl.DataFrame:
    """Read all answers of the Master Person Service about a source, the newest per identity: `identity` and `national_number`, in order."""
    answers = [read_source_list(vault, SourceListKind.ANSWERS, extract, name) for name in source_list_names(vault, SourceListKind.ANSWERS, extract)]
    return pl.concat([NO_ANSWERS, *answers]).unique("identity", keep="last", maintain_order=True).sort("identity")


def remove_source_list(vault: Vault, kind: SourceListKind, extract: str, name: str) -> None:
    """Remove a list."""
    _list_file(vault, kind, extract, name).unlink(missing_ok=True)


def _list_file(vault: Vault, kind: SourceListKind, extract: str, name: str) -> Path:
    return source_list_folder(vault, kind, extract) / f"{name}{SEALED_SUFFIX}"

"""The work-lists of a run, one for each source, sealed in the vault until the source is given its own."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import SUFFIX, label_of, seal, unseal

KIND = "work-list"


def work_list_files(vault: Vault) -> tuple[Path, ...]:
    """Every work-list that is kept."""
    return tuple(sorted((vault.folder / "work_lists").glob(f"*/*{SUFFIX}")))


def write_work_list(vault: Vault, run: str, extract: str, rows: pl.DataFrame) -> Path:
    """Keep the work-list of a source. Raises EnvironmentRefused."""
    packed, file = io.BytesIO(), _file(vault, run, extract)
    rows.write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
    seal(file, vault.current(Purpose.REGISTER), {"kind": KIND, "name": _name(run, extract), "rows": str(len(rows))}, packed.getvalue())
    return file


def read_work_list(vault: Vault, run: str, extract: str) -> pl.DataFrame:
    """The work-list of a source. Raises RequestRefused if there is none, EnvironmentRefused if it is not as it was sealed."""
    file = _file(vault, run, extract)
    _, content = unseal(file, vault.key(label_of(file).get("key", "")), KIND, _name(run, extract))
    return pl.read_parquet(io.BytesIO(content))


def _file(vault: Vault, run: str, extract: str) -> Path:
    return vault.folder / "work_lists" / extract / f"{run}{SUFFIX}"


def _name(run: str, extract: str) -> str:
    return f"{run}/{extract}"

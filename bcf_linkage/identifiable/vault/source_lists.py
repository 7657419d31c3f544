"""Lists that name a source's own clients, sealed in the vault: one file for each source and run, or each answer that came from outside."""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path

import polars as pl

from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import SUFFIX, label_of, seal, unseal


class Listed(StrEnum):
    """What a list holds, by the name of its folder."""

    WORK = "work_lists"  # what a run found of the source's numbers
    REQUESTS = "trace_requests"  # whom a run did not find, as the national service would be asked about them
    ASKED = "trace_asked"  # whom the national service was last asked about
    PAIRS = "clerical_pairs"  # links of a run for a person to read
    ANSWERS = "trace_answers"  # whose numbers it has found


OF_RUNS = (Listed.WORK, Listed.REQUESTS, Listed.PAIRS)
"""Lists that each run writes, named after it."""

NO_ANSWERS = pl.DataFrame(schema={"identity": pl.String, "national_number": pl.String})


def list_folder(vault: Vault, listed: Listed, extract: str) -> Path:
    """Where the lists of one source lie."""
    return vault.folder / listed / extract


def source_list_files(vault: Vault) -> tuple[Path, ...]:
    """Every list that is kept."""
    return tuple(file for listed in Listed for file in sorted((vault.folder / listed).glob(f"*/*{SUFFIX}")))


def lists_of(vault: Vault, listed: Listed, extract: str) -> tuple[str, ...]:
    """The names of a source's lists, in order."""
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in list_folder(vault, listed, extract).glob(f"*{SUFFIX}")))


def write_list(vault: Vault, listed: Listed, extract: str, name: str, rows: pl.DataFrame) -> Path:
    """Keep a list. Raises EnvironmentRefused."""
    packed, file = io.BytesIO(), _file(vault, listed, extract, name)
    rows.write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
    seal(file, vault.current(Purpose.REGISTER), {"kind": listed, "name": f"{extract}/{name}", "rows": str(len(rows))}, packed.getvalue())
    return file


def read_list(vault: Vault, listed: Listed, extract: str, name: str) -> pl.DataFrame:
    """A list. Raises RequestRefused if there is none, EnvironmentRefused if it is not as it was sealed."""
    file = _file(vault, listed, extract, name)
    _, content = unseal(file, vault.key(label_of(file).get("key", "")), listed, f"{extract}/{name}")
    return pl.read_parquet(io.BytesIO(content))


def answers_in(vault: Vault, extract: str) -> pl.DataFrame:
    """All that the national service answered about a source's people, the newest of each: `identity` and `national_number`, in order."""
    kept = [read_list(vault, Listed.ANSWERS, extract, name) for name in lists_of(vault, Listed.ANSWERS, extract)]
    return pl.concat([NO_ANSWERS, *kept]).unique("identity", keep="last", maintain_order=True).sort("identity")


def forget_list(vault: Vault, listed: Listed, extract: str, name: str) -> None:
    """Remove a list."""
    _file(vault, listed, extract, name).unlink(missing_ok=True)


def _file(vault: Vault, listed: Listed, extract: str, name: str) -> Path:
    return list_folder(vault, listed, extract) / f"{name}{SUFFIX}"

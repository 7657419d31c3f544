"""The re-identification register: which NHS number stands behind a pseudonym, and with which practice its person is registered.

One for each run, sealed under a key of its own. It holds the people registered on the as-at date and nobody else.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.key import Key
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import SUFFIX, label_of, seal, unseal

KIND = "register"
COLUMNS = ("person", "nhs_number", "practice_code")


def register_file(vault: Vault, run: str) -> Path:
    """Where the register of a run lies."""
    return vault.folder / "register" / f"{run}{SUFFIX}"


def register_files(vault: Vault) -> tuple[Path, ...]:
    """Every register that is kept."""
    return tuple(sorted((vault.folder / "register").glob(f"*{SUFFIX}")))


def write_register(vault: Vault, run: str, pseudonyms: Key, people: pl.DataFrame) -> Path:
    """One row per registered person, with the columns `COLUMNS` -> the run's register. Raises EnvironmentRefused."""
    packed = io.BytesIO()
    people.select(COLUMNS).write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
    file = register_file(vault, run)
    label = {"kind": KIND, "name": run, "pseudonyms": pseudonyms.name, "people": str(len(people))}
    seal(file, vault.current(Purpose.REGISTER), label, packed.getvalue())
    return file


def read_register(vault: Vault, run: str) -> pl.DataFrame:
    """The register of a run. Raises RequestRefused if there is none, EnvironmentRefused if it is not as it was sealed."""
    file = register_file(vault, run)
    _, content = unseal(file, vault.key(label_of(file).get("key", "")), KIND, run)
    return pl.read_parquet(io.BytesIO(content), columns=list(COLUMNS))

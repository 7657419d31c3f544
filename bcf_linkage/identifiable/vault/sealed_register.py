"""The re-identification register: the NHS number and the GP practice of each pseudonym.

There is one per run, sealed under the register key. It has the people registered on the as-at date and nobody else.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.identifiable.vault.sealed_files import SEALED_SUFFIX, read_label, seal, unseal
from bcf_linkage.identifiable.vault.vault import Vault

KIND, NUMBERS_KIND = "register", "noted"
COLUMNS = ("person", "nhs_number", "practice_code")


def register_file(vault: Vault, run: str) -> Path:
    """Return the path of the register of a run."""
    return vault.folder / "register" / f"{run}{SEALED_SUFFIX}"


def register_files(vault: Vault) -> tuple[Path, ...]:
    """Return the paths of all kept registers."""
    return tuple(sorted((vault.folder / "register").glob(f"*{SEALED_SUFFIX}")))


def write_register(vault: Vault, run: str, pseudonyms: str, people: pl.DataFrame) -> Path:
    """Write the register of a run, sealed: one row per registered person, with `COLUMNS`. Raises EnvironmentFault.

    `pseudonyms` is the id of the key of the pseudonyms, which goes into the label.
    """
    file = register_file(vault, run)
    label = {"kind": KIND, "name": run, "pseudonyms": pseudonyms, "people": str(len(people))}
    seal(file, vault.current_key(KeyPurpose.REGISTER), label, _as_parquet(people.select(COLUMNS)))
    return file


def read_register(vault: Vault, run: str) -> pl.DataFrame:
    """Read the register of a run. Raises UsageError if there is none, EnvironmentFault if it was changed."""
    return _read_sealed(vault, register_file(vault, run), KIND, run)


def write_register_numbers(vault: Vault, run: str, people: pl.DataFrame) -> None:
    """Write `person` and `nhs_number` of all people on the GP register, sealed, until the run knows who is registered with which practice.

    Remove what an interrupted run left here.
    """
    shutil.rmtree(_numbers_file(vault, run).parent, ignore_errors=True)
    seal(_numbers_file(vault, run), vault.current_key(KeyPurpose.REGISTER), {"kind": NUMBERS_KIND, "name": run}, _as_parquet(people.select(COLUMNS[:2])))


def read_register_numbers(vault: Vault, run: str) -> pl.DataFrame:
    """Read what `write_register_numbers` wrote. Raises the same errors as `read_register`."""
    return _read_sealed(vault, _numbers_file(vault, run), NUMBERS_KIND, run)


def remove_register_numbers(vault: Vault, run: str) -> None:
    """Remove what `write_register_numbers` wrote."""
    shutil.rmtree(_numbers_file(vault, run).parent, ignore_errors=True)


def _numbers_file(vault: Vault, run: str) -> Path:
    return vault.folder / "register" / NUMBERS_KIND / f"{run}{SEALED_SUFFIX}"


def _as_parquet(people: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    people.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    return buffer.getvalue()


def _read_sealed(vault: Vault, file: Path, kind: str, run: str) -> pl.DataFrame:
    _, content = unseal(file, vault.key(read_label(file).get("key", "")), kind, run)
    return pl.read_parquet(io.BytesIO(content))

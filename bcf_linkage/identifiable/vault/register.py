"""The re-identification register: which NHS number stands behind a pseudonym, and with which practice its person is registered.

One for each run, sealed under a key of its own. It holds the people registered on the as-at date and nobody else.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import polars as pl

from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import SUFFIX, label_of, seal, unseal

KIND, NOTED = "register", "noted"
COLUMNS = ("person", "nhs_number", "practice_code")


def register_file(vault: Vault, run: str) -> Path:
    """Where the register of a run lies."""
    return vault.folder / "register" / f"{run}{SUFFIX}"


def register_files(vault: Vault) -> tuple[Path, ...]:
    """Every register that is kept."""
    return tuple(sorted((vault.folder / "register").glob(f"*{SUFFIX}")))


def write_register(vault: Vault, run: str, pseudonyms: str, people: pl.DataFrame) -> Path:
    """One row per registered person, with the columns `COLUMNS` -> the run's register, which names the key of its pseudonyms. Raises EnvironmentRefused."""
    file = register_file(vault, run)
    label = {"kind": KIND, "name": run, "pseudonyms": pseudonyms, "people": str(len(people))}
    seal(file, vault.current(Purpose.REGISTER), label, _packed(people.select(COLUMNS)))
    return file


def read_register(vault: Vault, run: str) -> pl.DataFrame:
    """The register of a run. Raises RequestRefused if there is none, EnvironmentRefused if it is not as it was sealed."""
    return _read(vault, register_file(vault, run), KIND, run)


def note_numbers(vault: Vault, run: str, people: pl.DataFrame) -> None:
    """Keep `person` and `nhs_number` of everybody on the GP register, sealed, until it is known who is registered where.

    What a run left here that was stopped is cleared away.
    """
    shutil.rmtree(_noted(vault, run).parent, ignore_errors=True)
    seal(_noted(vault, run), vault.current(Purpose.REGISTER), {"kind": NOTED, "name": run}, _packed(people.select(COLUMNS[:2])))


def noted_numbers(vault: Vault, run: str) -> pl.DataFrame:
    """What `note_numbers` kept. Raises as `read_register` does."""
    return _read(vault, _noted(vault, run), NOTED, run)


def forget_numbers(vault: Vault, run: str) -> None:
    """Remove what `note_numbers` kept."""
    shutil.rmtree(_noted(vault, run).parent, ignore_errors=True)


def _noted(vault: Vault, run: str) -> Path:
    return vault.folder / "register" / NOTED / f"{run}{SUFFIX}"


def _packed(people: pl.DataFrame) -> bytes:
    packed = io.BytesIO()
    people.write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
    return packed.getvalue()


def _read(vault: Vault, file: Path, kind: str, run: str) -> pl.DataFrame:
    _, content = unseal(file, vault.key(label_of(file).get("key", "")), kind, run)
    return pl.read_parquet(io.BytesIO(content))

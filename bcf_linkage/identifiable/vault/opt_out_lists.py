"""Lists of who was asked about and who objects, sealed in the vault. None of it ever stands beside a person's record."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import SUFFIX, Label, label_of, seal, unseal

KIND = "opt-outs"
ASKED = "asked"
"""The list of who was last asked about; it goes when the answer comes."""

LISTS = (ASKED, str(Objection.NATIONAL), str(Objection.LOCAL))


@dataclass(frozen=True)
class KeptList:
    """One row per `number`, with `objects`, and the moment that the list speaks of: of an answer, when it was asked."""

    numbers: pl.DataFrame
    since: datetime


def list_file(vault: Vault, name: str) -> Path:
    """Where a list lies."""
    return vault.folder / "opt_outs" / f"{name}{SUFFIX}"


def list_files(vault: Vault) -> tuple[Path, ...]:
    """Every list that is kept."""
    return tuple(file for name in LISTS if (file := list_file(vault, name)).exists())


def keep_list(vault: Vault, name: str, kept: KeptList) -> Path:
    """Keep a list in place of the one before it. Raises EnvironmentRefused."""
    packed, file = io.BytesIO(), list_file(vault, name)
    kept.numbers.select("number", "objects").write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
    label = {"kind": KIND, "name": name, "since": kept.since.isoformat(), "numbers": str(len(kept.numbers))}
    seal(file, vault.current(Purpose.REGISTER), label, packed.getvalue())
    return file


def kept_list(vault: Vault, name: str) -> KeptList | None:
    """A list, if there is one. Raises EnvironmentRefused if it is not as it was sealed."""
    file = list_file(vault, name)
    if not file.exists():
        return None
    label, content = unseal(file, vault.key(label_of(file).get("key", "")), KIND, name)
    return KeptList(pl.read_parquet(io.BytesIO(content)), _since(file, label))


def objecting(vault: Vault, objections: Collection[Objection]) -> pl.DataFrame:
    """`number` and `objection` of everybody who objects by a list, for these objections, in order. Raises EnvironmentRefused."""
    kept = {name: found.numbers for name in Objection if name in objections and (found := kept_list(vault, name))}
    told = (numbers.filter("objects").select("number", objection=pl.lit(str(name))).sort("number") for name, numbers in kept.items())
    return pl.concat([pl.DataFrame(schema={"number": pl.String, "objection": pl.String}), *told])


def kept_since(vault: Vault, name: str) -> datetime | None:
    """The moment that a list says it speaks of, if there is one; nothing vouches for it until the list is opened. Raises EnvironmentRefused."""
    file = list_file(vault, name)
    return _since(file, label_of(file)) if file.exists() else None


def forget_list(vault: Vault, name: str) -> None:
    """Remove a list."""
    list_file(vault, name).unlink(missing_ok=True)


def _since(file: Path, label: Label) -> datetime:
    try:
        return datetime.fromisoformat(label["since"]).astimezone(UTC)
    except (KeyError, ValueError):
        raise EnvironmentRefused(f"{file}: does not say which day it speaks of; import the list again") from None

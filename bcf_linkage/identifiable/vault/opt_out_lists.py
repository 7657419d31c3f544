"""Lists of people asked about and people who object, sealed in the vault. They are never stored with a person's record."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.identifiable.vault.sealed_files import SEALED_SUFFIX, Label, read_label, seal, unseal
from bcf_linkage.identifiable.vault.vault import Vault

KIND = "opt-outs"
ASKED_LIST = "asked"
"""The list of people last asked about. It is removed when the answer is imported."""

LISTS = (ASKED_LIST, str(Objection.NATIONAL), str(Objection.LOCAL))


@dataclass(frozen=True)
class SealedOptOutList:
    """One row per `number`, with `objects`, and the moment at which the list is true: for an answer, when the question was asked."""

    numbers: pl.DataFrame
    as_of: datetime


def opt_out_list_file(vault: Vault, name: str) -> Path:
    """Return the path of a list."""
    return vault.folder / "opt_outs" / f"{name}{SEALED_SUFFIX}"


def opt_out_list_files(vault: Vault) -> tuple[Path, ...]:
    """Return the paths of all kept lists."""
    return tuple(file for name in LISTS if (file := opt_out_list_file(vault, name)).exists())


def write_opt_out_list(vault: Vault, name: str, opt_out_list: SealedOptOutList) -> Path:
    """Write a list, sealed, in place of the one before it. Raises EnvironmentFault."""
    buffer, file = io.BytesIO(), opt_out_list_file(vault, name)
    opt_out_list.numbers.select("number", "objects").write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    label = {"kind": KIND, "name": name, "since": opt_out_list.as_of.isoformat(), "numbers": str(len(opt_out_list.numbers))}
    seal(file, vault.current_key(KeyPurpose.REGISTER), label, buffer.getvalue())
    return file


def read_opt_out_list(vault: Vault, name: str) -> SealedOptOutList | None:
    """Read a list, None if there is none. Raises EnvironmentFault if it was changed."""
    file = opt_out_list_file(vault, name)
    if not file.exists():
        return None
    label, content = unseal(file, vault.key(read_label(file).get("key", "")), KIND, name)
    return SealedOptOutList(pl.read_parquet(io.BytesIO(content)), _parse_as_of(file, label))


def read_objectors(vault: Vault, objections: Collection[Objection]) -> pl.DataFrame:
    """Read `number` and `objection` of all people who object by a list, for these objections, in order. Raises EnvironmentFault."""
    numbers_by_list = {name: opt_out_list.numbers for name in Objection if name in objections and (opt_out_list := read_opt_out_list(vault, name))}
    objectors = (numbers.filter("objects").select("number", objection=pl.lit(str(name))).sort("number") for name, numbers in numbers_by_list.items())
    return pl.concat([pl.DataFrame(schema={"number": pl.String, "objection": pl.String}), *objectors])


def read_as_of(vault: Vault, name: str) -> datetime | None:
    """Read the moment at which a list is true, None if there is no list. It is not authenticated until the list is read. Raises EnvironmentFault."""
    file = opt_out_list_file(vault, name)
    return _parse_as_of(file, read_label(file)) if file.exists() else None


def remove_opt_out_list(vault: Vault, name: str) -> None:
    """Remove a list."""
    opt_out_list_file(vault, name).unlink(missing_ok=True)


def _parse_as_of(file: Path, label: Label) -> datetime:
    try:
        return datetime.fromisoformat(label["since"]).astimezone(UTC)
    except (KeyError, ValueError):
        raise EnvironmentFault(f"{file}: has no valid date in its label; import the list again") from None

"""The bridge between two pseudonym keys: each person's pseudonym under the older and under the newer key. It exists only in the vault, sealed.

It is built from the re-identification registers, so it has every person whom a kept run found registered. A person in none of them (seen
but not registered, or without a usable NHS number) gets a new pseudonym that cannot be joined to the old one.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.keys import KeyPurpose
from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, make_tokens
from bcf_linkage.identifiable.vault.key import Key
from bcf_linkage.identifiable.vault.sealed_files import SEALED_SUFFIX, read_label, seal, unseal
from bcf_linkage.identifiable.vault.sealed_register import read_register, register_files
from bcf_linkage.identifiable.vault.vault import Vault

KIND = "bridge"
COLUMNS = ("before", "after")


def bridge_file(vault: Vault, before: str, after: str) -> Path:
    """Return the path of the bridge from one key to another."""
    return vault.folder / "bridges" / f"{before}-to-{after}{SEALED_SUFFIX}"


def bridge_files(vault: Vault) -> tuple[Path, ...]:
    """Return the paths of all kept bridges."""
    return tuple(sorted((vault.folder / "bridges").glob(f"*{SEALED_SUFFIX}")))


def newer_key_id(bridge: Path) -> str:
    """Return the id of the newer key of a kept bridge."""
    return bridge.name.removesuffix(SEALED_SUFFIX).rpartition("-to-")[2]


def build_bridge(vault: Vault, before: Key, after: Key) -> pl.DataFrame:
    """Build the bridge from all kept registers under the older key: one row per person, `before` and `after`, in order of `before`."""
    runs = [file.name.removesuffix(SEALED_SUFFIX) for file in register_files(vault) if read_label(file).get("pseudonyms") == before.name]
    if not runs:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    people = pl.concat([read_register(vault, run).select("person", "nhs_number") for run in runs]).unique("person").sort("person")
    return people.select(pl.col("person").alias("before"), pl.Series("after", make_tokens(after, PERSON_DOMAIN, people["nhs_number"]), dtype=pl.String))


def write_bridge(vault: Vault, before: str, after: str, pairs: pl.DataFrame) -> Path:
    """Write a bridge, sealed under the current register key. Raises EnvironmentFault."""
    buffer, file = io.BytesIO(), bridge_file(vault, before, after)
    pairs.select(COLUMNS).write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    label = {"kind": KIND, "name": f"{before}-to-{after}", "people": str(len(pairs))}
    seal(file, vault.current_key(KeyPurpose.REGISTER), label, buffer.getvalue())
    return file


def read_bridge(vault: Vault, before: str, after: str) -> pl.DataFrame:
    """Read a bridge: one row per person, `before` and `after`. Raises UsageError if there is none, EnvironmentFault if it was changed."""
    file = bridge_file(vault, before, after)
    _, content = unseal(file, vault.key(read_label(file).get("key", "")), KIND, f"{before}-to-{after}")
    return pl.read_parquet(io.BytesIO(content), columns=list(COLUMNS))


def translate_pseudonyms(people: pl.Series, bridge: pl.DataFrame) -> pl.Series:
    """Translate pseudonyms from the older key to the newer, null for a person who is not in the bridge. Order is kept.

    Raises UsageError if none is in the bridge: then the pseudonyms are of another key, or of another project.
    """
    translated = people.to_frame("before").join(bridge, on="before", how="left", maintain_order="left")["after"]
    if people.count() and not translated.count():
        raise UsageError("none of the pseudonyms was made under the older key; name the table of a run before the rotation")
    return translated.alias(people.name)

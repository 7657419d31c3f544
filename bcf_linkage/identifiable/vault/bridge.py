"""The bridge between two keys: which pseudonym under the older is which under the newer. It exists in the vault alone, sealed.

It is made from the registers, and so spans everybody whom a kept run has found registered. Whoever is in none of them (seen by a
service and not registered, or without a number that can be trusted) gets a new pseudonym that nothing ties to the old one.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.pseudonymise import PERSON, tokens
from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.key import Key
from bcf_linkage.identifiable.vault.register import read_register, register_files
from bcf_linkage.identifiable.vault.ring import Purpose
from bcf_linkage.identifiable.vault.sealed import SUFFIX, label_of, seal, unseal

KIND = "bridge"
COLUMNS = ("before", "after")


def bridge_file(vault: Vault, before: str, after: str) -> Path:
    """Where the bridge from one key to another lies."""
    return vault.folder / "bridges" / f"{before}-to-{after}{SUFFIX}"


def bridge_files(vault: Vault) -> tuple[Path, ...]:
    """Every bridge that is kept."""
    return tuple(sorted((vault.folder / "bridges").glob(f"*{SUFFIX}")))


def leads_to(bridge: Path) -> str:
    """The id of the newer key of a kept bridge."""
    return bridge.name.removesuffix(SUFFIX).rpartition("-to-")[2]


def bridged(vault: Vault, before: Key, after: Key) -> pl.DataFrame:
    """All kept registers whose pseudonyms the older key made -> one row per person, `before` and `after`, in order of the older pseudonym."""
    runs = [file.name.removesuffix(SUFFIX) for file in register_files(vault) if label_of(file).get("pseudonyms") == before.name]
    if not runs:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    people = pl.concat([read_register(vault, run).select("person", "nhs_number") for run in runs]).unique("person").sort("person")
    return people.select(pl.col("person").alias("before"), pl.Series("after", tokens(after, PERSON, people["nhs_number"]), dtype=pl.String))


def write_bridge(vault: Vault, before: str, after: str, pairs: pl.DataFrame) -> Path:
    """Keep a bridge, sealed. Raises EnvironmentRefused."""
    packed, file = io.BytesIO(), bridge_file(vault, before, after)
    pairs.select(COLUMNS).write_parquet(packed, compression="zstd", compression_level=1, statistics=False)
    label = {"kind": KIND, "name": f"{before}-to-{after}", "people": str(len(pairs))}
    seal(file, vault.current(Purpose.REGISTER), label, packed.getvalue())
    return file


def read_bridge(vault: Vault, before: str, after: str) -> pl.DataFrame:
    """A bridge. Raises RequestRefused if there is none, EnvironmentRefused if it is not as it was sealed."""
    file = bridge_file(vault, before, after)
    _, content = unseal(file, vault.key(label_of(file).get("key", "")), KIND, f"{before}-to-{after}")
    return pl.read_parquet(io.BytesIO(content), columns=list(COLUMNS))


def carried(people: pl.Series, bridge: pl.DataFrame) -> pl.Series:
    """Pseudonyms under the older key -> those under the newer, null for whom the bridge does not span.

    Raises RequestRefused where it spans none at all: those are pseudonyms of another key, or of another project.
    """
    found = people.to_frame("before").join(bridge, on="before", how="left", maintain_order="left")["after"]
    if people.count() and not found.count():
        raise RequestRefused("none of the pseudonyms was made under the older key; name the table of a run before the rotation")
    return found.alias(people.name)

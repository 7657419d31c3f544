"""`bcf keys`: make, rotate and retire a workspace's keys. The audit log records each step. No key is ever shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.json_values import JsonValue
from bcf_linkage.identifiable.pseudonymisation import make_tokens
from bcf_linkage.identifiable.vault import KeyEntry, KeyPurpose
from bcf_linkage.identifiable.vault.bridge import build_bridge, read_bridge, translate_pseudonyms, write_bridge
from bcf_linkage.identifiable.vault.reseal import refuse_key_in_use, reseal
from bcf_linkage.storage.engine import PSEUDONYM_KEY_METADATA, PolarsEngine
from pipelines.workspace.audit_log import EventKind
from pipelines.workspace.key_access import pseudonym_method, vault_of, workspace_project_key
from pipelines.workspace.locked_session import locked_session
from pipelines.workspace.settings import read_settings

KNOWN_ANSWER = ("known answer", "bcf-linkage")
"""A domain and a value. The domain is used for nothing else and the value is no identifier, so its pseudonym reveals nothing about others."""


@dataclass(frozen=True)
class Rotation:
    """The result of a rotation: the new key, the number of people in the bridge, and the number of files that were sealed again."""

    entry: KeyEntry
    people_bridged: int
    files_resealed: int


@dataclass(frozen=True)
class CarriedTable:
    """A table under the current key: its path, its rows, and the rows whose pseudonym no bridge translates."""

    path: Path
    rows: int
    rows_without_bridge: int


def create_key(workspace: Path, purpose: KeyPurpose, why: str) -> KeyEntry:
    """Make the first key of a purpose, or register the key that its custodian provides. Raises BcfError."""
    with locked_session(workspace, EventKind.KEY_MADE_REFUSED, why) as (_, _, vault, event, _):
        entry = vault.create_key(purpose, datetime.now(UTC))
        event.record(EventKind.KEY_MADE, key=entry.id)
        return entry


def rotate_key(workspace: Path, purpose: KeyPurpose, why: str, with_bridge: bool = True) -> Rotation:
    """Replace the current key of a purpose with a new one. Raises BcfError; then the old key stays in use.

    For pseudonyms, write a bridge from the old pseudonyms to the new ones first, so that history can be carried over. For the register,
    seal every file of the old key again under the new one.
    """
    with locked_session(workspace, EventKind.KEY_ROTATED_REFUSED, why) as (_, settings, vault, event, _):
        old_key = vault.current_key(purpose)
        new_key, people_bridged, files_resealed = vault.prepare_key(purpose), 0, 0
        if purpose is KeyPurpose.PSEUDONYM and with_bridge:
            pairs = build_bridge(vault, old_key, workspace_project_key(new_key, settings))
            write_bridge(vault, old_key.name, new_key.name, pairs)
            people_bridged = len(pairs)
        entry = vault.activate_key(purpose, datetime.now(UTC))
        if purpose is KeyPurpose.REGISTER:
            files_resealed = reseal(vault)
        event.record(EventKind.KEY_ROTATED, key=entry.id, counts={"people bridged": people_bridged, "files sealed anew": files_resealed})
        return Rotation(entry, people_bridged, files_resealed)


def retire_key(workspace: Path, key_id: str, why: str) -> KeyEntry:
    """Retire a rotated key, so that it is never used again. Destroy it if it is a file of the vault. Raises BcfError."""
    with locked_session(workspace, EventKind.KEY_RETIRED_REFUSED, why) as (_, _, vault, event, _):
        refuse_key_in_use(vault, vault.ring.entry(key_id).id)
        entry = vault.retire_key(key_id, datetime.now(UTC))
        event.record(EventKind.KEY_RETIRED, key=entry.id)
        return entry


def carry_table_over(workspace: Path, table: Path, out: Path, why: str) -> CarriedTable:
    """Translate the pseudonyms of a table of an older key to the current key, and write it to `out`; one row per row. Raises BcfError.

    The table's metadata name its key. A row whose pseudonym no bridge translates keeps all columns but its pseudonym, which is null.
    """
    with locked_session(workspace, EventKind.HISTORY_CARRIED_OVER_REFUSED, why) as (_, _, vault, event, _):
        frame, table_key = _read_pseudonymised_table(table)
        if out.exists():
            raise UsageError(f"{out}: already exists; choose another name")
        current_key = vault.current_entry(KeyPurpose.PSEUDONYM)
        people = frame["person"]
        for version in range(vault.ring.entry(table_key).version, current_key.version):
            people = translate_pseudonyms(people, read_bridge(vault, f"{KeyPurpose.PSEUDONYM}-{version}", f"{KeyPurpose.PSEUDONYM}-{version + 1}"))
        PolarsEngine(current_key.id).write(nw.from_native(frame.with_columns(people).lazy()), out)
        carried_table = CarriedTable(out, len(frame), people.null_count() - frame["person"].null_count())
        event.record(
            EventKind.HISTORY_CARRIED_OVER,
            key=current_key.id,
            inputs={table.name: table_key},
            counts={"rows": carried_table.rows, "without": carried_table.rows_without_bridge},
        )
        return carried_table


def list_keys(workspace: Path) -> list[dict[str, str]]:
    """Return one row per key, retired keys included: id, state, dates and fingerprint, none of them secret. Raises BcfError."""
    vault = vault_of(workspace, read_settings(workspace))
    return [{"key": entry.id, "state": str(entry.state), **_dates(entry), "fingerprint": entry.fingerprint} for entry in vault.ring.entries]


def public_key_details(workspace: Path) -> dict[str, JsonValue]:
    """Return how pseudonyms are made here, without any secret: enough to check a key, nothing to identify a person. Raises BcfError."""
    settings = read_settings(workspace)
    vault = vault_of(workspace, settings)
    domain, value = KNOWN_ANSWER
    (token,) = make_tokens(workspace_project_key(vault.current_key(KeyPurpose.PSEUDONYM), settings), domain, [value])
    return {
        "locality": settings.name,
        "pseudonyms": asdict(pseudonym_method(vault, settings)),
        "keys": list_keys(workspace),
        "known_answer": {"domain": domain, "value": value, "token": token},
    }


def _read_pseudonymised_table(path: Path) -> tuple[pl.DataFrame, str]:
    """Read a pseudonymised table and the id of the key of its pseudonyms. Raises UsageError."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
        frame = pl.read_parquet(path, glob=False)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError):
        raise UsageError(f"{path}: is not a readable Parquet file") from None
    if "person" not in frame.columns or PSEUDONYM_KEY_METADATA.encode() not in metadata:
        raise UsageError(f"{path}: is not a pseudonymised table of a run: it has no column person, or its metadata name no key")
    return frame, metadata[PSEUDONYM_KEY_METADATA.encode()].decode()


def _dates(entry: KeyEntry) -> dict[str, str]:
    return {name: f"{moment:%Y-%m-%d}" if (moment := getattr(entry, name)) else "" for name in ("created", "rotated", "retired")}

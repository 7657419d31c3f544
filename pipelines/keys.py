"""`bcf keys`: the life of a workspace's keys. Each turn of it is a line of the trail; no key is ever shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.pseudonymise import tokens
from bcf_linkage.identifiable.vault import Entry, Purpose, Vault
from bcf_linkage.identifiable.vault.bridge import bridged, carried, read_bridge, write_bridge
from bcf_linkage.identifiable.vault.resealing import refuse_while_needed, reseal
from bcf_linkage.storage.engine import PSEUDONYMS, PolarsEngine
from bcf_linkage.storage.store import Workspace, locked
from pipelines.custody import for_project, pseudonyms, vault_of
from pipelines.recording import Deed, refusal_recorded
from pipelines.settings import Settings, read_settings
from pipelines.summary import Row

KNOWN_ANSWER = ("known answer", "bcf-linkage")
"""A domain of its own and a value that is nobody's, so that its token tells nothing of any other."""


@dataclass(frozen=True)
class Turned:
    """What a rotation did: the new key, how many people the bridge spans, and how many files were sealed anew."""

    entry: Entry
    bridged: int
    resealed: int


@dataclass(frozen=True)
class Carried:
    """A table under the newer key: where it lies, its rows, and how many of them no bridge spans."""

    path: Path
    rows: int
    without: int


def new(workspace: Path, purpose: Purpose, why: str) -> Entry:
    """Make the first key of a purpose, or take the one that its custodian provides. Raises a Refusal."""
    with _at_work(workspace, "key made", why) as (vault, _, deed):
        entry = vault.new(purpose, datetime.now(UTC))
        deed.record("key made", key=entry.id)
        return entry


def rotate(workspace: Path, purpose: Purpose, why: str, with_bridge: bool = True) -> Turned:
    """Put a new key in the place of the one in use. Raises a Refusal, and then the old key stays in use.

    Of pseudonyms, a bridge is laid first, so that history can be carried over. Of the register, all that the old key sealed is
    sealed anew.
    """
    with _at_work(workspace, "key rotated", why) as (vault, settings, deed):
        before = vault.current(purpose)
        after, spanned, resealed = vault.prepare(purpose), 0, 0
        if purpose is Purpose.PSEUDONYM and with_bridge:
            pairs = bridged(vault, before, for_project(after, settings))
            write_bridge(vault, before.name, after.name, pairs)
            spanned = len(pairs)
        entry = vault.turn(purpose, datetime.now(UTC))
        if purpose is Purpose.REGISTER:
            resealed = reseal(vault)
        deed.record("key rotated", key=entry.id, counts={"people bridged": spanned, "files sealed anew": resealed})
        return Turned(entry, spanned, resealed)


def retire(workspace: Path, key_id: str, why: str) -> Entry:
    """Never use a rotated key again; one that the vault keeps in a file is destroyed. Raises a Refusal."""
    with _at_work(workspace, "key retired", why) as (vault, _, deed):
        refuse_while_needed(vault, vault.ring.entry(key_id).id)
        entry = vault.retire(key_id, datetime.now(UTC))
        deed.record("key retired", key=entry.id)
        return entry


def carry(workspace: Path, table: Path, out: Path, why: str) -> Carried:
    """Write a pseudonymised table of an older key anew under the key in use. Raises a Refusal.

    The table's metadata say which key it was made under. Rows of people whom no bridge spans keep all but their pseudonym.
    """
    with _at_work(workspace, "history carried over", why) as (vault, _, deed):
        frame, made_under = _table(table)
        if out.exists():
            raise RequestRefused(f"{out}: is there already; choose another name")
        newest = vault.current_entry(Purpose.PSEUDONYM)
        people = frame["person"]
        for version in range(vault.ring.entry(made_under).version, newest.version):
            people = carried(people, read_bridge(vault, f"{Purpose.PSEUDONYM}-{version}", f"{Purpose.PSEUDONYM}-{version + 1}"))
        PolarsEngine(newest.id).write(nw.from_native(frame.with_columns(people).lazy()), out)
        done = Carried(out, len(frame), people.null_count() - frame["person"].null_count())
        deed.record("history carried over", key=newest.id, inputs={table.name: made_under}, counts={"rows": done.rows, "without": done.without})
        return done


def listing(workspace: Path) -> list[Row]:
    """Every key that there is or has been: what anybody may know of it."""
    vault = vault_of(workspace, read_settings(workspace))
    return [{"key": entry.id, "state": str(entry.state), **_dates(entry), "fingerprint": entry.fingerprint} for entry in vault.ring.entries]


def public(workspace: Path) -> dict[str, Any]:
    """What may be told of how pseudonyms are made here: enough to check a key against, nothing to find a person with. Raises a Refusal."""
    settings = read_settings(workspace)
    vault = vault_of(workspace, settings)
    domain, value = KNOWN_ANSWER
    (token,) = tokens(for_project(vault.current(Purpose.PSEUDONYM), settings), domain, [value])
    return {
        "locality": settings.name,
        "pseudonyms": asdict(pseudonyms(vault, settings)),
        "keys": listing(workspace),
        "known_answer": {"domain": domain, "value": value, "token": token},
    }


@contextmanager
def _at_work(workspace: Path, what: str, why: str) -> Iterator[tuple[Vault, Settings, Deed]]:
    """The vault of a workspace that nobody else is at work in; whatever is refused is recorded."""
    settings, place = read_settings(workspace), Workspace(workspace)
    deed = Deed(place, what, why)
    with refusal_recorded(deed), locked(place):
        yield vault_of(workspace, settings), settings, deed


def _table(path: Path) -> tuple[pl.DataFrame, str]:
    """A pseudonymised table and the id of the key of its pseudonyms. Raises RequestRefused."""
    try:
        noted = pq.read_metadata(path).metadata or {}
        frame = pl.read_parquet(path, glob=False)
    except FileNotFoundError:
        raise RequestRefused(f"{path}: no such file") from None
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError):
        raise RequestRefused(f"{path}: is no Parquet file that can be read") from None
    if "person" not in frame.columns or PSEUDONYMS.encode() not in noted:
        raise RequestRefused(f"{path}: is no table of pseudonyms that a run wrote; its metadata name no key")
    return frame, noted[PSEUDONYMS.encode()].decode()


def _dates(entry: Entry) -> dict[str, str]:
    return {name: f"{moment:%Y-%m-%d}" if (moment := getattr(entry, name)) else "" for name in ("created", "rotated", "retired")}

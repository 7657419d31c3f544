"""Steps that hold the links of a run against those of the run before it, source by source, and keep what became of each."""

from __future__ import annotations

from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import clients, pseudonymise
from bcf_linkage.pseudonymised import link_changes
from bcf_linkage.storage import releases
from bcf_linkage.storage.engine import PSEUDONYMS, PolarsEngine
from pipelines.runs import Run
from pipelines.settling import ENGINE

REGISTER = "gp_registrations"


def note(run: Run, table: Table, people: pl.DataFrame, key: bytes) -> None:
    """Identities of a source, each with its `rows` -> its links, beside those of the run before if they are kept and can be compared."""
    found = ENGINE.collect(clients.links(ENGINE.frame(people), str(table.identity(Identity.LOCAL_ID))))
    tokens = pseudonymise.tokens(key, pseudonymise.LOCAL, (f"{table.name}|{local}" for local in found["local_id"]))
    now = ENGINE.frame(found.with_columns(client=pl.Series(tokens, dtype=pl.String)).drop("local_id"))
    before = links_before(run, table.name, pseudonymise.name_of(key))
    links = link_changes.first(now, run.as_at) if before is None else link_changes.compared(now, before, run.as_at)
    PolarsEngine(pseudonymise.name_of(key)).write(links.sort("client"), links_of(run, table.name))


def links_of(run: Run, extract: str) -> Path:
    """Where the links of a source lie."""
    return run.table(f"links_{extract}")


def run_before(run: Run) -> str:
    """The run that published before this one, by name; nothing on a first run. A run that is made again is held against the same as the first time."""
    before = releases.before(run.workspace, run.run_id)
    return before[-1] if before else ""


def links_before(run: Run, extract: str, key: str) -> nw.LazyFrame | None:
    """A source's links of the run before. None where there is no such run, where they were pruned, or stand under another key."""
    path = run.workspace.pseudonymised(run_before(run) or "none") / links_of(run, extract).name
    if not path.is_file() or pl.read_parquet_metadata(path).get(PSEUDONYMS, "") != key:
        return None
    return ENGINE.scan(path)

"""Compare the links of each source with those of the previous run, and write the change of each."""

from __future__ import annotations

from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import client_links, pseudonymisation
from bcf_linkage.pseudonymised import link_changes
from bcf_linkage.storage import releases
from bcf_linkage.storage.engine import POLARS, PSEUDONYM_KEY_METADATA, PolarsEngine
from pipelines.workspace.run_context import RunContext

REGISTER = "gp_registrations"


def write_links(run: RunContext, table: Table, people: pl.DataFrame, key: bytes) -> None:
    """Write one row per client of a source: the link, and how it changed since the previous run.

    `people` has one row per identity with its number of `rows`. Without comparable links of a previous run the change is null.
    """
    local_links = POLARS.collect(client_links.build_client_links(POLARS.frame(people), str(table.identity(Identity.LOCAL_ID))))
    tokens = pseudonymisation.make_tokens(key, pseudonymisation.LOCAL_DOMAIN, (f"{table.name}|{local}" for local in local_links["local_id"]))
    current = POLARS.frame(local_links.with_columns(client=pl.Series(tokens, dtype=pl.String)).drop("local_id"))
    previous = previous_links(run, table.name, pseudonymisation.key_name(key))
    links = link_changes.start_links(current, run.as_at) if previous is None else link_changes.compare_links(current, previous, run.as_at)
    PolarsEngine(pseudonymisation.key_name(key)).write(links.sort("client"), links_path(run, table.name))


def links_path(run: RunContext, extract: str) -> Path:
    """Path of the links of a source."""
    return run.table(f"links_{extract}")


def previous_run(run: RunContext) -> str:
    """Return the id of the run published before this one, or "" on the first run.

    A run that is repeated is compared with the same run as the first time.
    """
    earlier_runs = releases.list_earlier_releases(run.workspace, run.run_id)
    return earlier_runs[-1] if earlier_runs else ""


def previous_links(run: RunContext, extract: str, key: str) -> nw.LazyFrame | None:
    """Read a source's links of the previous run. None if there is no previous run, if they were pruned, or if another key made their pseudonyms."""
    path = run.workspace.pseudonymised(previous_run(run) or "none") / links_path(run, extract).name
    if not path.is_file() or pl.read_parquet_metadata(path).get(PSEUDONYM_KEY_METADATA, "") != key:
        return None
    return POLARS.scan(path)

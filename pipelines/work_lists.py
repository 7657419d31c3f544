"""The work-list of each source: sealed in the vault by every run, and opened by `bcf work-list` for the source whose clients are on it.

A council without NHS numbers for all of its clients gets them so, and is told which of those that it has are old, in conflict or nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.work_list import Kind
from bcf_linkage.identifiable.vault.source_lists import Listed, read_list, write_list
from bcf_linkage.identifiable.work_list import work_list
from pipelines.at_work import at_work_on
from pipelines.custody import free_place, keyed_digest, private_place, vault_of, write_private
from pipelines.runs import Run, published_run
from pipelines.settling import ENGINE

DEED = "work-list"


@dataclass(frozen=True)
class WorkList:
    """A work-list that was given out: where it lies, of which run, and how many of its rows are of each kind."""

    path: Path
    run: str
    rows: Mapping[str, int]


def note(run: Run, table: Table, people: pl.DataFrame) -> None:
    """Identities of a source, each with its `rows` -> its work-list, kept sealed."""
    rows = ENGINE.collect(work_list(ENGINE.frame(people), str(table.identity(Identity.LOCAL_ID))))
    write_list(vault_of(run.request.workspace, run.settings()), Listed.WORK, table.name, run.run_id, rows)


def give(workspace: Path, extract: str, why: str, run: str = "", out: Path | None = None) -> WorkList:
    """Write the work-list of a source as CSV, for its owner alone. Raises a Refusal; then nothing is written but a line of the trail."""
    with at_work_on(extract, workspace, DEED, why, "has a work-list") as (place, _, vault, deed, known):
        known["run"] = of_run = published_run(place, run)
        rows = read_list(vault, Listed.WORK, extract, of_run)
        counted = dict(rows.group_by("kind").len().iter_rows())
        counts = {str(kind): counted.get(str(kind), 0) for kind in Kind}
        text = rows.write_csv().encode()
        file = private_place(place, out or free_place(place, f"{of_run[:10]}-work-list-{extract}"))
        digest, key = keyed_digest(vault, DEED, text)
        # Recorded before it is given: nothing leaves the vault unseen.
        deed.about(**known).record(f"{DEED} given", counts=counts, outputs={file.name: digest}, key=key)
        write_private(file, text)
        return WorkList(file, of_run, counts)

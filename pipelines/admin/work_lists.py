"""`bcf work-list`: export the work-list of a source, which every run seals in the vault, for the source whose clients are on it.

It gives a council the NHS numbers of clients that it has none for, and reports which of its numbers are superseded, conflict or belong
to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bcf_linkage.definitions.work_list import TaskKind
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, read_source_list
from pipelines.workspace.audit_log import EventKind
from pipelines.workspace.key_access import DigestUse, check_private_path, keyed_digest, unused_vault_path, write_private_file
from pipelines.workspace.locked_session import locked_session_for
from pipelines.workspace.runs import published_run


@dataclass(frozen=True)
class WorkList:
    """An exported work-list: its path, its run, and its number of rows by kind of task."""

    path: Path
    run: str
    rows: Mapping[str, int]


def export_work_list(workspace: Path, extract: str, why: str, run: str = "", out: Path | None = None) -> WorkList:
    """Write the work-list of a source as CSV that only its owner may read, one row per client and task. Raises BcfError; then only the refusal is recorded."""
    with locked_session_for(extract, workspace, EventKind.WORK_LIST_REFUSED, why, "has a work-list") as (paths, _, vault, event, details):
        details["run"] = run_id = published_run(paths, run)
        rows = read_source_list(vault, SourceListKind.WORK_LISTS, extract, run_id)
        rows_by_kind = dict(rows.group_by("kind").len().iter_rows())
        counts = {str(kind): rows_by_kind.get(str(kind), 0) for kind in TaskKind}
        text = rows.write_csv().encode()
        file = check_private_path(paths, out or unused_vault_path(paths, f"{run_id[:10]}-work-list-{extract}"))
        digest, key = keyed_digest(vault, DigestUse.WORK_LIST, text)
        # Recorded first, so that no list leaves the vault without an entry in the audit log.
        event.with_details(**details).record(EventKind.WORK_LIST_GIVEN, counts=counts, outputs={file.name: digest}, key=key)
        write_private_file(file, text)
        return WorkList(file, run_id, counts)

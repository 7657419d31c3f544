"""A session for commands that work on a workspace outside a run: it locks the workspace and records refusals in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable import identity_stages
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.storage.store import Workspace, lock_workspace
from pipelines.workspace.audit_log import AuditEvent, EventDetails, EventKind, record_refusal
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.settings import Settings, read_settings


class WorkspaceSession(NamedTuple):
    """What a command needs of a locked workspace. A refusal is recorded with `refusal_details` besides the details of `event`."""

    paths: Workspace
    settings: Settings
    vault: Vault
    event: AuditEvent
    refusal_details: EventDetails


@contextmanager
def locked_session(workspace: Path, refusal: EventKind, why: str) -> Iterator[WorkspaceSession]:
    """Lock a workspace and open its vault until the block ends. Record any error of the block as an event of kind `refusal`.

    Raises UsageError for unusable settings, and EnvironmentFault if another process has the lock or the clock has gone back.
    """
    settings, paths = read_settings(workspace), Workspace(workspace)
    event = AuditEvent(paths, refusal, why)
    with record_refusal(event) as refusal_details, lock_workspace(paths):
        yield WorkspaceSession(paths, settings, vault_of(workspace, settings), event, refusal_details)


@contextmanager
def locked_session_for(extract: str, workspace: Path, refusal: EventKind, why: str, condition: str) -> Iterator[WorkspaceSession]:
    """Open a locked session on one source that is traced to the register.

    Raises UsageError for any other source; `condition` completes its message, such as "has a work-list".
    """
    with locked_session(workspace, refusal, why) as session:
        sources = [name for name in EXTRACTS if name in session.settings.sources and name != identity_stages.REGISTER_EXTRACT]
        if extract not in sources:
            raise UsageError(f"no source of that name {condition}; the sources are {', '.join(sources)}")
        yield session._replace(event=session.event.with_details(parties={"source": extract}))

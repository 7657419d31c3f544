"""Work on a workspace's lists outside a run: nobody else is at work there meanwhile, and whatever is refused is a line of the trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable import examine
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.storage.store import Workspace, locked
from pipelines.custody import vault_of
from pipelines.recording import Deed, refusal_recorded
from pipelines.settings import Settings, read_settings


class Desk(NamedTuple):
    """What such work needs. `known` is said on a line about a refusal, beside what the deed says."""

    place: Workspace
    settings: Settings
    vault: Vault
    deed: Deed
    known: dict[str, Any]


@contextmanager
def at_work(workspace: Path, what: str, why: str) -> Iterator[Desk]:
    """A workspace that nobody else is at work in; whatever is refused is recorded."""
    settings, place = read_settings(workspace), Workspace(workspace)
    deed = Deed(place, what, why)
    with refusal_recorded(deed) as known, locked(place):
        yield Desk(place, settings, vault_of(workspace, settings), deed, known)


@contextmanager
def at_work_on(extract: str, workspace: Path, what: str, why: str, has: str) -> Iterator[Desk]:
    """The same, about one of the sources that are traced to the register. Raises RequestRefused for another, in words of what a source `has`."""
    with at_work(workspace, what, why) as desk:
        sources = [name for name in EXTRACTS if name in desk.settings.sources and name != examine.REGISTER]
        if extract not in sources:
            raise RequestRefused(f"no source of that name {has}; there are {', '.join(sources)}")
        yield desk._replace(deed=desk.deed.about(parties={"source": extract}))

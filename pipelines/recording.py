"""Lines of the trail. The clock is read here, in the roof, and nowhere below."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bcf_linkage.definitions.errors import EnvironmentRefused, Refusal
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest, versions
from bcf_linkage.storage.store import Workspace
from pipelines.settings import FILE

LONDON = ZoneInfo("Europe/London")
"""Where agreements are made, and their last day ends."""


@dataclass(frozen=True)
class Deed:
    """What is about to be done in a workspace, and by whom and why: what every line about it says."""

    workspace: Workspace
    what: str
    why: str
    who: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def record(self, what: str, **more: Any) -> trail.Head:
        """Add a line. Raises EnvironmentRefused if the trail cannot be written, or is not as it was."""
        said = {**self.more, **more, "versions": {**versions(), **_configuration(self.workspace)}}
        return trail.append(self.workspace.trail, trail.Action(when=datetime.now(UTC), who=self.who or account(), what=what, why=self.why, **said))

    def about(self, **more: Any) -> Deed:
        """The same with more to be said of it."""
        return replace(self, more={**self.more, **more})


@contextmanager
def refusal_recorded(deed: Deed) -> Iterator[dict[str, Any]]:
    """Within this block whatever goes wrong is a line of the trail, with what was put into the dictionary that the block is given.

    Raises EnvironmentRefused at once if the clock has gone back.
    """
    known: dict[str, Any] = {}
    try:
        trail.refuse_backwards(deed.workspace.trail, datetime.now(UTC))
        yield known
    except BaseException as error:
        # A trail that cannot be added to sets the line aside by itself; what went wrong first is what must be told.
        with suppress(EnvironmentRefused):
            deed.about(**known).record(f"{deed.what} refused", refused=_words(error))
        raise


def today() -> date:
    """The day on which this runs, as the parties to an agreement count it."""
    return day_of(datetime.now(UTC))


def day_of(moment: datetime) -> date:
    """The day on which a moment lies, counted in the same way."""
    return moment.astimezone(LONDON).date()


def account() -> str:
    """Under whose account of this machine this runs."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an account without a name"


def _words(error: BaseException) -> str:
    """A refusal's own line, which holds no value; of any other error its type alone."""
    return str(error) if isinstance(error, Refusal) else type(error).__name__


def _configuration(workspace: Workspace) -> dict[str, str]:
    file = workspace.root / FILE
    return {FILE: digest(file)} if file.is_file() else {}

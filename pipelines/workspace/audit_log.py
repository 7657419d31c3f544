"""Writes audit events to a workspace's audit log. The clock is read here and in the commands, never in the library."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypedDict, Unpack
from zoneinfo import ZoneInfo

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digest, versions
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.trail_entry import Decision, ReviewCount, TrailEntry
from pipelines.workspace.settings import SETTINGS_FILE

LONDON = ZoneInfo("Europe/London")
"""Time zone of the days of agreements and lists."""


class EventKind(StrEnum):
    """Every kind of audit event, as the field `what` of the audit log names it."""

    RUN_BEGUN = "run begun"
    RUN_PUBLISHED = "run published"
    RUN_REFUSED = "run refused"
    KEY_MADE = "key made"
    KEY_MADE_REFUSED = "key made refused"
    KEY_ROTATED = "key rotated"
    KEY_ROTATED_REFUSED = "key rotated refused"
    KEY_RETIRED = "key retired"
    KEY_RETIRED_REFUSED = "key retired refused"
    HISTORY_CARRIED_OVER = "history carried over"
    HISTORY_CARRIED_OVER_REFUSED = "history carried over refused"
    OPT_OUTS_EXPORTED = "opt-outs exported"
    OPT_OUTS_EXPORT_REFUSED = "opt-outs export refused"
    OPT_OUTS_IMPORTED = "opt-outs imported"
    OPT_OUTS_IMPORT_REFUSED = "opt-outs import refused"
    OPT_OUTS_EMPTIED = "opt-outs emptied"
    OPT_OUTS_EMPTY_REFUSED = "opt-outs empty refused"
    REIDENTIFICATION_GIVEN = "re-identification given"
    REIDENTIFICATION_REFUSED = "re-identification refused"
    WORK_LIST_GIVEN = "work-list given"
    WORK_LIST_REFUSED = "work-list refused"
    NATIONAL_TRACE_EXPORTED = "national-trace exported"
    NATIONAL_TRACE_EXPORT_REFUSED = "national-trace export refused"
    NATIONAL_TRACE_IMPORTED = "national-trace imported"
    NATIONAL_TRACE_IMPORT_REFUSED = "national-trace import refused"
    REVIEW_EXPORTED = "clerical-review exported"
    REVIEW_EXPORT_REFUSED = "clerical-review export refused"
    REVIEW_IMPORTED = "clerical-review imported"
    REVIEW_IMPORT_REFUSED = "clerical-review import refused"
    PRUNED = "pruned"
    PRUNE_REFUSED = "prune refused"


class EventDetails(TypedDict, total=False):
    """Fields of an audit event that are known only as the work goes on. `TrailEntry` describes each."""

    run: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    counts: Mapping[str, int]
    basis: str
    key: str
    parties: Mapping[str, str]
    subjects: tuple[str, ...]
    decisions: tuple[Decision, ...]
    reviews: tuple[ReviewCount, ...]


@dataclass(frozen=True)
class AuditEvent:
    """Work that is about to be done in a workspace, with what every audit event about it says: why, by whom, and `details`.

    `refusal` is the kind of event that is written if the work fails. An empty `who` stands for the account of this machine.
    """

    workspace: Workspace
    refusal: EventKind
    why: str
    who: str = ""
    details: EventDetails = field(default_factory=EventDetails)

    def record(self, kind: EventKind, **details: Unpack[EventDetails]) -> trail.TrailHead:
        """Append an event to the audit log. Return the log's new head. Raises EnvironmentFault if the log cannot be written, or was altered."""
        return self._append(kind, {**self.details, **details})

    def record_refusal(self, reason: str, details: EventDetails) -> trail.TrailHead:
        """Append the refusal of the work. Raises EnvironmentFault as `record` does."""
        return self._append(self.refusal, {**self.details, **details}, reason)

    def with_details(self, **details: Unpack[EventDetails]) -> AuditEvent:
        """Return the event with further details."""
        return replace(self, details={**self.details, **details})

    def _append(self, kind: EventKind, details: EventDetails, refused: str = "") -> trail.TrailHead:
        who, software = self.who or account_name(), {**versions(), **_settings_digest(self.workspace)}
        entry = TrailEntry(when=datetime.now(UTC), who=who, what=kind, why=self.why, versions=software, refused=refused, **details)
        return trail.append_entry(self.workspace.trail, entry)


@contextmanager
def record_refusal(event: AuditEvent) -> Iterator[EventDetails]:
    """Record a refusal in the audit log if the block raises any error. The block may add details of the refusal to the dictionary that it is given.

    Raises EnvironmentFault before the block begins if the clock has gone back.
    """
    details = EventDetails()
    try:
        trail.refuse_clock_behind(event.workspace.trail, datetime.now(UTC))
        yield details
    except BaseException as error:
        # A log that cannot be appended to sets the line aside itself. The first error is the one to report.
        with suppress(EnvironmentFault):
            event.record_refusal(_error_text(error), details)
        raise


def today() -> date:
    """Return today's date in London."""
    return day_of(datetime.now(UTC))


def day_of(moment: datetime) -> date:
    """Return the date of a moment in London."""
    return moment.astimezone(LONDON).date()


def account_name() -> str:
    """Return the name of the account of this machine that runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an account without a name"


def _error_text(error: BaseException) -> str:
    """Return the message of a BcfError, which holds no person's value, and only the type of any other error."""
    return str(error) if isinstance(error, BcfError) else type(error).__name__


def _settings_digest(workspace: Workspace) -> dict[str, str]:
    file = workspace.root / SETTINGS_FILE
    return {SETTINGS_FILE: digest(file)} if file.is_file() else {}

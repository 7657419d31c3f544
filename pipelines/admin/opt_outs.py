"""`bcf opt-outs`: check NHS numbers against the national data opt-out, and keep the list of local objections.

Requests and answers are sealed in the vault, apart from every record. An answer may be used for a limited number of days. The audit log
records each step, with counts and never an NHS number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.sharing import NationalCheck, Objection, SharingRules
from bcf_linkage.identifiable import row_rules
from bcf_linkage.identifiable.opt_outs import number_files
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.opt_out_lists import ASKED_LIST, SealedOptOutList, read_opt_out_list, remove_opt_out_list, write_opt_out_list
from bcf_linkage.identifiable.vault.private_files import write_atomically
from bcf_linkage.storage import trail
from bcf_linkage.storage.engine import POLARS
from bcf_linkage.storage.store import Workspace
from pipelines.receive.reading import explain_read_errors, text_of
from pipelines.workspace import gates
from pipelines.workspace.audit_log import AuditEvent, EventKind, day_of, today
from pipelines.workspace.key_access import DigestUse, check_private_path, keyed_digest
from pipelines.workspace.locked_session import locked_session
from pipelines.workspace.runs import list_deliveries
from pipelines.workspace.settings import SETTINGS_FILE, Settings, kind_of

NUMBERS = (Identity.NHS_NUMBER, Identity.REPLACED_NHS_NUMBER)


@dataclass(frozen=True)
class OptOutExport:
    """A file to send: its path, its number of NHS numbers, the MESH workflow and recipient, and the last day of use of its answer."""

    path: Path
    numbers: int
    workflow: str
    recipient: str
    until: date


@dataclass(frozen=True)
class OptOutImport:
    """An imported list: its NHS numbers, how many of them object, and its last day of use; None if it has none."""

    objection: Objection
    numbers: int
    objecting: int
    until: date | None = None


def export_opt_out_check(workspace: Path, why: str, out: Path | None = None) -> OptOutExport:
    """Write every NHS number of the deliveries in landing to a file in the national service's format. Raises BcfError; then no file is written."""
    with locked_session(workspace, EventKind.OPT_OUTS_EXPORT_REFUSED, why) as (paths, settings, vault, event, _):
        agreement_decisions = gates.check_agreements(settings, today())
        gates.raise_on_refusals(agreement_decisions)
        if not settings.opt_outs.mailbox:
            raise UsageError(f"{SETTINGS_FILE}: [opt_outs] has no mailbox; state the MESH mailbox that the file is sent from")
        sharing, now = SharingRules.build(today()), datetime.now(UTC)
        if Objection.NATIONAL not in gates.objections_in_force(settings, sharing):
            raise UsageError("the national data opt-out does not apply to this purpose and these legal bases, so no check is needed")
        check, numbers = sharing.national_check, delivered_numbers(paths, settings)
        name = number_files.file_name(settings.opt_outs.mailbox, day_of(now), 1 + _count_exports_in_month(paths, day_of(now)))
        file, content = check_private_path(paths, out or _opt_out_folder(paths) / name), number_files.render_number_file(numbers)
        digest, key = keyed_digest(vault, DigestUse.OPT_OUTS_EXPORT, content)
        event.record(EventKind.OPT_OUTS_EXPORTED, counts={"numbers": len(numbers)}, outputs={name: digest}, key=key, decisions=agreement_decisions)
        _forget_request(paths, vault)
        write_opt_out_list(vault, ASKED_LIST, SealedOptOutList(numbers.to_frame().with_columns(objects=pl.lit(None, pl.Boolean)), now))
        write_atomically(file, content)
        return OptOutExport(file, len(numbers), check.workflow, check.recipient, gates.last_day_of_use(day_of(now), check))


def import_national(workspace: Path, file: Path, why: str) -> OptOutImport:
    """Import the answer of the national service. A person who was asked about and is not in it objects. Raises BcfError; then the earlier list stays."""
    with locked_session(workspace, EventKind.OPT_OUTS_IMPORT_REFUSED, why) as (paths, settings, vault, event, _):
        check, requested = SharingRules.build(today()).national_check, read_opt_out_list(vault, ASKED_LIST)
        if requested is None:
            raise UsageError("no check is open; `bcf opt-outs export` writes the file to send")
        until = gates.last_day_of_use(day_of(requested.as_of), check)
        if today() > until:
            raise UsageError(f"the check of {day_of(requested.as_of)} could be used until {until}; export a new check with `bcf opt-outs export`")
        content = _read_content(file)
        allowed = number_files.parse_number_file(content, str(file), kind_of(settings))
        stored_list = SealedOptOutList(derive_objections(requested.numbers["number"], allowed, str(file), check), requested.as_of)
        imported = _store_list(vault, event, Objection.NATIONAL, stored_list, content)
        _forget_request(paths, vault)
        return replace(imported, until=until)


def import_local(workspace: Path, file: Path, why: str) -> OptOutImport:
    """Import the list of local objections, in place of the earlier list. Raises BcfError; then the earlier list stays."""
    with locked_session(workspace, EventKind.OPT_OUTS_IMPORT_REFUSED, why) as (_, settings, vault, event, _):
        content = _read_content(file)
        numbers = number_files.parse_number_file(content, str(file), kind_of(settings))
        return _store_list(
            vault, event, Objection.LOCAL, SealedOptOutList(numbers.to_frame().with_columns(objects=pl.lit(value=True)), datetime.now(UTC)), content
        )


def empty_local(workspace: Path, why: str) -> int:
    """Replace the list of local objections with an empty one. Return how many people were on it. Raises BcfError."""
    with locked_session(workspace, EventKind.OPT_OUTS_EMPTY_REFUSED, why) as (_, _, vault, event, _):
        if (stored_list := read_opt_out_list(vault, Objection.LOCAL)) is None:
            raise UsageError("there is no list of local objections to empty")
        event.record(EventKind.OPT_OUTS_EMPTIED, counts={"numbers": len(stored_list.numbers)})
        write_opt_out_list(vault, Objection.LOCAL, SealedOptOutList(stored_list.numbers.clear(), datetime.now(UTC)))
        return len(stored_list.numbers)


def delivered_numbers(workspace: Workspace, settings: Settings) -> pl.Series:
    """Return every valid NHS number of the deliveries in landing, current or replaced, once and sorted. Raises BcfError."""
    files: dict[str, list[Path]] = {}
    for delivery in list_deliveries(workspace, settings):
        files.setdefault(delivery.extract, []).append(delivery.file)
    columns = [column for extract, paths in files.items() for column in _sound_numbers(EXTRACTS[extract], paths, kind_of(settings))]
    return pl.concat(columns).unique().sort().rename("number")


def derive_objections(requested: pl.Series, allowed: pl.Series, source: str, check: NationalCheck) -> pl.DataFrame:
    """Return one row per NHS number asked about, with `objects`: whether it is missing from the numbers that may be used.

    Raises DataQualityError for the answer to another check, and for one that leaves out so many numbers that it must be incomplete.
    """
    if unexpected := len(allowed) - int(allowed.is_in(requested.implode()).sum()):
        raise DataQualityError(
            f"{source}: {unexpected:,} of its {len(allowed):,} numbers were not asked about; it answers another check: find the answer to the last one"
        )
    objects = ~requested.is_in(allowed.implode())
    if len(requested) >= check.smallest and 100 * int(objects.sum()) > check.most_percent * len(requested):
        raise DataQualityError(
            f"{source}: leaves out more than {check.most_percent}% of the {len(requested):,} numbers asked about and seems incomplete; ask for the answer again"
        )
    return pl.DataFrame({"number": requested, "objects": objects})


def _sound_numbers(table: Table, files: Sequence[Path], kind: nhs_number.WorkspaceKind) -> Iterator[pl.Series]:
    deliveries = open_deliveries(table, files)
    text = row_rules.tidy_values(nw.from_native(text_of(deliveries)), table)
    for identity in NUMBERS:
        if column := table.identity(identity):
            numbers = text.select(number=nhs_number.canonical(nw.col(column)), state=nhs_number.state(nw.col(column), kind))
            with explain_read_errors(deliveries):
                yield POLARS.collect(numbers.filter(nw.col("state") == nhs_number.SOUND).select("number").unique())["number"]


def _store_list(vault: Vault, event: AuditEvent, objection: Objection, stored_list: SealedOptOutList, content: bytes) -> OptOutImport:
    """Record an imported list, then seal it in the vault."""
    imported = OptOutImport(objection, len(stored_list.numbers), int(stored_list.numbers["objects"].sum()))
    digest, key = keyed_digest(vault, DigestUse.OPT_OUTS_IMPORT, content)
    counts = {"numbers": imported.numbers, "objecting": imported.objecting}
    event.record(EventKind.OPT_OUTS_IMPORTED, counts=counts, inputs={str(objection): digest}, key=key)
    write_opt_out_list(vault, objection, stored_list)
    return imported


def _read_content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); name the file as it was received") from None


def _count_exports_in_month(workspace: Workspace, day: date) -> int:
    """Return how many files were exported in the month of a day. The service numbers files by month."""
    export_times = (entry.when for entry in trail.read_entries(workspace.trail) if entry.what == EventKind.OPT_OUTS_EXPORTED)
    return sum((moment.year, moment.month) == (day.year, day.month) for moment in export_times)


def _opt_out_folder(workspace: Workspace) -> Path:
    return workspace.vault / "opt_outs"


def _forget_request(workspace: Workspace, vault: Vault) -> None:
    """Remove the list of the last check, and its file if it is in the vault."""
    remove_opt_out_list(vault, ASKED_LIST)
    for file in _opt_out_folder(workspace).glob("*.dat"):
        file.unlink()

"""Checks of the promises on governance: key rotation, re-identification, opt-outs, legal bases and retention."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from bcf_linkage.definitions.errors import BcfError
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.opt_outs import objections_in_force
from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, make_tokens
from bcf_linkage.identifiable.vault import KeyPurpose, Vault
from bcf_linkage.identifiable.vault.bridge import build_bridge, read_bridge, translate_pseudonyms, write_bridge
from bcf_linkage.identifiable.vault.opt_out_lists import SealedOptOutList, read_objectors, write_opt_out_list
from bcf_linkage.identifiable.vault.sealed_files import SEALED_SUFFIX, read_label
from bcf_linkage.identifiable.vault.sealed_register import register_files, write_register
from bcf_linkage.storage import trail
from bcf_linkage.storage.engine import POLARS, PSEUDONYM_KEY_METADATA
from bcf_linkage.storage.trail_entry import TrailEntry
from pipelines.admin import reidentification
from pipelines.admin.leaks import files_below
from pipelines.admin.promises.independent_pseudonyms import make_unissued_numbers
from pipelines.admin.promises.workspace_snapshot import CheckResult, WorkspaceSnapshot, count_phrase, scan_table
from pipelines.admin.reidentification import ReidentificationRequest, RequestedPeople
from pipelines.admin.retention import History, Removal, find_due_removals
from pipelines.receive.register import load_register
from pipelines.workspace import gates
from pipelines.workspace.audit_log import EventKind
from pipelines.workspace.governance_settings import AuthorisedPeople, RetentionPeriod, normalise_person_name
from pipelines.workspace.key_access import vault_of, workspace_project_key
from pipelines.workspace.new_workspace import create_workspace
from pipelines.workspace.settings import SETTINGS_FILE, kind_of, read_settings

PRACTICE = "Z00001"
AUTHORISED = {PRACTICE: AuthorisedPeople(("a.gp",), ("c.guardian",))}
ALLOWED_REQUEST = ReidentificationRequest(
    PRACTICE, "a.gp", "c.guardian", reidentification.DIRECT_CARE, "list for the team meeting", RequestedPeople(("a" * 32,))
)
FORBIDDEN_REQUESTS = (
    replace(ALLOWED_REQUEST, purpose="planning"),
    replace(ALLOWED_REQUEST, practice="Z00002"),
    replace(ALLOWED_REQUEST, requester="another"),
    replace(ALLOWED_REQUEST, approver="another"),
    replace(ALLOWED_REQUEST, approver="a.gp"),
    replace(ALLOWED_REQUEST, reason="because"),
    replace(ALLOWED_REQUEST, reason="for the patient 999 000 0018 again"),
)
"""Requests that must be refused: each differs from `ALLOWED_REQUEST` in one way."""

UNFIT_SETTINGS: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace('legal_basis = "pseudonymised third party"', 'legal_basis = "section 251"'),
    lambda text: text.replace('legal_basis = "pseudonymised third party"', 'legal_basis = "we have always done so"'),
    lambda text: text.replace("valid_to = 2015-03-31", "valid_to = 2014-06-01", 1),
    lambda text: text.replace('purposes = ["risk stratification"]', 'purposes = ["research"]', 1),
    lambda text: text[: text.index('agreement = "')] + text[text.index("\n\n[sources.gp_events]") :],
)
"""Changes to the settings that `bcf init` writes. A gate must refuse each of them."""

DAY = date(2014, 6, 2)
"""A day on which the agreements that `bcf init` writes are valid."""

TEN_YEARS = timedelta(days=3_653)


def check_key_rotation(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 5: keys can be rotated, every table names its key, and keys and sealed files are only in the vault."""
    pseudonym_keys = {entry.id for entry in snapshot.vault.ring.entries if entry.purpose is KeyPurpose.PSEUDONYM}
    person_tables = {name: path for name, path in snapshot.person_tables.items() if "person" in scan_table(path).collect_schema().names()}
    without_key = sorted(name for name, path in person_tables.items() if _key_of_table(path) not in pseudonym_keys)
    yield CheckResult(
        not without_key,
        f"{count_phrase(len(person_tables), 'table')} of pseudonyms name a key of the key ring" + (f", except {', '.join(without_key)}" if without_key else ""),
    )
    misplaced = [name for name, file in files_below(snapshot.workspace.root, "vault") if file.suffix == SEALED_SUFFIX or file.suffix == ".key"]
    yield CheckResult(not misplaced, f"outside the vault: {', '.join(misplaced)}" if misplaced else "no key and no sealed file is outside the vault")
    with tempfile.TemporaryDirectory() as folder:
        yield _try_rotation(Vault(Path(folder)), snapshot)


def _try_rotation(vault: Vault, snapshot: WorkspaceSnapshot) -> CheckResult:
    """Rotate the key of a test vault with three people: every pseudonym changes, the bridge translates each, and the retired key is refused."""
    numbers = make_unissued_numbers(3)
    vault.create_first_keys(snapshot.now)
    old_key = vault.current_key(KeyPurpose.PSEUDONYM)
    old = make_tokens(workspace_project_key(old_key, snapshot.settings), PERSON_DOMAIN, numbers)
    write_register(vault, "test", old_key.name, pl.DataFrame({"person": old, "nhs_number": numbers, "practice_code": [PRACTICE] * 3}))
    new_key = vault.prepare_key(KeyPurpose.PSEUDONYM)
    write_bridge(vault, old_key.name, new_key.name, build_bridge(vault, old_key, workspace_project_key(new_key, snapshot.settings)))
    vault.activate_key(KeyPurpose.PSEUDONYM, snapshot.now)
    new = make_tokens(workspace_project_key(vault.current_key(KeyPurpose.PSEUDONYM), snapshot.settings), PERSON_DOMAIN, numbers)
    bridged_pseudonyms = translate_pseudonyms(pl.Series("person", old), read_bridge(vault, old_key.name, new_key.name)).to_list()
    vault.retire_key(old_key.name, snapshot.now)
    passed = bridged_pseudonyms == new and not set(old) & set(new) and _is_refused(lambda: vault.key(old_key.name))
    return CheckResult(passed, "tested apart: a new key changes every pseudonym, a bridge translates them, a retired key is refused")


def _key_of_table(table: Path) -> str:
    """Return the id of the key that a table's metadata name. Spark writes it to the metadata of the column."""
    file = next(iter(sorted(table.glob("*.parquet")))) if table.is_dir() else table
    metadata: dict[bytes, bytes] = pq.read_metadata(file).metadata or {}
    if PSEUDONYM_KEY_METADATA.encode() in metadata:
        return metadata[PSEUDONYM_KEY_METADATA.encode()].decode()
    columns = json.loads(metadata.get(b"org.apache.spark.sql.parquet.row.metadata", b"{}")).get("fields", [])
    return next((str(column["metadata"].get(PSEUDONYM_KEY_METADATA, "")) for column in columns if column["name"] == "person"), "")


def check_reidentification(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 8: re-identification needs two people and direct care, each request is in the audit log, and registers are sealed."""
    granted = not _is_refused(partial(reidentification.check_authorisation, ALLOWED_REQUEST, AUTHORISED))
    refused_count = (
        sum(_is_refused(partial(reidentification.check_authorisation, request, AUTHORISED)) for request in FORBIDDEN_REQUESTS) + _is_other_practice_refused()
    )
    yield CheckResult(
        granted and refused_count == len(FORBIDDEN_REQUESTS) + 1,
        f"{refused_count} of {len(FORBIDDEN_REQUESTS) + 1} forbidden requests refused, the allowed one {'granted' if granted else 'refused too'}",
    )
    faults = trail.verify_chain(snapshot.workspace.trail)
    log_state = f"line {faults[0].line} {faults[0].words}" if faults else f"whole, {count_phrase(len(snapshot.audit_log), 'line')}"
    yield CheckResult(not faults, f"the audit log: {log_state}")
    granted_entries = [entry for entry in snapshot.audit_log if entry.what == EventKind.REIDENTIFICATION_GIVEN]
    requests = len(granted_entries) + sum(entry.what == EventKind.REIDENTIFICATION_REFUSED for entry in snapshot.audit_log)
    unaccounted = sum(not _is_accounted_for(entry) for entry in granted_entries)
    yield CheckResult(
        not unaccounted,
        f"{count_phrase(requests, 'request')}, {len(granted_entries)} granted, {unaccounted} of these without two people, a reason or direct care",
    )
    unsealed = [name for folder in ("register", "bridges", "opt_outs") for name, file in _files_in_vault(snapshot, folder) if not _is_sealed(file)]
    registers = len(register_files(snapshot.vault))
    yield CheckResult(
        not unsealed, f"not sealed: {', '.join(unsealed)}" if unsealed else f"{count_phrase(registers, 'register')}, sealed under a key of its own"
    )


def _is_other_practice_refused() -> bool:
    """Whether a practice that asks for the patient of another practice is refused."""
    requested = pl.DataFrame({"person": ["a" * 32]})
    register = pl.DataFrame({"person": ["a" * 32], "nhs_number": make_unissued_numbers(1), "practice_code": ["Z00002"]})
    return _is_refused(lambda: reidentification.select_own_patients(requested, register, ALLOWED_REQUEST, "test"))


def _is_accounted_for(entry: TrailEntry) -> bool:
    """Whether a granted request names two people, a reason, a key and direct care, and only the first letters of pseudonyms."""
    parties = entry.parties
    if set(parties) != {"requester", "approver", "practice"} or not entry.subjects:
        return False
    two_people = normalise_person_name(parties["requester"]) != normalise_person_name(parties["approver"])
    is_truncated = all(len(subject) <= reidentification.PSEUDONYM_PREFIX for subject in entry.subjects)
    is_direct_care = normalise_person_name(entry.basis) == reidentification.DIRECT_CARE
    return two_people and is_truncated and is_direct_care and bool(entry.why) and bool(entry.key)


def _files_in_vault(snapshot: WorkspaceSnapshot, folder: str) -> Iterator[tuple[str, Path]]:
    path = snapshot.workspace.vault / folder
    yield from ((f"{folder}/{name}", file) for name, file in (files_below(path) if path.is_dir() else ()) if file.suffix != ".dat")


def _is_sealed(file: Path) -> bool:
    return not _is_refused(lambda: read_label(file))


def check_opt_outs(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 9: every kind of objection was checked before the run, and no row of a person who objects was kept."""
    checked = {decision.gate for decision in snapshot.decisions if decision.passed} & set(Objection)
    yield CheckResult(len(checked) == len(Objection), f"{len(checked)} of {len(Objection)} kinds of objection checked before the run")
    if snapshot.deliveries:
        objectors = objecting_pseudonyms(snapshot)
        remaining = snapshot.pseudonyms.filter(pl.col("token").is_in(objectors)).height
        remaining_rows = sum(scan_table(path).filter(pl.col("person").is_in(objectors)).select(pl.len()).collect().item() for path in _person_tables(snapshot))
        yield CheckResult(
            not remaining and not remaining_rows,
            f"{count_phrase(len(objectors), 'person', 'people')} who object: {remaining + remaining_rows} rows or pseudonyms of them in the run's tables",
        )
    else:
        yield CheckResult(True, "the deliveries were removed, so nobody was searched for")
    yield CheckResult(
        _is_stale_list_refused(snapshot.now), "tested apart: a list is accepted until its last day and refused the day after; without one no run starts"
    )


def _person_tables(snapshot: WorkspaceSnapshot) -> Iterator[Path]:
    yield from (snapshot.person_tables[name] for name in ("people", "contacts") if name in snapshot.person_tables)


def objecting_pseudonyms(snapshot: WorkspaceSnapshot) -> list[str]:
    """Return the pseudonyms that people who object would have."""
    in_force = gates.objections_in_force(snapshot.settings, SharingRules.build(snapshot.now.date()))
    register = load_register(snapshot.deliveries["gp_registrations"], kind_of(snapshot.settings), snapshot.as_at)
    numbers = POLARS.collect(
        objections_in_force.build_objections(POLARS.frame(register.numbers), POLARS.frame(read_objectors(snapshot.vault, in_force)), in_force)
    )["number"]
    delivered_numbers = set(snapshot.sound_numbers)
    return [token for token in make_tokens(snapshot.key, PERSON_DOMAIN, [number for number in numbers if number in delivered_numbers]) if token]


def _is_stale_list_refused(now: datetime) -> bool:
    """Whether the national opt-out gate of a new workspace refuses without a list, passes on the last day of one, and refuses the day after."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = _create_test_workspace(Path(folder))
        days = SharingRules.build(now.date()).national_check.days
        closed = not _is_national_gate_open(workspace, DAY)
        since = now.replace(year=DAY.year, month=DAY.month, day=DAY.day, hour=12)
        write_opt_out_list(
            Vault(workspace / "vault"), Objection.NATIONAL, SealedOptOutList(pl.DataFrame({"number": make_unissued_numbers(1), "objects": [False]}), since)
        )
        return (
            closed and _is_national_gate_open(workspace, DAY + timedelta(days=days)) and not _is_national_gate_open(workspace, DAY + timedelta(days=days + 1))
        )


def _is_national_gate_open(workspace: Path, day: date) -> bool:
    settings = read_settings(workspace)
    return all(
        decision.passed
        for decision in gates.evaluate_gates(settings, vault_of(workspace, settings), day)
        if decision.gate in (gates.AGREEMENT, Objection.NATIONAL)
    )


def _create_test_workspace(folder: Path, change: Callable[[str], str] = str) -> Path:
    """Make a workspace as `bcf init` does, and change its settings."""
    workspace = folder / "test"
    create_workspace(workspace)
    settings = workspace / SETTINGS_FILE
    settings.write_text(change(settings.read_text(encoding="utf-8")), encoding="utf-8")
    return workspace


def check_legal_bases(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 10: every source has an agreement and a legal basis that covers it, and the audit log has the decision on it."""
    rules, used = SharingRules.build(snapshot.now.date()), sorted({delivery.extract for delivery in snapshot.manifest.inputs})
    agreements = {extract: source.agreement for extract in used if (source := snapshot.settings.sources.get(extract))}
    without_agreement = [extract for extract in used if not agreements.get(extract)]
    yield CheckResult(
        not without_agreement,
        f"without an agreement: {', '.join(without_agreement)}"
        if without_agreement
        else f"{count_phrase(len(used), 'source')} under {count_phrase(len({str(agreement) for agreement in agreements.values()}), 'agreement')}",
    )
    bases = {extract: rules.legal_bases.get(agreement.legal_basis) for extract, agreement in agreements.items() if agreement}
    uncovered = [extract for extract, basis in bases.items() if basis is None or rules.sectors[extract] not in basis.covers]
    yield CheckResult(
        not uncovered,
        f"no legal basis covers {', '.join(uncovered)}"
        if uncovered
        else f"on the basis of {', '.join(sorted({basis.code for basis in bases.values() if basis}))}",
    )
    passed_subjects = {decision.subject for decision in snapshot.decisions if decision.gate == gates.AGREEMENT and decision.passed}
    missing = [extract for extract in used if gates.source_subject(extract) not in passed_subjects]
    yield CheckResult(not missing, f"no decision in the audit log on {', '.join(missing)}" if missing else f"{len(used)} decisions in the audit log")
    refused_count = sum(_is_agreement_refused(change) for change in UNFIT_SETTINGS)
    yield CheckResult(
        refused_count == len(UNFIT_SETTINGS), f"{refused_count} of {len(UNFIT_SETTINGS)} workspaces with a missing, expired or unsuitable agreement refused"
    )


def _is_agreement_refused(change: Callable[[str], str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        workspaces = (_create_test_workspace(Path(folder) / "unchanged"), _create_test_workspace(Path(folder) / "changed", change))
        passed = [all(decision.passed for decision in gates.check_agreements(read_settings(workspace), DAY)) for workspace in workspaces]
        return passed == [True, False]


def check_retention(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 14: nothing is kept longer than its stated retention period, and deliveries would be removed after theirs."""
    stated_periods = {zone: period for zone, period in vars(snapshot.settings.retention).items() if period != RetentionPeriod()}
    history = History.from_entries(snapshot.audit_log)
    overdue = list(find_due_removals(snapshot.workspace, snapshot.settings.retention, history, snapshot.now))
    yield CheckResult(
        not overdue, f"{count_phrase(len(overdue), 'file or folder', 'files or folders')} kept longer than stated" + _first_overdue(snapshot, overdue)
    )
    words = ", ".join(f"{zone} {_period_text(period)}" for zone, period in stated_periods.items())
    # Synthetic people may be kept for good. For real people somebody must state when deliveries are removed.
    yield CheckResult(
        bool(snapshot.settings.retention.landing.days) or snapshot.settings.kind == "synthetic", f"stated: {words or 'nothing, so everything is kept for good'}"
    )
    shortened = replace(snapshot.settings.retention, landing=RetentionPeriod(days=30))
    removed = {removal.path for removal in find_due_removals(snapshot.workspace, shortened, history, snapshot.now + TEN_YEARS)}
    remaining = [file for files in snapshot.deliveries.values() for file in files if file not in removed]
    yield CheckResult(
        not remaining,
        f"tested with 30 days: after ten years {len(remaining)} of the run's {sum(map(len, snapshot.deliveries.values()))} deliveries would remain",
    )


def _period_text(period: RetentionPeriod) -> str:
    return count_phrase(period.days, "day") if period.days else count_phrase(period.runs or 0, "run")


def _first_overdue(snapshot: WorkspaceSnapshot, overdue: Sequence[Removal]) -> str:
    return "".join(f", such as {removal.path.relative_to(snapshot.workspace.root)}" for removal in overdue[:1])


def _is_refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except BcfError:
        return True
    return False

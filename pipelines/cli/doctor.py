"""`bcf doctor`: check the machine and a workspace, and say what to do about each fault."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bcf_linkage.definitions.errors import BcfError
from bcf_linkage.identifiable.vault import KeyPurpose
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import refuse_open_folders
from pipelines.support.prefect_environment import set_prefect_defaults
from pipelines.workspace import gates
from pipelines.workspace.audit_log import today
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.settings import read_settings

MIN_FREE_GB = 5
"""Free disk space that the run of a full-size locality needs, in gigabytes."""


@dataclass(frozen=True)
class SetupCheck:
    """One check: its subject, whether it passed, and what was found or what to do."""

    subject: str
    passed: bool
    words: str


def check_setup(workspace: Path | None) -> tuple[SetupCheck, ...]:
    """Run all checks, in the order in which their faults would stop a run. Without a workspace, check only the machine."""
    set_prefect_defaults()
    checks = (*_check_machine(), *_check_environment_variables())
    return checks if workspace is None else (*checks, *_check_workspace(workspace))


def _check_machine() -> Iterator[SetupCheck]:
    """Check Python, the installed packages, the disk and Java."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield SetupCheck("Python", sys.version_info >= (3, 11), f"{python}; 3.11 or newer is needed")
    for requirement in importlib.metadata.requires("bcf-linkage") or ():
        if "extra ==" not in requirement:
            yield _check_package(requirement.split(";")[0].strip())
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield SetupCheck("Disk", free >= MIN_FREE_GB, f"{free:.0f} GB free; a full-size locality needs {MIN_FREE_GB} GB")
    java = shutil.which("java")
    yield SetupCheck("Java", True, java or "not found; only --engine spark needs it")


def _check_package(requirement: str) -> SetupCheck:
    from packaging.requirements import Requirement

    parsed = Requirement(requirement)
    try:
        version = importlib.metadata.version(parsed.name)
    except importlib.metadata.PackageNotFoundError:
        return SetupCheck(parsed.name, False, f"not installed; install requirements.lock, which pins {requirement}")
    satisfied = parsed.specifier.contains(version, prereleases=True)
    return SetupCheck(parsed.name, satisfied, version if satisfied else f"{version} does not satisfy {parsed.specifier}; install requirements.lock")


def _check_environment_variables() -> Iterator[SetupCheck]:
    """Check that no tool sends usage statistics or stores results."""
    for name, safe, words in (
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false", "Prefect's usage statistics are off"),
        ("GX_ANALYTICS_ENABLED", "false", "Great Expectations' usage statistics are off"),
        ("PREFECT_RESULTS_PERSIST_BY_DEFAULT", "false", "Prefect keeps no results on disk"),
    ):
        value = os.environ.get(name, "").lower()
        yield SetupCheck(name, value in {safe, "0"}, words if value in {safe, "0"} else f"is {value or 'not set'}; set it to {safe}")


def _check_workspace(workspace: Path) -> Iterator[SetupCheck]:
    """Check the settings, keys, access rights, gates, postcode lookup and deliveries of a workspace."""
    try:
        settings = read_settings(workspace)
    except BcfError as error:
        yield SetupCheck("locality.toml", False, str(error))
        return
    yield SetupCheck("locality.toml", True, f"{settings.name}, {settings.kind}, {sum(len(cluster.practices) for cluster in settings.clusters)} practices")
    for purpose in KeyPurpose:
        try:
            key = vault_of(workspace, settings).current_key(purpose)
            yield SetupCheck(f"Key, {purpose}", True, f"{key.name}: found, strong, and readable only by its owner")
        except BcfError as error:
            yield SetupCheck(f"Key, {purpose}", False, str(error))
    yield from _check_permissions(Workspace(workspace))
    yield from _check_gates(workspace)
    yield SetupCheck(
        "Postcode lookup",
        settings.postcodes.is_file(),
        str(settings.postcodes) if settings.postcodes.is_file() else f"{settings.postcodes}: no such file; extract it from the ONS Postcode Directory",
    )
    for extract in settings.sources:
        folder = workspace / "landing" / extract
        files = sorted(p.name for p in folder.glob("*") if p.is_file()) if folder.is_dir() else []
        yield SetupCheck(
            f"Landing, {extract}",
            bool(files),
            ", ".join(files) if files else f"{folder}: has no file; put the delivery there, or take [sources.{extract}] out of locality.toml",
        )
    writable = os.access(workspace, os.W_OK)
    yield SetupCheck("Right to write", writable, str(workspace) if writable else f"{workspace}: no right to write; ask its owner for it")


def _check_gates(workspace: Path) -> Iterator[SetupCheck]:
    """Evaluate the gates as a run would today."""
    try:
        settings = read_settings(workspace)
        for decision in gates.evaluate_gates(settings, vault_of(workspace, settings), today()):
            yield SetupCheck(f"Gate, {decision.gate}, {decision.subject}", decision.passed, decision.words)
    except BcfError as error:
        yield SetupCheck("Gates", False, str(error))


def _check_permissions(workspace: Workspace) -> Iterator[SetupCheck]:
    """Check that folders are closed to other users, and that the audit log is unchanged."""
    try:
        refuse_open_folders(workspace)
        yield SetupCheck("Access rights", True, "landing, vault, pseudonymised and audit are closed to other users")
    except BcfError as error:
        yield SetupCheck("Access rights", False, str(error))
    faults = trail.verify_chain(workspace.trail)
    yield SetupCheck("Audit log", not faults, f"line {faults[0].line} {faults[0].words}" if faults else "unchanged since it was written")

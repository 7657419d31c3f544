"""What is wrong with this machine or workspace, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bcf_linkage.definitions.errors import Refusal
from bcf_linkage.identifiable.vault import Purpose
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import refuse_open
from pipelines import gates
from pipelines.custody import vault_of
from pipelines.prefect_environment import prepare
from pipelines.recording import today
from pipelines.settings import read_settings

ROOM_GB = 5
"""Free space that a full-size locality's run needs, in gigabytes."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    subject: str
    well: bool
    words: str


def examine(workspace: Path | None) -> tuple[Finding, ...]:
    """Everything worth looking at, in the order in which it would stop a run."""
    prepare()
    findings = (*_machine(), *_switches())
    return findings if workspace is None else (*findings, *_workspace(workspace))


def _machine() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= (3, 11), f"{python}; 3.11 or newer is needed")
    for requirement in importlib.metadata.requires("bcf-linkage") or ():
        if "extra ==" not in requirement:
            yield _package(requirement.split(";")[0].strip())
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Finding("Disk", free >= ROOM_GB, f"{free:.0f} GB free here; a full-size locality needs {ROOM_GB}")
    java = shutil.which("java")
    yield Finding("Java", True, java or "not found: needed only for --engine spark")


def _package(requirement: str) -> Finding:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(wanted.name, False, f"not installed; install requirements.lock, which pins {requirement}")
    well = wanted.specifier.contains(version, prereleases=True)
    return Finding(wanted.name, well, version if well else f"{version} does not satisfy {wanted.specifier}; install requirements.lock")


def _switches() -> Iterator[Finding]:
    for name, safe, words in (
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false", "Prefect's usage statistics are off"),
        ("GX_ANALYTICS_ENABLED", "false", "Great Expectations' usage statistics are off"),
        ("PREFECT_RESULTS_PERSIST_BY_DEFAULT", "false", "Prefect keeps no results on disk"),
    ):
        value = os.environ.get(name, "").lower()
        yield Finding(name, value in {safe, "0"}, words if value in {safe, "0"} else f"is {value or 'not set'}; set it to {safe}")


def _workspace(workspace: Path) -> Iterator[Finding]:
    try:
        settings = read_settings(workspace)
    except Refusal as refusal:
        yield Finding("locality.toml", False, str(refusal))
        return
    yield Finding("locality.toml", True, f"{settings.name}, {settings.kind}, {sum(len(c.practices) for c in settings.clusters)} practices")
    for purpose in Purpose:
        try:
            key = vault_of(workspace, settings).current(purpose)
            yield Finding(f"Key, {purpose}", True, f"{key.name}: there, strong, and readable by its owner alone")
        except Refusal as refusal:
            yield Finding(f"Key, {purpose}", False, str(refusal))
    yield from _closed(Workspace(workspace))
    yield from _gates(workspace)
    yield Finding(
        "Postcode lookup",
        settings.postcodes.is_file(),
        str(settings.postcodes) if settings.postcodes.is_file() else f"{settings.postcodes}: no such file; cut it from the ONS postcode directory",
    )
    for extract in settings.sources:
        folder = workspace / "landing" / extract
        files = sorted(p.name for p in folder.glob("*") if p.is_file()) if folder.is_dir() else []
        yield Finding(
            f"Landing, {extract}",
            bool(files),
            ", ".join(files) if files else f"{folder}: holds no file; put the delivery there, or take [sources.{extract}] out of locality.toml",
        )
    writable = os.access(workspace, os.W_OK)
    yield Finding("Right to write", writable, str(workspace) if writable else f"{workspace}: cannot be written; ask for the right")


def _gates(workspace: Path) -> Iterator[Finding]:
    """What the gates would say to a run today."""
    try:
        for decision in gates.decisions(workspace, today()):
            yield Finding(f"Gate, {decision.gate}, {decision.subject}", decision.passed, decision.words)
    except Refusal as refusal:
        yield Finding("Gates", False, str(refusal))


def _closed(workspace: Workspace) -> Iterator[Finding]:
    """Whether folders are closed to others, and the trail is as it was written."""
    try:
        refuse_open(workspace)
        yield Finding("Rights to look", True, "landing, vault, pseudonymised and audit are closed to others")
    except Refusal as refusal:
        yield Finding("Rights to look", False, str(refusal))
    faults = trail.verify(workspace.trail)
    yield Finding("Trail", not faults, f"line {faults[0].line} {faults[0].words}" if faults else "whole")

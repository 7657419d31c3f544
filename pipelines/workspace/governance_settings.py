"""The optional sections of `locality.toml` on keys, retention and re-identification."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.keys import KeyPurpose, KeySource
from pipelines.workspace.settings_section import SettingsSection

KEY_PATTERN = re.compile("[0-9A-Fa-f]{64}")
PROJECT = "risk stratification"


@dataclass(frozen=True)
class KeySettings:
    """The recipient and project that pseudonyms are made for, and the source of each key: a file in the vault unless stated."""

    recipient: str = ""
    project: str = PROJECT
    sources: Mapping[KeyPurpose, KeySource] = field(default_factory=dict)


@dataclass(frozen=True)
class RetentionPeriod:
    """How long something is kept: a number of days after it was last used by a publication, or a number of runs. Without either, it is kept for good."""

    days: int | None = None
    runs: int | None = None


@dataclass(frozen=True)
class Retention:
    """The retention period of each zone. In the vault, registers, bridges and exported lists have their own periods; keys are never removed."""

    landing: RetentionPeriod = RetentionPeriod()
    pseudonymised: RetentionPeriod = RetentionPeriod()
    published: RetentionPeriod = RetentionPeriod()
    registers: RetentionPeriod = RetentionPeriod()
    bridges: RetentionPeriod = RetentionPeriod()
    reidentified: RetentionPeriod = RetentionPeriod()


NO_KEYS, NO_RETENTION = KeySettings(), Retention()

MAX_KEPT = 36_500
"""The longest period, in days or runs: about a hundred years of days."""

DAYS_ONLY = ("landing", "bridges", "reidentified")
"""Zones whose files belong to no single run, so that a period in runs has no meaning."""


@dataclass(frozen=True)
class AuthorisedPeople:
    """The people who may request re-identification of a practice's own patients, and those who may approve it."""

    requesters: tuple[str, ...]
    approvers: tuple[str, ...]


def parse_keys(file: Path, values: object) -> KeySettings:
    """Parse the section `[keys]`. Raises UsageError."""
    section = SettingsSection(file, "keys", values)
    sources = {purpose: source for purpose in KeyPurpose if (source := _parse_key_source(file, purpose, section.take_optional(purpose, dict, {})))}
    key_settings = KeySettings(section.take_optional("recipient", str, ""), section.take_optional("project", str, PROJECT), sources)
    section.raise_on_unread()
    if len(sources) == len(KeyPurpose) and len(set(sources.values())) == 1 and not any("{id}" in word for word in sources[KeyPurpose.REGISTER].template):
        raise UsageError(f"{file}: [keys] gives pseudonyms and register the same key; give each its own")
    return key_settings


def _parse_key_source(file: Path, purpose: KeyPurpose, values: object) -> KeySource | None:
    section = SettingsSection(file, f"keys.{purpose}", values)
    kinds: tuple[Literal["file", "environment", "command"], ...] = ("file", "environment", "command")
    given = [(kind, section.take_texts(kind) if kind == "command" else (section.take(kind, str),)) for kind in kinds if kind in section.unread]
    section.raise_on_unread()
    if not given:
        return None
    if len(given) > 1:
        raise UsageError(f"{file}: [keys.{purpose}] names {' and '.join(kind for kind, _ in given)}; a key has one source: keep one")
    kind, words = given[0]
    if any(KEY_PATTERN.search(word) for word in words):
        raise UsageError(f"{file}: [keys.{purpose}] {kind} seems to hold a key; remove it, make a new key, and state its location here")
    return KeySource(kind, tuple(str(file.parent / word) for word in words) if kind == "file" else words)


def parse_retention(file: Path, values: object) -> Retention:
    """Parse the section `[retention]`. Raises UsageError."""
    section = SettingsSection(file, "retention", values)
    periods = {zone: _parse_period(file, zone, section.take(zone, dict)) for zone in Retention.__dataclass_fields__ if zone in section.unread}
    section.raise_on_unread()
    return Retention(**periods)


def _parse_period(file: Path, zone: str, values: object) -> RetentionPeriod:
    section = SettingsSection(file, f"retention.{zone}", values)
    given = {unit: section.take(unit, int) for unit in ("days", "runs") if unit in section.unread}
    section.raise_on_unread()
    units = "days" if zone in DAYS_ONLY else "days or runs"
    if len(given) != 1 or not set(given) <= set(units.split(" or ")):
        raise UsageError(f"{file}: [retention] {zone} needs {units}, one number; or remove the line to keep all")
    if not all(1 <= number <= MAX_KEPT for number in given.values()):
        raise UsageError(f"{file}: [retention] {zone} must be from 1 to {MAX_KEPT:,}; remove the line to keep all")
    return RetentionPeriod(**given)


def parse_authorised(file: Path, values: object, practices: Collection[str]) -> dict[str, AuthorisedPeople]:
    """Parse the sections `[reidentification.<practice>]`. Raises UsageError, also if nobody but the requester could approve."""
    by_practice = {}
    for practice, entry in SettingsSection(file, "reidentification", values).take_all(dict).items():
        name = f"reidentification.{practice}"
        if practice not in practices:
            raise UsageError(f"{file}: [{name}] is no practice of [[clusters]]; add it there or remove the section")
        section = SettingsSection(file, name, entry)
        requesters, approvers = section.take_texts("requesters"), section.take_texts("approvers")
        section.raise_on_unread()
        if any({normalise_person_name(approver) for approver in approvers} <= {normalise_person_name(requester)} for requester in requesters):
            raise UsageError(f"{file}: [{name}] has a requester whose requests nobody else could approve; add another approver")
        by_practice[practice] = AuthorisedPeople(requesters, approvers)
    return by_practice


def normalise_person_name(name: str) -> str:
    """Return a name for comparison: without differences of case, spacing or Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())

"""The settings of a workspace, `locality.toml`: locality, sources, agreements and tolerances. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.nhs_number import WorkspaceKind
from bcf_linkage.definitions.reference_data import require_percent
from expectations.gate import Tolerance
from pipelines.workspace.governance_settings import (
    NO_KEYS,
    NO_RETENTION,
    AuthorisedPeople,
    KeySettings,
    Retention,
    parse_authorised,
    parse_keys,
    parse_retention,
)
from pipelines.workspace.settings_section import SettingsSection
from pipelines.workspace.sharing_settings import NO_OPT_OUT_SETTINGS, Agreement, OptOutSettings, parse_agreement, parse_opt_out_settings

KINDS = ("synthetic", "live")
SETTINGS_FILE = "locality.toml"
PURPOSE = "risk stratification"
"""The purpose of a workspace that states none. Every kind of objection applies to it."""


@dataclass(frozen=True)
class Cluster:
    """A group of practices that work as one team."""

    code: str
    name: str
    practices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SourceSettings:
    """The supplier of an extract, and the agreement under which it is shared; None if none is stated."""

    supplier: str
    agreement: Agreement | None


@dataclass(frozen=True)
class Settings:
    """The settings of a workspace. `tolerances` are by extract and rule, `reidentification` is by practice code."""

    name: str
    code: str
    kind: str
    council: str
    hospital: str
    postcodes: Path
    disclosure: str
    clusters: tuple[Cluster, ...]
    sources: Mapping[str, SourceSettings]
    tolerances: Mapping[tuple[str, str], Tolerance]
    keys: KeySettings = NO_KEYS
    retention: Retention = NO_RETENTION
    reidentification: Mapping[str, AuthorisedPeople] = field(default_factory=dict)
    purpose: str = PURPOSE
    opt_outs: OptOutSettings = NO_OPT_OUT_SETTINGS

    @property
    def recipient(self) -> str:
        """The recipient that pseudonyms are made for: the commissioner, unless `[keys]` states another."""
        return self.keys.recipient or self.code


def kind_of(settings: Settings) -> WorkspaceKind:
    """Return whether a workspace holds synthetic or real people."""
    return "synthetic" if settings.kind == "synthetic" else "live"


def read_settings(workspace: Path) -> Settings:
    """Read the settings of a workspace. Raises UsageError that names the file, the section and the key."""
    file = workspace / SETTINGS_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; `bcf init {workspace}` writes one to start from") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: is not valid TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{file}: is nested too deeply; remove some levels") from None
    return _parse_settings(file, document)


def _parse_settings(file: Path, document: object) -> Settings:
    top = SettingsSection(file, "top level", document)
    locality = SettingsSection(file, "locality", top.take("locality", dict))
    lookups = SettingsSection(file, "lookups", top.take("lookups", dict))
    disclosure = SettingsSection(file, "disclosure", top.take("disclosure", dict))
    clusters = tuple(_parse_cluster(file, n, values) for n, values in enumerate(top.take("clusters", list), 1))
    sources = _parse_sources(file, top.take("sources", dict))
    tolerances = _parse_tolerances(file, top.unread.pop("gate", {}))
    settings = Settings(
        name=locality.take("name", str),
        code=locality.take("code", str),
        kind=locality.take("kind", str),
        council=locality.take("council", str),
        hospital=locality.take("hospital", str),
        purpose=locality.take_optional("purpose", str, PURPOSE),
        postcodes=file.parent / lookups.take("postcodes", str),
        disclosure=disclosure.take("profile", str),
        clusters=clusters,
        sources=sources,
        tolerances=tolerances,
        keys=parse_keys(file, top.unread.pop("keys", {})),
        retention=parse_retention(file, top.unread.pop("retention", {})),
        opt_outs=parse_opt_out_settings(file, top.unread.pop("opt_outs", {})),
        reidentification=parse_authorised(file, top.unread.pop("reidentification", {}), {code for cluster in clusters for code, _ in cluster.practices}),
    )
    for section in (locality, lookups, disclosure, top):
        section.raise_on_unread()
    if settings.kind not in KINDS:
        raise UsageError(f"{file}: [locality] kind must be {' or '.join(KINDS)}")
    _refuse_shared_practices(file, clusters)
    return settings


def _parse_cluster(file: Path, position: int, values: object) -> Cluster:
    section = SettingsSection(file, f"clusters, entry {position}", values)
    practices = []
    for n, entry in enumerate(section.take("practices", list), 1):
        practice = SettingsSection(file, f"clusters, entry {position}, practice {n}", entry)
        practices.append((practice.take("code", str), practice.take("name", str)))
        practice.raise_on_unread()
    cluster = Cluster(section.take("code", str), section.take("name", str), tuple(practices))
    section.raise_on_unread()
    return cluster


def _refuse_shared_practices(file: Path, clusters: tuple[Cluster, ...]) -> None:
    codes = [code for cluster in clusters for code, _ in cluster.practices]
    if repeated := sorted({code for code in codes if codes.count(code) > 1}):
        raise UsageError(f"{file}: [[clusters]] names practice {', '.join(repeated)} more than once; a practice belongs to one cluster")
    if not codes:
        raise UsageError(f"{file}: [[clusters]] names no practice; list each cluster's practices")


def _parse_sources(file: Path, values: Mapping[str, object]) -> dict[str, SourceSettings]:
    sources = {}
    for extract, entry in values.items():
        _check_extract_name(file, "sources", extract)
        section = SettingsSection(file, f"sources.{extract}", entry)
        sources[extract] = SourceSettings(section.take("supplier", str), parse_agreement(section))
        section.raise_on_unread()
    if "gp_registrations" not in sources:
        raise UsageError(f"{file}: [sources] has no gp_registrations; every record is traced against the GP register")
    return sources


def _parse_tolerances(file: Path, values: object) -> dict[tuple[str, str], Tolerance]:
    tolerances = {}
    for extract, rules in SettingsSection(file, "gate", values).unread.items():
        _check_extract_name(file, "gate", extract)
        for rule, entry in SettingsSection(file, f"gate.{extract}", rules).take_all(dict).items():
            section = SettingsSection(file, f"gate.{extract}, {rule}", entry)
            percent = require_percent(f"{file}: [{section.name}]", "tolerance_percent", section.take("tolerance_percent", float))
            tolerances[extract, rule] = Tolerance(percent, section.take("owner", str), section.take("reason", str))
            section.raise_on_unread()
    return tolerances


def _check_extract_name(file: Path, section: str, extract: str) -> None:
    if extract not in EXTRACTS:
        raise UsageError(f"{file}: [{section}.{extract}] is not an extract; the extracts are {', '.join(EXTRACTS)}")

"""A workspace's `locality.toml`: who, where, what is shared and on what basis. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.nhs_number import Kind
from expectations.gate import Tolerance
from pipelines.governance_settings import NO_KEYS, NO_RETENTION, Authorised, Keys, Retention, authorised, keys, retention
from pipelines.sections import Section
from pipelines.sharing_settings import NO_LISTS, Agreement, OptOutLists, agreement, opt_out_lists

KINDS = ("synthetic", "live")
FILE = "locality.toml"
PURPOSE = "risk stratification"
"""What a workspace is for unless it says otherwise. Every objection holds against it."""


@dataclass(frozen=True)
class Cluster:
    """A group of practices that work as one team."""

    code: str
    name: str
    practices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Source:
    """One supplier of one extract, and the agreement under which it is shared, if there is one."""

    supplier: str
    agreement: Agreement | None


@dataclass(frozen=True)
class Settings:
    """Everything that `locality.toml` states."""

    name: str
    code: str
    kind: str
    council: str
    hospital: str
    postcodes: Path
    disclosure: str
    clusters: tuple[Cluster, ...]
    sources: Mapping[str, Source]
    tolerances: Mapping[tuple[str, str], Tolerance]
    keys: Keys = NO_KEYS
    retention: Retention = NO_RETENTION
    reidentification: Mapping[str, Authorised] = field(default_factory=dict)
    purpose: str = PURPOSE
    opt_outs: OptOutLists = NO_LISTS

    @property
    def recipient(self) -> str:
        """For whom pseudonyms are made: the commissioner, unless `[keys]` says otherwise."""
        return self.keys.recipient or self.code


def kind_of(settings: Settings) -> Kind:
    """Whether a workspace holds made-up people or real ones."""
    return "synthetic" if settings.kind == "synthetic" else "live"


def read_settings(workspace: Path) -> Settings:
    """The settings of a workspace. Raises RequestRefused with the file, the section and the key."""
    file = workspace / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RequestRefused(f"{file}: no such file; `bcf init {workspace}` writes one to start from") from None
    except UnicodeDecodeError:
        raise RequestRefused(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestRefused(f"{file}: is not valid TOML: {error}") from None
    except RecursionError:
        raise RequestRefused(f"{file}: is nested too deeply to be read") from None
    return _settings(file, document)


def _settings(file: Path, document: dict[str, Any]) -> Settings:
    top = Section(file, "top level", document)
    locality = Section(file, "locality", top.take("locality", dict))
    lookups = Section(file, "lookups", top.take("lookups", dict))
    disclosure = Section(file, "disclosure", top.take("disclosure", dict))
    clusters = tuple(_cluster(file, n, values) for n, values in enumerate(top.take("clusters", list), 1))
    sources = _sources(file, top.take("sources", dict))
    tolerances = _tolerances(file, top.left.pop("gate", {}))
    settings = Settings(
        name=locality.take("name", str),
        code=locality.take("code", str),
        kind=locality.take("kind", str),
        council=locality.take("council", str),
        hospital=locality.take("hospital", str),
        purpose=locality.optional("purpose", str, PURPOSE),
        postcodes=file.parent / lookups.take("postcodes", str),
        disclosure=disclosure.take("profile", str),
        clusters=clusters,
        sources=sources,
        tolerances=tolerances,
        keys=keys(file, top.left.pop("keys", {})),
        retention=retention(file, top.left.pop("retention", {})),
        opt_outs=opt_out_lists(file, top.left.pop("opt_outs", {})),
        reidentification=authorised(file, top.left.pop("reidentification", {}), {code for cluster in clusters for code, _ in cluster.practices}),
    )
    for section in (locality, lookups, disclosure, top):
        section.done()
    if settings.kind not in KINDS:
        raise RequestRefused(f"{file}: [locality] kind must be {' or '.join(KINDS)}")
    _refuse_shared_practices(file, clusters)
    return settings


def _cluster(file: Path, position: int, values: object) -> Cluster:
    section = Section(file, f"clusters, entry {position}", values)
    practices = []
    for n, entry in enumerate(section.take("practices", list), 1):
        practice = Section(file, f"clusters, entry {position}, practice {n}", entry)
        practices.append((practice.take("code", str), practice.take("name", str)))
        practice.done()
    cluster = Cluster(section.take("code", str), section.take("name", str), tuple(practices))
    section.done()
    return cluster


def _refuse_shared_practices(file: Path, clusters: tuple[Cluster, ...]) -> None:
    codes = [code for cluster in clusters for code, _ in cluster.practices]
    if repeated := sorted({code for code in codes if codes.count(code) > 1}):
        raise RequestRefused(f"{file}: [[clusters]] names practice {', '.join(repeated)} more than once; a practice belongs to one cluster")
    if not codes:
        raise RequestRefused(f"{file}: [[clusters]] names no practice; list each cluster's practices")


def _sources(file: Path, values: dict[str, Any]) -> dict[str, Source]:
    sources = {}
    for extract, entry in values.items():
        _known_extract(file, "sources", extract)
        section = Section(file, f"sources.{extract}", entry)
        sources[extract] = Source(section.take("supplier", str), agreement(section))
        section.done()
    if "gp_registrations" not in sources:
        raise RequestRefused(f"{file}: [sources] has no gp_registrations; every trace is made against the GP register")
    return sources


def _tolerances(file: Path, values: dict[str, Any]) -> dict[tuple[str, str], Tolerance]:
    tolerances = {}
    for extract, rules in values.items():
        _known_extract(file, "gate", extract)
        for rule, entry in Section(file, f"gate.{extract}", rules).rest(dict).items():
            section = Section(file, f"gate.{extract}, {rule}", entry)
            tolerances[extract, rule] = Tolerance(section.take("tolerance_percent", float), section.take("owner", str), section.take("reason", str))
            section.done()
    return tolerances


def _known_extract(file: Path, section: str, extract: str) -> None:
    if extract not in EXTRACTS:
        raise RequestRefused(f"{file}: [{section}.{extract}] is no extract; there are {', '.join(EXTRACTS)}")

"""A workspace's `locality.toml`: who, where, what is shared and on what basis. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from expectations.gate import Tolerance

KINDS = ("synthetic", "live")
FILE = "locality.toml"


@dataclass(frozen=True)
class Cluster:
    """A group of practices that work as one team."""

    code: str
    name: str
    practices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Source:
    """One supplier of one extract, and the agreement under which it is shared."""

    supplier: str
    agreement: str
    legal_basis: str
    purpose: str
    valid_from: date
    valid_to: date


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


class _Section:
    """One table of the file: hands out its keys, each with its type, and in the end refuses any that nobody asked for."""

    def __init__(self, file: Path, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise RequestRefused(f"{file}: [{name}] must be a table of keys and values")
        self.file, self.name, self.left = file, name, dict(values)

    def take(self, key: str, kind: type[Any]) -> Any:
        if key not in self.left:
            raise RequestRefused(f"{self.file}: [{self.name}] has no {key}; add it")
        value = self.left.pop(key)
        # True is an int to Python, and a datetime is a date: neither is what the key asks for.
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise RequestRefused(f"{self.file}: [{self.name}] {key} must be {_WORDS[kind]}")
        if kind is str and not value.strip():
            raise RequestRefused(f"{self.file}: [{self.name}] {key} is empty; fill it in")
        return value

    def rest(self, kind: type[Any]) -> dict[str, Any]:
        """All keys that are left, each of the type."""
        return {key: self.take(key, kind) for key in tuple(self.left)}

    def done(self) -> None:
        if self.left:
            raise RequestRefused(
                f"{self.file}: [{self.name}] has the unknown {'keys' if len(self.left) > 1 else 'key'} {', '.join(sorted(self.left))}; remove it"
            )


_WORDS = {str: "text in quotes", date: "a date such as 2014-09-30", float: "a number", list: "a list", dict: "a table"}


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
    return _settings(file, document)


def _settings(file: Path, document: dict[str, Any]) -> Settings:
    top = _Section(file, "top level", document)
    locality = _Section(file, "locality", top.take("locality", dict))
    lookups = _Section(file, "lookups", top.take("lookups", dict))
    disclosure = _Section(file, "disclosure", top.take("disclosure", dict))
    clusters = tuple(_cluster(file, n, values) for n, values in enumerate(top.take("clusters", list), 1))
    sources = _sources(file, top.take("sources", dict))
    tolerances = _tolerances(file, top.left.pop("gate", {}))
    settings = Settings(
        name=locality.take("name", str),
        code=locality.take("code", str),
        kind=locality.take("kind", str),
        council=locality.take("council", str),
        hospital=locality.take("hospital", str),
        postcodes=file.parent / lookups.take("postcodes", str),
        disclosure=disclosure.take("profile", str),
        clusters=clusters,
        sources=sources,
        tolerances=tolerances,
    )
    for section in (locality, lookups, disclosure, top):
        section.done()
    if settings.kind not in KINDS:
        raise RequestRefused(f"{file}: [locality] kind must be {' or '.join(KINDS)}")
    _refuse_shared_practices(file, clusters)
    return settings


def _cluster(file: Path, position: int, values: object) -> Cluster:
    section = _Section(file, f"clusters, entry {position}", values)
    practices = []
    for n, entry in enumerate(section.take("practices", list), 1):
        practice = _Section(file, f"clusters, entry {position}, practice {n}", entry)
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
        section = _Section(file, f"sources.{extract}", entry)
        sources[extract] = Source(
            *(section.take(key, str) for key in ("supplier", "agreement", "legal_basis", "purpose")),
            *(section.take(key, date) for key in ("valid_from", "valid_to")),
        )
        section.done()
    if "gp_registrations" not in sources:
        raise RequestRefused(f"{file}: [sources] has no gp_registrations; every trace is made against the GP register")
    return sources


def _tolerances(file: Path, values: dict[str, Any]) -> dict[tuple[str, str], Tolerance]:
    tolerances = {}
    for extract, rules in values.items():
        _known_extract(file, "gate", extract)
        for rule, entry in _Section(file, f"gate.{extract}", rules).rest(dict).items():
            section = _Section(file, f"gate.{extract}, {rule}", entry)
            tolerances[extract, rule] = Tolerance(section.take("tolerance_percent", float), section.take("owner", str), section.take("reason", str))
            section.done()
    return tolerances


def _known_extract(file: Path, section: str, extract: str) -> None:
    if extract not in EXTRACTS:
        raise RequestRefused(f"{file}: [{section}.{extract}] is no extract; there are {', '.join(EXTRACTS)}")

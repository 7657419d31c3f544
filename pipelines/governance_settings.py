"""What `locality.toml` states of keys, of how long things are kept, and of who may ask for whom by name. All of it may be left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.vault import Purpose, Source
from pipelines.sections import Section

LOOKS_LIKE_A_KEY = re.compile("[0-9A-Fa-f]{64}")
PROJECT = "risk stratification"


@dataclass(frozen=True)
class Keys:
    """For whom and what for pseudonyms are made, and where the keys come from: the vault's own files unless stated."""

    recipient: str = ""
    project: str = PROJECT
    sources: Mapping[Purpose, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Keep:
    """How long something is kept: so many days after it was last published from, or the newest so many runs. Without either, for good."""

    days: int | None = None
    runs: int | None = None


@dataclass(frozen=True)
class Retention:
    """How long each zone keeps what it holds; the vault's registers and bridges and the lists that it gave out are apart from its keys, which stay."""

    landing: Keep = Keep()
    pseudonymised: Keep = Keep()
    published: Keep = Keep()
    registers: Keep = Keep()
    bridges: Keep = Keep()
    reidentified: Keep = Keep()


NO_KEYS, NO_RETENTION = Keys(), Retention()

MOST_KEPT = 36_500
"""Days or runs: a hundred years of days."""

BY_DAYS_ALONE = ("landing", "bridges", "reidentified")
"""What no run stands for by itself."""


@dataclass(frozen=True)
class Authorised:
    """Who may ask for a practice's own patients by name, and who may approve it."""

    requesters: tuple[str, ...]
    approvers: tuple[str, ...]


def keys(file: Path, values: object) -> Keys:
    """The section `[keys]`. Raises RequestRefused."""
    section = Section(file, "keys", values)
    sources = {purpose: source for purpose in Purpose if (source := _source(file, purpose, section.optional(purpose, dict, {})))}
    stated = Keys(section.optional("recipient", str, ""), section.optional("project", str, PROJECT), sources)
    section.done()
    if len(sources) == len(Purpose) and len(set(sources.values())) == 1 and not any("{id}" in word for word in sources[Purpose.REGISTER].words):
        raise RequestRefused(f"{file}: [keys] gives the pseudonyms and the register one key; give each its own")
    return stated


def _source(file: Path, purpose: Purpose, values: dict[str, Any]) -> Source | None:
    section = Section(file, f"keys.{purpose}", values)
    kinds: tuple[Literal["file", "environment", "command"], ...] = ("file", "environment", "command")
    stated = [(kind, section.texts(kind) if kind == "command" else (section.take(kind, str),)) for kind in kinds if kind in section.left]
    section.done()
    if not stated:
        return None
    if len(stated) > 1:
        raise RequestRefused(f"{file}: [keys.{purpose}] names {' and '.join(kind for kind, _ in stated)}; a key comes from one place: keep one")
    kind, words = stated[0]
    if any(LOOKS_LIKE_A_KEY.search(word) for word in words):
        raise RequestRefused(f"{file}: [keys.{purpose}] {kind} seems to hold a key itself; take it out, make a new one, and say here where that lies")
    return Source(kind, tuple(str(file.parent / word) for word in words) if kind == "file" else words)


def retention(file: Path, values: object) -> Retention:
    """The section `[retention]`. Raises RequestRefused."""
    section = Section(file, "retention", values)
    kept = {zone: _keep(file, zone, section.take(zone, dict)) for zone in Retention.__dataclass_fields__ if zone in section.left}
    section.done()
    return Retention(**kept)


def _keep(file: Path, zone: str, values: dict[str, Any]) -> Keep:
    section = Section(file, f"retention.{zone}", values)
    stated = {unit: section.take(unit, int) for unit in ("days", "runs") if unit in section.left}
    section.done()
    units = "days" if zone in BY_DAYS_ALONE else "days or runs"
    if len(stated) != 1 or not set(stated) <= set(units.split(" or ")):
        raise RequestRefused(f"{file}: [retention] {zone} needs {units}, one number; or take the line out to keep all")
    if not all(1 <= number <= MOST_KEPT for number in stated.values()):
        raise RequestRefused(f"{file}: [retention] {zone} must be from 1 to {MOST_KEPT:,}; take the line out to keep all")
    return Keep(**stated)


def authorised(file: Path, values: object, practices: Collection[str]) -> dict[str, Authorised]:
    """The sections `[reidentification.<practice>]`. Raises RequestRefused, also where nobody else could approve."""
    stated = {}
    for practice, entry in Section(file, "reidentification", values).rest(dict).items():
        name = f"reidentification.{practice}"
        if practice not in practices:
            raise RequestRefused(f"{file}: [{name}] is no practice of [[clusters]]; name it there or take the section out")
        section = Section(file, name, entry)
        requesters, approvers = section.texts("requesters"), section.texts("approvers")
        section.done()
        if any({person(approver) for approver in approvers} <= {person(requester)} for requester in requesters):
            raise RequestRefused(f"{file}: [{name}] has a requester whom nobody else could approve; name another approver")
        stated[practice] = Authorised(requesters, approvers)
    return stated


def person(name: str) -> str:
    """A name as it is compared: however it is spaced, in capitals or not, it is the same person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())

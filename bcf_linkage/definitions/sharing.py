"""The legal bases and purposes for sharing data, and the objections that apply to each (`reference/sharing.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reference_data import (
    TomlTable,
    load_toml,
    parse_dataclass,
    require_each_of,
    require_one_of,
    require_percent,
    take_table,
    take_tables,
)

FILE = "sharing.toml"
SECTORS = ("health", "social care")


class Objection(StrEnum):
    """An objection that keeps a person's records out. Somebody who objects in two ways is counted under the first of this order."""

    TYPE_1 = "type_1"
    NATIONAL = "national_data_opt_out"
    LOCAL = "local_objection"


@dataclass(frozen=True)
class LegalBasis:
    """A legal basis: the sectors whose data it covers and the objections that apply to it. Only a workspace of the kind `workspace` may state it."""

    code: str
    words: str
    covers: tuple[str, ...]
    objections: tuple[Objection, ...]
    source: str
    mark: str
    workspace: str = ""


@dataclass(frozen=True)
class Purpose:
    """A purpose for which data are used, and the objections that apply to it."""

    code: str
    words: str
    objections: tuple[Objection, ...]
    source: str
    mark: str


@dataclass(frozen=True)
class NationalCheck:
    """How to ask about the national data opt-out, and for how many days an answer may be used.

    An answer that leaves out more than `most_percent` percent of at least `smallest` people asked about is refused.
    """

    days: int
    most_percent: int
    smallest: int
    workflow: str
    recipient: str
    source: str
    mark: str


@dataclass(frozen=True)
class SharingRules:
    """All rules that the gates apply: the sector of each extract, legal bases and purposes by code, and the national check."""

    edition: Edition
    sectors: Mapping[str, str]
    legal_bases: Mapping[str, LegalBasis]
    purposes: Mapping[str, Purpose]
    national_check: NationalCheck

    @classmethod
    def build(cls, on: date) -> SharingRules:
        """Return the rules that are valid on a day. Raises UsageError for an unknown, missing or impossible entry."""
        contents = load_toml(FILE)
        edition = Edition.build(FILE, contents, on)
        bases = (_parse_legal_basis(f"{FILE}: legal basis {n}", entry) for n, entry in enumerate(take_tables(FILE, contents, "legal_bases"), 1))
        purposes = (_parse_purpose(f"{FILE}: purpose {n}", entry) for n, entry in enumerate(take_tables(FILE, contents, "purposes"), 1))
        return parse_dataclass(
            cls,
            FILE,
            contents,
            edition=edition,
            sectors=_parse_sectors(take_table(FILE, contents, "sectors")),
            legal_bases={basis.code: basis for basis in bases},
            purposes={purpose.code: purpose for purpose in purposes},
            national_check=_parse_national_check(take_table(FILE, contents, "national_check")),
        )

    def objections_for(self, legal_basis: str, purpose: str) -> tuple[Objection, ...]:
        """Return the objections that apply to both the legal basis and the purpose. Raises KeyError."""
        purpose_objections = self.purposes[purpose].objections
        return tuple(objection for objection in self.legal_bases[legal_basis].objections if objection in purpose_objections)


def _parse_sectors(entries: TomlTable) -> dict[str, str]:
    location = f"{FILE}: sectors"
    return {require_one_of(location, "extract", extract, tuple(EXTRACTS)): require_one_of(location, extract, entries[extract], SECTORS) for extract in entries}


def _parse_legal_basis(location: str, entry: TomlTable) -> LegalBasis:
    covers = require_each_of(location, "covers", entry.get("covers", ()), SECTORS)
    return parse_dataclass(LegalBasis, location, entry, covers=covers, objections=_parse_objections(location, entry))


def _parse_purpose(location: str, entry: TomlTable) -> Purpose:
    return parse_dataclass(Purpose, location, entry, objections=_parse_objections(location, entry))


def _parse_objections(location: str, entry: TomlTable) -> tuple[Objection, ...]:
    return tuple(map(Objection, require_each_of(location, "objections", entry.get("objections", ()), tuple(Objection))))


def _parse_national_check(entry: TomlTable) -> NationalCheck:
    location = f"{FILE}: national_check"
    check = parse_dataclass(NationalCheck, location, entry)
    require_percent(location, "most_percent", check.most_percent)
    return check

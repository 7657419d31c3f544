"""On what basis and for what purpose data may be shared, and which objections then hold (`reference/sharing.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reading import document, made, one_of

FILE = "sharing.toml"
SECTORS = ("health", "social care")


class Objection(StrEnum):
    """What keeps a person's records out, in the order in which it is told: who objects in two ways is counted under the first."""

    TYPE_1 = "type_1"
    NATIONAL = "national_data_opt_out"
    LOCAL = "local_objection"


@dataclass(frozen=True)
class LegalBasis:
    """A basis in law: the sectors whose data may be shared on it, and the objections that hold against it. `workspace` is the one kind that may state it."""

    code: str
    words: str
    covers: tuple[str, ...]
    objections: tuple[Objection, ...]
    source: str
    mark: str
    workspace: str = ""


@dataclass(frozen=True)
class Purpose:
    """What data are used for, and the objections that hold against it."""

    code: str
    words: str
    objections: tuple[Objection, ...]
    source: str
    mark: str


@dataclass(frozen=True)
class NationalCheck:
    """How the national data opt-out is asked about, and for how many days an answer holds. Answers that leave out too many are not believed."""

    days: int
    most_percent: int
    smallest: int
    workflow: str
    recipient: str
    source: str
    mark: str


@dataclass(frozen=True)
class SharingRules:
    """All that the gates interpret."""

    edition: Edition
    sectors: Mapping[str, str]
    legal_bases: Mapping[str, LegalBasis]
    purposes: Mapping[str, Purpose]
    national_check: NationalCheck

    @classmethod
    def build(cls, on: date) -> SharingRules:
        """The rules that hold on a day. Raises RequestRefused for an unknown, missing or impossible entry."""
        found = document(FILE)
        sectors = found.pop("sectors", {})
        for extract, sector in sectors.items():
            one_of(f"{FILE}: sectors", "extract", extract, tuple(EXTRACTS))
            one_of(f"{FILE}: sectors", extract, sector, SECTORS)
        return made(
            cls,
            FILE,
            found,
            edition=Edition.build(FILE, found, on),
            sectors=sectors,
            legal_bases={basis.code: basis for basis in (_legal_basis(n, entry) for n, entry in enumerate(found.pop("legal_bases", []), 1))},
            purposes={purpose.code: purpose for purpose in (_purpose(n, entry) for n, entry in enumerate(found.pop("purposes", []), 1))},
            national_check=made(NationalCheck, f"{FILE}: national_check", found.pop("national_check", {})),
        )

    def holding(self, legal_basis: str, purpose: str) -> tuple[Objection, ...]:
        """The objections that hold against both. Raises KeyError."""
        against = self.purposes[purpose].objections
        return tuple(objection for objection in self.legal_bases[legal_basis].objections if objection in against)


def _legal_basis(position: int, entry: dict[str, Any]) -> LegalBasis:
    place = f"{FILE}: legal basis {position}"
    covers = tuple(one_of(place, "covers", sector, SECTORS) for sector in entry.get("covers", ()))
    return made(LegalBasis, place, entry, covers=covers, objections=_objections(place, entry))


def _purpose(position: int, entry: dict[str, Any]) -> Purpose:
    place = f"{FILE}: purpose {position}"
    return made(Purpose, place, entry, objections=_objections(place, entry))


def _objections(place: str, entry: Mapping[str, Any]) -> tuple[Objection, ...]:
    return tuple(Objection(one_of(place, "objections", code, tuple(Objection))) for code in entry.get("objections", ()))

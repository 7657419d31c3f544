"""What `locality.toml` states of the agreements under which sources are shared, and of the lists of who opted out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bcf_linkage.definitions.errors import RequestRefused
from pipelines.sections import Section

MAILBOX = re.compile("[A-Z0-9]{4,20}")


@dataclass(frozen=True)
class Agreement:
    """A data sharing agreement: its reference, who made it, for which purposes and extracts, on what basis, from which day through which."""

    reference: str
    parties: tuple[str, ...]
    purposes: tuple[str, ...]
    data_sets: tuple[str, ...]
    legal_basis: str
    valid_from: date
    valid_to: date

    def __str__(self) -> str:
        return f"{self.reference}, {self.valid_from} to {self.valid_to}"


@dataclass(frozen=True)
class OptOutLists:
    """The MESH mailbox that the national service is asked from, and whether there must be a list of local objections."""

    mailbox: str = ""
    local_objections: bool = False


NO_LISTS = OptOutLists()


def agreement(source: Section) -> Agreement | None:
    """The agreement that a source states, which it does in full or not at all. Raises RequestRefused."""
    if not source.left:
        return None
    return Agreement(
        reference=source.take("agreement", str),
        parties=source.texts("parties"),
        purposes=source.texts("purposes"),
        data_sets=source.texts("data_sets"),
        legal_basis=source.take("legal_basis", str),
        valid_from=source.take("valid_from", date),
        valid_to=source.take("valid_to", date),
    )


def opt_out_lists(file: Path, values: object) -> OptOutLists:
    """The section `[opt_outs]`. Raises RequestRefused."""
    section = Section(file, "opt_outs", values)
    stated = OptOutLists(section.optional("mailbox", str, ""), section.optional("local_objections", bool, default=False))
    section.done()
    if stated.mailbox and not MAILBOX.fullmatch(stated.mailbox):
        raise RequestRefused(f"{file}: [opt_outs] mailbox is no name of a MESH mailbox, which is capital letters and digits, such as 8HQ50OT001")
    return stated

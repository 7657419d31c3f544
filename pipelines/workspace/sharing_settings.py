"""The sections of `locality.toml` on sharing agreements and on opt-out lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bcf_linkage.definitions.errors import UsageError
from pipelines.workspace.settings_section import SettingsSection

MAILBOX = re.compile("[A-Z0-9]{4,20}")


@dataclass(frozen=True)
class Agreement:
    """A data sharing agreement: reference, parties, purposes, extracts, legal basis, and its first and last day (both included)."""

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
class OptOutSettings:
    """The MESH mailbox that requests to the national service are sent from, and whether a list of local objections is required."""

    mailbox: str = ""
    local_objections: bool = False


NO_OPT_OUT_SETTINGS = OptOutSettings()


def parse_agreement(section: SettingsSection) -> Agreement | None:
    """Parse the agreement of a source; None if it states none. Raises UsageError if it is incomplete."""
    if not section.unread:
        return None
    return Agreement(
        reference=section.take("agreement", str),
        parties=section.take_texts("parties"),
        purposes=section.take_texts("purposes"),
        data_sets=section.take_texts("data_sets"),
        legal_basis=section.take("legal_basis", str),
        valid_from=section.take("valid_from", date),
        valid_to=section.take("valid_to", date),
    )


def parse_opt_out_settings(file: Path, values: object) -> OptOutSettings:
    """Parse the section `[opt_outs]`. Raises UsageError."""
    section = SettingsSection(file, "opt_outs", values)
    opt_out_settings = OptOutSettings(section.take_optional("mailbox", str, ""), section.take_optional("local_objections", bool, default=False))
    section.raise_on_unread()
    if opt_out_settings.mailbox and not MAILBOX.fullmatch(opt_out_settings.mailbox):
        raise UsageError(f"{file}: [opt_outs] mailbox is not the name of a MESH mailbox: capital letters and digits, such as 8HQ50OT001")
    return opt_out_settings

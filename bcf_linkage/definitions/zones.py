"""The zones of trust, and the allow-list of each: which tables may lie there, with which columns. It is read from the declarations.

Landing and the vault hold identifiers and have no list. A table that declares an identifying column can be on neither of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import PSEUDONYMISED, received
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.schema import Table


class Zone(StrEnum):
    """A zone whose tables are listed, by the name of its folder."""

    PSEUDONYMISED = "pseudonymised"
    PUBLISHED = "published"


def listed(zone: Zone) -> Mapping[str, Table]:
    """The tables of a zone, each by its path below a run's folder, without the ending."""
    if zone is Zone.PSEUDONYMISED:
        return {**PSEUDONYMISED, **{f"received/{name}": received(table) for name, table in EXTRACTS.items()}}
    return {f"tables/{name}": table for name, table in PUBLISHED.items()}


def not_allowed(table: Table | None, columns: tuple[str, ...]) -> str:
    """Why columns may not be written where the table is listed, in words; nothing if they may."""
    if table is None:
        return "is on no list of tables for this zone"
    if table.identifying:
        return f"declares the identifying columns {', '.join(table.identifying)}"
    if others := sorted(set(columns) - set(table.names)):
        return f"holds columns that are not declared: {', '.join(others)}"
    return ""

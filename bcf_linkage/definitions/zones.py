"""The zones of trust and the allow-list of each: its tables and their columns, read from the declarations.

Landing and the vault contain identifiers and have no allow-list. No allow-list may contain a table with an identifying column.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import PSEUDONYMISED, received_table
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.schema import Table


class Zone(StrEnum):
    """A zone with an allow-list, by the name of its folder."""

    PSEUDONYMISED = "pseudonymised"
    PUBLISHED = "published"


def allowed_tables(zone: Zone) -> Mapping[str, Table]:
    """Return the tables of a zone by their path below the folder of a run, without the file ending."""
    if zone is Zone.PSEUDONYMISED:
        return {**PSEUDONYMISED, **{f"received/{name}": received_table(table) for name, table in EXTRACTS.items()}}
    return {f"tables/{name}": table for name, table in PUBLISHED.items()}


def reason_not_allowed(table: Table | None, columns: tuple[str, ...]) -> str:
    """Return why these columns may not be written to the table, as text; empty if they may."""
    if table is None:
        return "is on no list of tables for this zone"
    if table.identifying:
        return f"declares the identifying columns {', '.join(table.identifying)}"
    if undeclared := sorted(set(columns) - set(table.names)):
        return f"has columns that are not declared: {', '.join(undeclared)}"
    return ""

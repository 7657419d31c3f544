"""The data dictionary: every declared column, in words."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import PSEUDONYMISED, received
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.schema import Column, Table


def data_dictionary() -> list[dict[str, str | int]]:
    """One row per declared column of every table, zone by zone, each table's columns in their order."""
    zones: dict[str, tuple[Table, ...]] = {
        "identifiable": tuple(EXTRACTS.values()),
        "pseudonymised": (*(received(extract) for extract in EXTRACTS.values()), *PSEUDONYMISED.values()),
        "published": tuple(PUBLISHED.values()),
    }
    return [row for zone, tables in zones.items() for table in tables for row in _columns(zone, table)]


def _columns(zone: str, table: Table) -> Iterator[dict[str, str | int]]:
    for position, column in enumerate(table.columns, 1):
        yield {
            "zone": zone,
            "table": table.name,
            "grain": table.grain,
            "position": position,
            "column": column.name,
            "type": str(column.type),
            "meaning": column.meaning,
            "allowed": _allowed(column),
            "identifies": str(column.identity or ""),
            "source": column.source,
        }


def _allowed(column: Column) -> str:
    words = [constraint.words for constraint in column.constraints]
    if column.codes:
        words.append(", ".join(f"{code} {meaning}" if code != meaning else code for code, meaning in column.codes.meanings))
    return "; ".join(words)

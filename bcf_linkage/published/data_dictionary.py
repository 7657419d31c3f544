"""The data dictionary: every declared column of every table."""

from __future__ import annotations

from collections.abc import Iterator

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import PSEUDONYMISED, received_table
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.schema import Column, Table


def build_data_dictionary() -> list[dict[str, str | int]]:
    """Return one row per declared column, by zone and table, in the order of the declaration."""
    zones: dict[str, tuple[Table, ...]] = {
        "identifiable": tuple(EXTRACTS.values()),
        "pseudonymised": (*(received_table(extract) for extract in EXTRACTS.values()), *PSEUDONYMISED.values()),
        "published": tuple(PUBLISHED.values()),
    }
    return [row for zone, tables in zones.items() for table in tables for row in _column_rows(zone, table)]


def _column_rows(zone: str, table: Table) -> Iterator[dict[str, str | int]]:
    for position, column in enumerate(table.columns, 1):
        yield {
            "zone": zone,
            "table": table.name,
            "grain": table.grain,
            "position": position,
            "column": column.name,
            "type": str(column.type),
            "meaning": column.meaning,
            "allowed": _allowed_values(column),
            "identifies": str(column.identity or ""),
            "source": column.source,
        }


def _allowed_values(column: Column) -> str:
    descriptions = [constraint.words for constraint in column.constraints]
    if column.codes:
        descriptions.append(", ".join(f"{code} {meaning}" if code != meaning else code for code, meaning in column.codes.meanings))
    return "; ".join(descriptions)

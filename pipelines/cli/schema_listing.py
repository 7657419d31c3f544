"""`bcf schema`: list the declared extracts and their columns."""

from __future__ import annotations

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Table


def find_table(extract: str) -> Table:
    """Return the declared table of an extract. Raises UsageError, with the names of all extracts, for an unknown name."""
    if extract not in EXTRACTS:
        raise UsageError(f"no extract {extract}; the extracts are {', '.join(EXTRACTS)}")
    return EXTRACTS[extract]


def list_schema(extract: str | None) -> list[dict[str, object]]:
    """List one row per extract or, for one extract, one row per column, in declared order."""
    if extract is None:
        return [
            {"extract": t.name, "one row is": t.grain, "columns": len(t.columns), "key": ", ".join(t.key), "modelled on": t.source} for t in EXTRACTS.values()
        ]
    return [
        {
            "column": column.name,
            "type": column.type.value,
            "meaning": column.meaning,
            "allowed": "; ".join(f"{rule.words} (else {rule.consequence.value})" for rule in column.rules),
            "codes": dict(column.codes.meanings) if column.codes else {},
            "identifies": column.identity.value if column.identity else "",
            "source": column.source,
        }
        for column in find_table(extract).columns
    ]

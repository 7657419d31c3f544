"""What `bcf schema` shows, read from the declared tables."""

from __future__ import annotations

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Table


def table_named(extract: str) -> Table:
    """The declared table of an extract. Raises RequestRefused naming the extracts there are."""
    if extract not in EXTRACTS:
        raise RequestRefused(f"no extract {extract}; there are {', '.join(EXTRACTS)}")
    return EXTRACTS[extract]


def listing(extract: str | None) -> list[dict[str, object]]:
    """One entry per extract, or per column of one extract, in declared order."""
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
        for column in table_named(extract).columns
    ]

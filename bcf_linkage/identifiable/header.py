"""Which declared column stands in which place of a delivery: the header, however its supplier spells it.

`NHSNumber`, `nhs number` and `NHS_NUMBER` are all `nhs_number`. A first line that may be a person's row is never quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.schema import Table

LONGEST_NAME = 64


def spelt(name: str) -> str:
    """What is left of a column's name once case and all but letters and digits are set aside."""
    return re.sub("[^a-z0-9]", "", name.lower())


def matched(table: Table, fields: Sequence[str]) -> tuple[str | None, ...]:
    """The declared name of each field, None for a field that the table does not declare."""
    declared = {spelt(name): name for name in table.names}
    return tuple(declared.get(spelt(field)) for field in fields)


def is_header(table: Table, fields: Sequence[str]) -> bool:
    """Whether the fields are names of the table's columns, most of them at least, and not a row of values."""
    return 2 * sum(name is not None for name in matched(table, fields)) >= len(fields)


def declared_names(table: Table, fields: Sequence[str], file: str) -> tuple[str, ...]:
    """The declared name of each field, in the file's order. Raises RequestRefused with all that is missing, unknown or repeated."""
    names = matched(table, fields)
    if not is_header(table, fields):
        known = sum(name is not None for name in names)
        raise RequestRefused(
            f"{file}: the first line is no header of {table.name}: {known} of its {len(fields)} fields {'is' if known == 1 else 'are'} a declared column; "
            f"`bcf schema {table.name}` lists them"
        )
    troubles = {
        "lacks": [name for name in table.names if name not in names],
        "has the unknown": [_shown(field) for field, name in zip(fields, names, strict=True) if name is None],
        "repeats": [name for name in table.names if names.count(name) > 1],
    }
    if any(troubles.values()):
        told = "; ".join(f"{verb} {_columns(found)}" for verb, found in troubles.items() if found)
        raise RequestRefused(f"{file}: the header {told}; `bcf schema {table.name}` lists the columns")
    return tuple(name for name in names if name is not None)


def _columns(names: Sequence[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {', '.join(names)}"


def _shown(field: str) -> str:
    """An unknown name as it may be printed: letters, digits and a few signs, cut short."""
    return re.sub(r"[^\w .\-/()]", "?", field.strip())[:LONGEST_NAME] or "(blank)"

"""Match the header of a delivery to the declared columns, however the supplier spells them.

`NHSNumber`, `nhs number` and `NHS_NUMBER` are all `nhs_number`. An error never quotes a first line that may be a person's row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.schema import Table

MAX_NAME_LENGTH = 64
"""Characters of an unknown column name that an error quotes: longer than any column name, short enough for one line. [D]"""


def normalise_column_name(name: str) -> str:
    """Return a column name in small letters, with letters and digits only."""
    return re.sub("[^a-z0-9]", "", name.lower())


def match_fields(table: Table, fields: Sequence[str]) -> tuple[str | None, ...]:
    """Return the declared name of each field, None for a field that the table does not declare."""
    declared = {normalise_column_name(name): name for name in table.names}
    return tuple(declared.get(normalise_column_name(field)) for field in fields)


def is_header(table: Table, fields: Sequence[str]) -> bool:
    """Return whether the fields are a header and not a row of values: at least half of them are columns of the table."""
    return 2 * sum(name is not None for name in match_fields(table, fields)) >= len(fields)


def declared_names(table: Table, fields: Sequence[str], file: str) -> tuple[str, ...]:
    """Return the declared name of each field, in the file's order. Raises UsageError with all columns that are missing, unknown or repeated."""
    names = match_fields(table, fields)
    if not is_header(table, fields):
        declared_count = sum(name is not None for name in names)
        raise UsageError(
            f"{file}: the first line is no header of {table.name}: "
            f"{declared_count} of its {len(fields)} fields {'is' if declared_count == 1 else 'are'} a declared column; "
            f"`bcf schema {table.name}` lists them"
        )
    problems = {
        "lacks": [name for name in table.names if name not in names],
        "has the unknown": [_printable_name(field) for field, name in zip(fields, names, strict=True) if name is None],
        "repeats": [name for name in table.names if names.count(name) > 1],
    }
    if any(problems.values()):
        problem_text = "; ".join(f"{verb} {_columns_text(columns)}" for verb, columns in problems.items() if columns)
        raise UsageError(f"{file}: the header {problem_text}; `bcf schema {table.name}` lists the columns")
    return tuple(name for name in names if name is not None)


def _columns_text(names: Sequence[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {', '.join(names)}"


def _printable_name(field: str) -> str:
    """Return an unknown name that is safe to print: letters, digits and a few signs, cut to `MAX_NAME_LENGTH`."""
    return re.sub(r"[^\w .\-/()]", "?", field.strip())[:MAX_NAME_LENGTH] or "(blank)"

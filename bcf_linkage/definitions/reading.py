"""Reading reference data strictly: an entry has the keys that its class declares, each of the declared type, and no others."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date
from typing import Any, TypeVar

from bcf_linkage.definitions.code_lists import REFERENCE, reference_rows
from bcf_linkage.definitions.errors import RequestRefused

T = TypeVar("T")
KINDS = {"str": (str, "text in quotes"), "int": (int, "a whole number"), "date": (date, "a date such as 2014-09-30"), "bool": (bool, "true or false")}


def document(file: str) -> dict[str, Any]:
    """The reference file of that name, as TOML. Raises RequestRefused."""
    try:
        return tomllib.loads((REFERENCE / file).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RequestRefused(f"{file}: is not valid TOML: {error}") from None


def rows(file: str) -> list[dict[str, str]]:
    """The reference file of that name, as CSV: header to value, blank values as empty text."""
    return reference_rows(file)


def made(kind: type[T], place: str, entry: Mapping[str, Any], /, **parts: Any) -> T:
    """An object of the dataclass from an entry; `parts` are values already built, in place of the entry's own.

    Raises RequestRefused, naming the place and the key, for a key that is unknown, missing or of another type.
    """
    declared = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    given = {**entry, **parts}
    if unknown := sorted(given.keys() - declared.keys()):
        raise RequestRefused(f"{place}: unknown key {', '.join(unknown)}; remove it, or use one of {', '.join(declared)}")
    required = {name for name, field in declared.items() if field.default is MISSING and field.default_factory is MISSING}
    if missing := sorted(required - given.keys()):
        raise RequestRefused(f"{place}: {', '.join(missing)} is missing; add it")
    for name, value in given.items():
        # True is an int to Python: only the exact type will do.
        if (known := KINDS.get(str(declared[name].type))) and type(value) is not known[0]:
            raise RequestRefused(f"{place}: {name} must be {known[1]}")
    return kind(**given)


def one_of(place: str, key: str, value: str, allowed: tuple[str, ...]) -> str:
    """The value, if it is allowed. Raises RequestRefused naming what is."""
    if value not in allowed:
        raise RequestRefused(f"{place}: {key} {value} is not known; use one of {', '.join(allowed)}")
    return value

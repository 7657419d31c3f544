"""Read reference data strictly: an entry has the keys that its class declares, each of the declared type, and no others."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import TypeVar, Union, get_args, get_origin, get_type_hints

from bcf_linkage.definitions.code_lists import REFERENCE, reference_rows
from bcf_linkage.definitions.errors import UsageError

T = TypeVar("T")

TomlTable = dict[str, object]
"""A table of a TOML file: key to value, of whatever type the file gives it."""

SCALAR_NAMES: Mapping[type, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date such as 2014-09-30",
}
"""The single values of TOML, in the words of an error message."""


class _WrongType(Exception):
    """A value that does not have the declared type."""


def load_toml(file: str) -> TomlTable:
    """Return the contents of a TOML file of the reference folder. Raises UsageError."""
    try:
        return tomllib.loads((REFERENCE / file).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: is not valid TOML: {error}") from None


def load_csv(file: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of the reference folder: header to value, a blank value as empty text."""
    return reference_rows(file)


def take_table(location: str, document: TomlTable, key: str) -> TomlTable:
    """Remove and return a table of the document, an empty one if it has none. Raises UsageError for another type."""
    value = document.pop(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{location}: {key} must be a table")
    return value


def take_tables(location: str, document: TomlTable, key: str) -> list[TomlTable]:
    """Remove and return a list of tables of the document, an empty one if it has none. Raises UsageError for another type."""
    value = document.pop(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise UsageError(f"{location}: {key} must be a list of tables")
    return value


def parse_dataclass(dataclass_type: type[T], location: str, entry: Mapping[str, object], /, **built: object) -> T:
    """Build an object of the dataclass from an entry; `built` are values that replace the entry's own.

    Each value is converted to the declared type of its field: a list to a tuple, a code to its enum, a whole number to a float.
    `location` names the file, and the entry within it, in errors. Raises UsageError with the location, the key and the type
    wanted for a key that is unknown, missing or of another type. The error never shows the value.
    """
    declared = _declared_fields(dataclass_type)  # type: ignore[arg-type] # a class is hashable
    given = {**entry, **built}
    if unknown := sorted(given.keys() - declared.keys()):
        raise UsageError(f"{location}: unknown key {', '.join(unknown)}; remove it, or use one of {', '.join(declared)}")
    required = {name for name, (field, _) in declared.items() if field.default is MISSING and field.default_factory is MISSING}
    if missing := sorted(required - given.keys()):
        raise UsageError(f"{location}: {', '.join(missing)} is missing; add it")
    converted = {name: parse_value(declared[name][1], location, name, value) for name, value in given.items()}
    return dataclass_type(**converted)


def parse_value(annotation: object, location: str, key: str, value: object) -> object:
    """Return a value converted to a type. Raises UsageError with the location, the key and the type wanted, never the value."""
    try:
        return _convert(annotation, value)
    except _WrongType:
        raise UsageError(f"{location}: {key} must be {_type_text(annotation)}") from None


def require_one_of(location: str, key: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return the value if it is allowed. Raises UsageError with the values that are."""
    if not isinstance(value, str):
        raise UsageError(f"{location}: {key} must be {SCALAR_NAMES[str]}, one of {', '.join(allowed)}")
    if value not in allowed:
        raise UsageError(f"{location}: {key} {value} is not known; use one of {', '.join(allowed)}")
    return value


def require_each_of(location: str, key: str, values: object, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return a list of values if all are allowed. Raises UsageError with the values that are, and for anything but a list."""
    if not isinstance(values, (list, tuple)):
        raise UsageError(f"{location}: {key} must be {_type_text(tuple[str, ...])}")
    return tuple(require_one_of(location, key, value, allowed) for value in values)


def require_percent(location: str, key: str, percent: float) -> float:
    """Return the percentage if it is from 0 to 100. Raises UsageError for any other number and for no number (nan)."""
    if not 0 <= percent <= 100:
        raise UsageError(f"{location}: {key} must be from 0 to 100")
    return percent


@cache
def _declared_fields(dataclass_type: type) -> dict[str, tuple[Field[object], object]]:
    """Return each field of a dataclass with its resolved type. Annotations are text until they are resolved."""
    annotations = get_type_hints(dataclass_type)
    return {field.name: (field, annotations[field.name]) for field in fields(dataclass_type)}


def _convert(annotation: object, value: object) -> object:
    """Return the value as the type declares it. Raises _WrongType."""
    convert_generic = _GENERIC_CONVERTERS.get(get_origin(annotation))
    if convert_generic is not None:
        return convert_generic(get_args(annotation), value)
    if not isinstance(annotation, type):
        raise TypeError(f"parse_dataclass cannot read {annotation}")
    if issubclass(annotation, Enum):
        return _convert_enum(annotation, value)
    if annotation is float:
        return _convert_float(value)
    # True is an int to Python, and a time of day a date: of single values only the exact type fits.
    fits = type(value) is annotation if annotation in SCALAR_NAMES else isinstance(value, annotation)
    if not fits:
        raise _WrongType
    return value


def _convert_enum(annotation: type[Enum], value: object) -> Enum:
    try:
        return annotation(value)
    except ValueError:
        raise _WrongType from None


def _convert_float(value: object) -> float:
    # TOML also writes nan and inf, which no rule can be compared with.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise _WrongType
    return float(value)


def _convert_tuple(types: tuple[object, ...], value: object) -> tuple[object, ...]:
    if not isinstance(value, (list, tuple)):
        raise _WrongType
    if types[1:] == (Ellipsis,):
        return tuple(_convert(types[0], item) for item in value)
    if len(value) != len(types):
        raise _WrongType
    return tuple(_convert(annotation, item) for annotation, item in zip(types, value, strict=True))


def _convert_list(types: tuple[object, ...], value: object) -> list[object]:
    if not isinstance(value, list):
        raise _WrongType
    return [_convert(types[0], item) for item in value]


def _convert_mapping(types: tuple[object, ...], value: object) -> dict[object, object]:
    if not isinstance(value, Mapping):
        raise _WrongType
    return {_convert(types[0], key): _convert(types[1], item) for key, item in value.items()}


def _convert_union(types: tuple[object, ...], value: object) -> object:
    """Return the value as the first of the types that it fits."""
    if value is None and NoneType in types:
        return None
    for annotation in types:
        if annotation is not NoneType:
            try:
                return _convert(annotation, value)
            except _WrongType:
                continue
    raise _WrongType


_GENERIC_CONVERTERS: Mapping[object, Callable[[tuple[object, ...], object], object]] = {
    tuple: _convert_tuple,
    list: _convert_list,
    dict: _convert_mapping,
    Mapping: _convert_mapping,
    UnionType: _convert_union,
    Union: _convert_union,
}


def _type_text(annotation: object) -> str:
    """Return a declared type in words, such as "a whole number"."""
    origin, types = get_origin(annotation), get_args(annotation)
    if origin in (UnionType, Union):
        return " or ".join(_type_text(each) for each in types if each is not NoneType)
    if origin is list or types[1:] == (Ellipsis,):
        return f"a list, each value {_type_text(types[0])}"
    if origin is tuple:
        return f"a list of {len(types)}: {', '.join(map(_type_text, types))}"
    if origin in (dict, Mapping):
        return f"a table, each value {_type_text(types[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"one of {', '.join(str(member.value) for member in annotation)}"
    if isinstance(annotation, type) and annotation in SCALAR_NAMES:
        return SCALAR_NAMES[annotation]
    return "a table" if is_dataclass(annotation) else f"of type {getattr(annotation, '__name__', annotation)}"

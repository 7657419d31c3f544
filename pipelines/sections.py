"""One section of a file of settings, which hands out its keys and refuses what nobody asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused


class Section:
    """One table of the file: hands out its keys, each with its type, and in the end refuses any that nobody asked for."""

    def __init__(self, file: Path, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise RequestRefused(f"{file}: [{name}] must be a table of keys and values")
        self.file, self.name, self.left = file, name, dict(values)

    def take(self, key: str, kind: type[Any]) -> Any:
        if key not in self.left:
            raise RequestRefused(f"{self.file}: [{self.name}] has no {key}; add it")
        value = self.left.pop(key)
        # True is an int to Python, and a datetime is a date: neither is what the key asks for.
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise RequestRefused(f"{self.file}: [{self.name}] {key} must be {_WORDS[kind]}")
        if kind is str and not value.strip():
            raise RequestRefused(f"{self.file}: [{self.name}] {key} is empty; fill it in")
        if kind is str and not value.isprintable():
            raise RequestRefused(f"{self.file}: [{self.name}] {key} holds a control character; write it in plain text")
        return value

    def optional(self, key: str, kind: type[Any], default: Any) -> Any:
        """The key's value, or the default if it is not there."""
        return self.take(key, kind) if key in self.left else default

    def texts(self, key: str) -> tuple[str, ...]:
        """The key's list of texts, none of them empty."""
        values = self.take(key, list)
        if not values or not all(isinstance(value, str) and value.strip() for value in values):
            raise RequestRefused(f"{self.file}: [{self.name}] {key} must be a list of texts in quotes, none of them empty")
        return tuple(values)

    def rest(self, kind: type[Any]) -> dict[str, Any]:
        """All keys that are left, each of the type."""
        return {key: self.take(key, kind) for key in tuple(self.left)}

    def done(self) -> None:
        if self.left:
            raise RequestRefused(
                f"{self.file}: [{self.name}] has the unknown {'keys' if len(self.left) > 1 else 'key'} {', '.join(sorted(self.left))}; remove it"
            )


_WORDS = {
    int: "a whole number",
    str: "text in quotes",
    date: "a date such as 2014-09-30",
    float: "a number",
    list: "a list",
    dict: "a table",
    bool: "true or false",
}

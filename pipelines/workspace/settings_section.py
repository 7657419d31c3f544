"""One section of a settings file: it returns each key with its type, and refuses keys that are not read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TypeVar, cast

from bcf_linkage.definitions.errors import UsageError

T = TypeVar("T")


class SettingsSection:
    """One table of a settings file. Every error is a UsageError that names the file, the section and the key."""

    def __init__(self, file: Path, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise UsageError(f"{file}: [{name}] must be a table of keys and values")
        self.file, self.name = file, name
        self.unread: dict[str, object] = dict(values)

    def take(self, key: str, kind: type[T]) -> T:
        """Return the value of a key. Raises UsageError if it is missing, of another type, empty, or has a control character."""
        if key not in self.unread:
            raise UsageError(f"{self.file}: [{self.name}] has no {key}; add it")
        value = self.unread.pop(key)
        # To Python True is an int and a datetime is a date, so isinstance would accept both.
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise UsageError(f"{self.file}: [{self.name}] {key} must be {_TYPE_NAMES[kind]}")
        if isinstance(value, str) and not value.strip():
            raise UsageError(f"{self.file}: [{self.name}] {key} is empty; fill it in")
        if isinstance(value, str) and not value.isprintable():
            raise UsageError(f"{self.file}: [{self.name}] {key} has a control character; write it in plain text")
        return cast(T, value)

    def take_optional(self, key: str, kind: type[T], default: T) -> T:
        """Return the value of a key, or the default if the key is missing."""
        return self.take(key, kind) if key in self.unread else default

    def take_texts(self, key: str) -> tuple[str, ...]:
        """Return the list of texts of a key. Raises UsageError if the list or one of its texts is empty."""
        values = self.take(key, list)
        if not values or not all(isinstance(value, str) and value.strip() for value in values):
            raise UsageError(f"{self.file}: [{self.name}] {key} must be a list of texts in quotes, none of them empty")
        return tuple(values)

    def take_all(self, kind: type[T]) -> dict[str, T]:
        """Return all keys that are not read yet, each of the same type."""
        return {key: self.take(key, kind) for key in tuple(self.unread)}

    def raise_on_unread(self) -> None:
        """Raise UsageError if a key was not read."""
        if self.unread:
            raise UsageError(
                f"{self.file}: [{self.name}] has the unknown {'keys' if len(self.unread) > 1 else 'key'} {', '.join(sorted(self.unread))}; remove it"
            )


_TYPE_NAMES: dict[type, str] = {
    int: "a whole number",
    str: "text in quotes",
    date: "a date such as 2014-09-30",
    float: "a number",
    list: "a list",
    dict: "a table",
    bool: "true or false",
}

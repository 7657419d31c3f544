"""Types of JSON documents, for what commands answer and what the audit log holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
"""A value of a JSON document."""

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON object: its values by name."""

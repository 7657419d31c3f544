"""The summary of a run for the screen, for `--json` and for Prefect's artifacts. It is small and holds no person's data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.json_values import JsonValue

Row = dict[str, Any]
"""A row of a table as a screen shows it: its cells by column name."""


@dataclass(frozen=True)
class Summary:
    """One run. `outcomes` and `linked` are exact counts for the person who ran it; `risk_bands` and `condition` are published rows."""

    locality: str
    run_id: str
    as_at: date
    period_start: date
    period_end: date
    published: Path
    outcomes: tuple[Row, ...]
    linked: tuple[Row, ...]
    risk_bands: tuple[Row, ...]
    condition: tuple[Row, ...]
    rule: str
    disclosure: tuple[Row, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Return the summary as a JSON object."""
        return {key: _to_json(value) for key, value in dataclasses.asdict(self).items()}


def _to_json(value: object) -> JsonValue:
    if isinstance(value, tuple | list):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

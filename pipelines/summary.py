"""What a run tells when it is done: small, free of any person's data, the same for the screen, `--json` and Prefect's artifacts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Summary:
    """One run. `places` is exact and for the person who ran it; the bands and the condition are the published rows."""

    locality: str
    run_id: str
    as_at: date
    period_start: date
    period_end: date
    published: Path
    places: tuple[Row, ...]
    linked: tuple[Row, ...]
    risk_bands: tuple[Row, ...]
    condition: tuple[Row, ...]
    rule: str
    disclosure: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """The summary in plain JSON types."""
        return {key: _plain(value) for key, value in dataclasses.asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date | Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value

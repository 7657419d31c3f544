"""`bcf audit`: the trail verified, shown and given out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import DataRefused, EnvironmentRefused, RequestRefused
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.trail import Fault, Head
from pipelines.summary import Row

COLUMNS = (
    "entry",
    "when",
    "who",
    "what",
    "why",
    "basis",
    "run",
    "key",
    "parties",
    "subjects",
    "decisions",
    "counts",
    "inputs",
    "outputs",
    "versions",
    "refused",
    "clock_behind",
)
FORMATS = (".json", ".csv")


@dataclass(frozen=True)
class Verdict:
    """What became of a trail: its faults, and the head that vouches for it."""

    path: str
    lines: int
    head: Head
    faults: tuple[Fault, ...]

    def as_json(self) -> dict[str, Any]:
        """The verdict in plain JSON types."""
        return {**asdict(self), "whole": not self.faults, "faults": [asdict(fault) for fault in self.faults]}


def verify(workspace: Path, noted: Path | None = None) -> Verdict:
    """Whether the trail is as it was written, also by a head that was kept elsewhere. Raises RequestRefused, EnvironmentRefused."""
    place = _trail(workspace)
    return Verdict(str(place), len(trail.entries(place)), trail.head(place), trail.verify(place, _noted(noted) if noted else None))


def entries(workspace: Path, last: int | None = None, what: str = "") -> tuple[dict[str, Any], ...]:
    """The newest lines, all of them unless `last` says how many; of `what` was done, those that begin so."""
    found = tuple(entry for entry in trail.entries(_trail(workspace)) if str(entry.get("what", "")).startswith(what))
    return found if last is None else found[len(found) - min(last, len(found)) :]


def shown(entry: Mapping[str, Any]) -> Row:
    """A line of the trail as it fits a screen."""
    counts = ", ".join(f"{name} {number:,}" for name, number in entry.get("counts", {}).items())
    told = entry.get("refused") or counts
    return {"entry": entry.get("entry"), "when": str(entry.get("when", ""))[:19], "who": entry.get("who"), "what": entry.get("what"), "told": told}


def export(workspace: Path, out: Path) -> Verdict:
    """Write the trail with its verdict, as JSON or CSV. Raises DataRefused, once it is written, if the trail is not whole."""
    if out.suffix not in FORMATS:
        raise RequestRefused(f"{out}: the file's name must end in {' or '.join(FORMATS)}")
    verdict, found = verify(workspace), entries(workspace)
    text = _as_csv(found) if out.suffix == ".csv" else json.dumps({"verdict": verdict.as_json(), "entries": found}, ensure_ascii=False, indent=2) + "\n"
    try:
        with out.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise RequestRefused(f"{out}: is there already; choose another name") from None
    except OSError as error:
        raise EnvironmentRefused(f"{out}: cannot be written ({error.strerror}); choose another place") from None
    refuse_faults(verdict)
    return verdict


def refuse_faults(verdict: Verdict) -> None:
    """Raises DataRefused, naming the first fault, if there is one."""
    if verdict.faults:
        first = verdict.faults[0]
        raise DataRefused(f"{verdict.path}: line {first.line} {first.words}; {len(verdict.faults)} faults in all: find out who changed it")


def _trail(workspace: Path) -> Path:
    place = Workspace(workspace).trail
    if not place.exists():
        raise RequestRefused(f"{place}: there is no trail here; it begins with the first run")
    return place


def _noted(file: Path) -> Head:
    """A head that was kept elsewhere, as `bcf audit verify --json` or `trail.head` has it. Raises RequestRefused."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        head = Head(**document.get("head", document))
        if type(head.line) is not int or head.line < 1 or not isinstance(head.sha256, str):
            raise ValueError
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        raise RequestRefused(f"{file}: is no head of a trail; keep the answer of `bcf audit verify --json` for this") from None
    return head


def _as_csv(found: Sequence[Mapping[str, Any]]) -> str:
    """One line per entry; what has parts is written as JSON. A text that a spreadsheet would take for a formula is led by an apostrophe."""
    text = io.StringIO()
    written = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="")
    written.writeheader()
    for entry in found:
        flat = {name: value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False) for name, value in entry.items()}
        written.writerow({name: f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value for name, value in flat.items()})
    return text.getvalue()

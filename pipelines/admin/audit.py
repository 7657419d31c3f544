"""`bcf audit`: verify, show and export the audit log."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bcf_linkage.definitions.atomic_files import write_bytes_atomically
from bcf_linkage.definitions.errors import DataQualityError, EnvironmentFault, UsageError
from bcf_linkage.definitions.json_values import JsonObject, JsonValue
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.trail import ChainBreak, TrailHead
from bcf_linkage.storage.trail_entry import parse_entry
from pipelines.workspace.summary import Row

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
    "reviews",
    "counts",
    "inputs",
    "outputs",
    "versions",
    "refused",
    "clock_behind",
)
FORMATS = (".json", ".csv")


@dataclass(frozen=True)
class TrailVerification:
    """The result of a verification: number of lines, head, and faults. A log without faults is intact."""

    path: str
    lines: int
    head: TrailHead
    faults: tuple[ChainBreak, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Return the result as a JSON object."""
        return {**asdict(self), "intact": not self.faults, "faults": [asdict(fault) for fault in self.faults]}


def verify_trail(workspace: Path, kept_head: Path | None = None) -> TrailVerification:
    """Verify the audit log, also against a head that was kept elsewhere.

    Raises UsageError if there is no log or the file holds no head, EnvironmentFault if the log cannot be read.
    """
    path = _trail_path(workspace)
    return TrailVerification(
        str(path), len(trail.read_trail(path)), trail.read_head(path), trail.verify_chain(path, _read_kept_head(kept_head) if kept_head else None)
    )


def list_entries(workspace: Path, last: int | None = None, what: str = "") -> tuple[dict[str, JsonValue], ...]:
    """Return the newest lines of the audit log, oldest first: the `last` ones, or all; only kinds of event that start with `what`.

    Raises UsageError if there is no log, EnvironmentFault if it cannot be read.
    """
    matching = tuple(entry for entry in trail.read_trail(_trail_path(workspace)) if str(entry.get("what", "")).startswith(what))
    return matching if last is None else matching[len(matching) - min(last, len(matching)) :]


def summarise_entry(line: JsonObject) -> Row:
    """Return a line of the audit log as a row for the screen."""
    entry = parse_entry(line)
    counts = ", ".join(f"{name} {number:,}" for name, number in entry.counts.items()) if entry else ""
    result = (entry.refused if entry else "") or counts
    return {"entry": line.get("entry"), "when": str(line.get("when", ""))[:19], "who": line.get("who"), "what": line.get("what"), "result": result}


def export_trail(workspace: Path, out: Path) -> TrailVerification:
    """Write the audit log and the result of its verification to a new file, .json or .csv.

    Raises UsageError for another ending or an existing file, and EnvironmentFault if it cannot be written. Raises DataQualityError,
    once the file is written, if the log is not intact.
    """
    if out.suffix not in FORMATS:
        raise UsageError(f"{out}: the file name must end in {' or '.join(FORMATS)}")
    verification, trail_entries = verify_trail(workspace), list_entries(workspace)
    text = (
        _to_csv(trail_entries)
        if out.suffix == ".csv"
        else json.dumps({"verdict": verification.as_json(), "entries": trail_entries}, ensure_ascii=False, indent=2) + "\n"
    )
    try:
        write_bytes_atomically(out, text.encode(), replace=False)
    except FileExistsError:
        raise UsageError(f"{out}: already exists; choose another name") from None
    except OSError as error:
        raise EnvironmentFault(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
    raise_on_faults(verification)
    return verification


def raise_on_faults(verification: TrailVerification) -> None:
    """Raise DataQualityError with the first fault, if there is one."""
    if verification.faults:
        first = verification.faults[0]
        raise DataQualityError(f"{verification.path}: line {first.line} {first.words}; {len(verification.faults)} faults in total: find out who changed it")


def _trail_path(workspace: Path) -> Path:
    path = Workspace(workspace).trail
    if not path.exists():
        raise UsageError(f"{path}: there is no audit log here; the first run starts it")
    return path


def _read_kept_head(file: Path) -> TrailHead:
    """Read a head that was kept elsewhere: an answer of `bcf audit verify --json`, or a copy of `trail.head`. Raises UsageError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        head = TrailHead(**document.get("head", document))
        if type(head.line) is not int or head.line < 1 or not isinstance(head.sha256, str):
            raise ValueError
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{file}: holds no head of an audit log; use an answer of `bcf audit verify --json`") from None
    return head


def _to_csv(trail_entries: Sequence[JsonObject]) -> str:
    """Return one CSV line per event; fields with parts are written as JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="")
    writer.writeheader()
    for entry in trail_entries:
        flat = {name: value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False) for name, value in entry.items()}
        # A spreadsheet would run a text that starts with one of these as a formula.
        writer.writerow({name: f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value for name, value in flat.items()})
    return text.getvalue()

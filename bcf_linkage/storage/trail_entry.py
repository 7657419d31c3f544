"""One line of the audit log as a typed record: what is written, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from bcf_linkage.definitions.json_values import JsonObject, JsonValue

REQUIRED_FIELDS = ("when", "who", "what", "why", "run", "inputs", "outputs", "counts", "versions")
"""Fields that every line has, even if they are empty. Any other empty field is left out."""


@dataclass(frozen=True)
class Decision:
    """What a gate decided on a subject, such as a source or a list. `words` say on what grounds; if it did not pass, why and what to do."""

    gate: str
    subject: str
    passed: bool
    words: str


@dataclass(frozen=True)
class ReviewCount:
    """A result of a clerical review: how many pairs of a match pass got a verdict."""

    match_pass: str
    verdict: str
    pairs: int


@dataclass(frozen=True)
class TrailEntry:
    """One audit event: when (with its time zone), who, what, why, on what legal basis, in which run, and the digests and counts that tie it to files.

    `parties` names other people who took part, by their part. `subjects` are the people it is about, each as the first letters of a
    pseudonym. `decisions` are those of the gates, `reviews` the results of a clerical review. `key` is the id of the key that was used,
    `refused` the message of a refusal. Raises ValueError for a time without a time zone.
    """

    when: datetime
    who: str
    what: str
    why: str
    run: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    basis: str = ""
    key: str = ""
    parties: Mapping[str, str] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    reviews: tuple[ReviewCount, ...] = ()
    refused: str = ""

    def __post_init__(self) -> None:
        if self.when.tzinfo is None:
            raise ValueError("an audit log entry needs a time with its time zone")

    def as_json(self) -> dict[str, JsonValue]:
        """Return the entry as a JSON object, without empty fields that are not required."""
        fields = {name: value for name, value in asdict(self).items() if value or name in REQUIRED_FIELDS}
        return {**fields, "when": self.when.isoformat()}


def parse_line(text: bytes) -> dict[str, JsonValue]:
    """Return a line as a JSON object; an empty one if the line is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def parse_entry(document: JsonObject) -> TrailEntry | None:
    """Return a line's entry; None if it has no event or no time with a time zone.

    A field of another type than declared is read as empty. So are the decisions of a line that an earlier version wrote as text.
    """
    try:
        when = datetime.fromisoformat(_text(document.get("when")))
    except ValueError:
        return None
    if when.tzinfo is None or not _text(document.get("what")):
        return None
    return TrailEntry(
        when=when,
        who=_text(document.get("who")),
        what=_text(document.get("what")),
        why=_text(document.get("why")),
        run=_text(document.get("run")),
        inputs=_texts(document.get("inputs")),
        outputs=_texts(document.get("outputs")),
        counts={name: number for name, number in _object(document.get("counts")).items() if type(number) is int},
        versions=_texts(document.get("versions")),
        basis=_text(document.get("basis")),
        key=_text(document.get("key")),
        parties=_texts(document.get("parties")),
        subjects=tuple(subject for subject in _list(document.get("subjects")) if isinstance(subject, str)),
        decisions=tuple(decision for item in _list(document.get("decisions")) if (decision := _parse_decision(_object(item)))),
        reviews=tuple(review for item in _list(document.get("reviews")) if (review := _parse_review(_object(item)))),
        refused=_text(document.get("refused")),
    )


def _parse_decision(item: JsonObject) -> Decision | None:
    gate, subject, passed, words = (item.get(name) for name in ("gate", "subject", "passed", "words"))
    if isinstance(gate, str) and isinstance(subject, str) and isinstance(passed, bool) and isinstance(words, str):
        return Decision(gate, subject, passed, words)
    return None


def _parse_review(item: JsonObject) -> ReviewCount | None:
    match_pass, verdict, pairs = (item.get(name) for name in ("match_pass", "verdict", "pairs"))
    if isinstance(match_pass, str) and isinstance(verdict, str) and type(pairs) is int:
        return ReviewCount(match_pass, verdict, pairs)
    return None


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: JsonValue) -> dict[str, str]:
    return {name: text for name, text in _object(value).items() if isinstance(text, str)}


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _list(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else ()

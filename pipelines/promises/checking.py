"""Every promise with its check, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import Refusal
from bcf_linkage.definitions.promises import Promise, promises
from pipelines.promises import duties, places, pseudonyms
from pipelines.promises.held import Check, Found, Held
from pipelines.scrub import carefully

CHECKS: dict[str, Check] = {
    "keyed": pseudonyms.keyed,
    "apart": pseudonyms.apart,
    "canonical": pseudonyms.canonical,
    "nowhere_else": places.nowhere_else,
    "rotation": duties.rotation,
    "duties": places.duties,
    "not_undone": pseudonyms.not_undone,
    "way_back": duties.way_back,
    "opt_outs": duties.opt_outs,
    "legal_basis": duties.legal_basis,
    "minimised": places.minimised,
    "small_numbers": places.small_numbers,
    "same_again": pseudonyms.same_again,
    "retention": duties.retention,
    "one_shape": pseudonyms.one_shape,
}


@dataclass(frozen=True)
class Judged:
    """A promise and the evidence on it. It is kept if all of that is as promised, and there is some."""

    promise: Promise
    evidence: tuple[Found, ...]

    @property
    def kept(self) -> bool:
        return bool(self.evidence) and all(found.well for found in self.evidence)

    @property
    def words(self) -> str:
        """The evidence in a line: all of it, or what speaks against the promise."""
        return "; ".join(found.words for found in self.evidence if self.kept or not found.well)

    def as_json(self) -> dict[str, Any]:
        """The judgement in plain JSON types."""
        return {**asdict(self.promise), "kept": self.kept, "evidence": [found._asdict() for found in self.evidence]}


def judged(workspace: Path, now: datetime | None = None) -> Iterator[Judged]:
    """Each promise as it is kept in a workspace, in order. Raises RequestRefused where nothing is published; what a check stumbles on speaks against it."""
    held = Held.of(workspace, now or datetime.now(UTC))
    for promise in promises():
        yield Judged(promise, evidence(CHECKS[promise.code], held))


def evidence(check: Check, held: Held) -> tuple[Found, ...]:
    """All that a check finds; a Refusal that it meets is the evidence."""
    try:
        return carefully(lambda: tuple(check(held)))
    except Refusal as refusal:
        return (Found(False, str(refusal)),)

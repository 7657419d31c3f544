"""Every promise with its check and the result of the check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bcf_linkage.definitions.errors import BcfError
from bcf_linkage.definitions.json_values import JsonValue
from bcf_linkage.definitions.promises import Promise, promises
from pipelines.admin.promises import governance, locations, pseudonyms
from pipelines.admin.promises.workspace_snapshot import CheckResult, PromiseCheck, WorkspaceSnapshot
from pipelines.support.sanitise_errors import sanitise_errors

CHECKS: dict[str, PromiseCheck] = {
    "keyed": pseudonyms.check_keyed_hashing,
    "apart": pseudonyms.check_domain_separation,
    "canonical": pseudonyms.check_canonical_numbers,
    "nowhere_else": locations.check_no_identifiers_elsewhere,
    "rotation": governance.check_key_rotation,
    "duties": locations.check_separation_of_duties,
    "not_undone": pseudonyms.check_irreversibility,
    "way_back": governance.check_reidentification,
    "opt_outs": governance.check_opt_outs,
    "legal_basis": governance.check_legal_bases,
    "minimised": locations.check_minimisation,
    "small_numbers": locations.check_small_numbers,
    "same_again": pseudonyms.check_reproducibility,
    "retention": governance.check_retention,
    "one_shape": pseudonyms.check_pseudonym_format,
}


@dataclass(frozen=True)
class PromiseResult:
    """A promise and its evidence. It is kept if there is evidence and all of it passed."""

    promise: Promise
    evidence: tuple[CheckResult, ...]

    @property
    def is_kept(self) -> bool:
        return bool(self.evidence) and all(result.passed for result in self.evidence)

    @property
    def words(self) -> str:
        """The evidence in one line: all of it if the promise is kept, otherwise only what failed."""
        return "; ".join(result.words for result in self.evidence if self.is_kept or not result.passed)

    def as_json(self) -> dict[str, JsonValue]:
        """Return the result as a JSON object."""
        return {**asdict(self.promise), "kept": self.is_kept, "evidence": [result._asdict() for result in self.evidence]}


def check_promises(workspace: Path, now: datetime | None = None) -> Iterator[PromiseResult]:
    """Yield the result of every promise in a workspace, in order. Raises UsageError if nothing is published. A check that raises an error is not kept."""
    snapshot = WorkspaceSnapshot.from_folder(workspace, now or datetime.now(UTC))
    for promise in promises():
        yield PromiseResult(promise, collect_evidence(CHECKS[promise.code], snapshot))


def collect_evidence(check: PromiseCheck, snapshot: WorkspaceSnapshot) -> tuple[CheckResult, ...]:
    """Return all results of a check. If it raises a BcfError, that message is the only evidence, and it failed."""
    try:
        return sanitise_errors(lambda: tuple(check(snapshot)))
    except BcfError as error:
        return (CheckResult(False, str(error)),)

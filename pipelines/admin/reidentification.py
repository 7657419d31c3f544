"""`bcf reidentify`: give the NHS numbers behind pseudonyms, only for the direct care of a practice's own patients.

A named requester of the practice asks and a second person approves. The answer is a list for the practice's own team meeting. The audit
log records every request, granted or refused, with the first letters of pseudonyms and never an NHS number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.case_finding import case_lists
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.identifiable.vault.sealed_register import read_register
from bcf_linkage.published.clause_filters import meets_clauses
from bcf_linkage.storage.engine import PolarsEngine
from bcf_linkage.storage.store import Workspace, lock_workspace
from pipelines.workspace.audit_log import AuditEvent, EventKind, record_refusal
from pipelines.workspace.governance_settings import AuthorisedPeople, normalise_person_name
from pipelines.workspace.key_access import DigestUse, check_private_path, keyed_digest, unused_vault_path, vault_of, write_private_file
from pipelines.workspace.runs import published_run
from pipelines.workspace.settings import read_settings

DIRECT_CARE = "direct care"
PSEUDONYM = re.compile("[a-p]{32}")
IDENTIFIER_PATTERN = re.compile(r"(\d[\s.-]?){9,}")
"""Nine digits or more, nearly as many as an NHS number has. Such a text is not written to the audit log."""

LONGEST_REASON, SHORTEST_REASON = 300, 10
PSEUDONYM_PREFIX = 8
"""Letters of each pseudonym that the audit log holds."""


@dataclass(frozen=True)
class RequestedPeople:
    """The people who are asked for: typed pseudonyms, a file of pseudonyms, or a case-finding list by its name; exactly one of these."""

    pseudonyms: tuple[str, ...] = ()
    file: Path | None = None
    case_list: str = ""


@dataclass(frozen=True)
class ReidentificationRequest:
    """A request for re-identification: practice, people, purpose and reason. Without `run` it is about the run of the current publication."""

    practice: str
    requester: str
    approver: str
    purpose: str
    reason: str
    people: RequestedPeople
    run: str = ""
    out: Path | None = None


@dataclass(frozen=True)
class ReidentifiedList:
    """The answer to a request: the path of the list, its number of people and its run."""

    path: Path
    people: int
    run: str


def reidentify(workspace: Path, request: ReidentificationRequest) -> ReidentifiedList:
    """Write the list of NHS numbers that was asked for, one row per person. Raises BcfError; then only the refusal is recorded."""
    settings, paths = read_settings(workspace), Workspace(workspace)
    vault = vault_of(workspace, settings)
    parties = {"requester": request.requester, "approver": request.approver, "practice": request.practice}
    event = AuditEvent(paths, EventKind.REIDENTIFICATION_REFUSED, _redact(request.reason)).with_details(
        parties={part: _redact(name) for part, name in parties.items()}, basis=_redact(request.purpose)
    )
    with record_refusal(event) as details, lock_workspace(paths):
        check_authorisation(request, settings.reidentification)
        details["run"] = run = published_run(paths, request.run)
        requested = _people_on_list(paths, run, request) if request.people.case_list else pl.DataFrame({"person": _requested_pseudonyms(request.people)})
        details["counts"] = {"asked": len(requested)}
        details["subjects"] = tuple(token[:PSEUDONYM_PREFIX] for token in requested["person"])
        text = select_own_patients(requested, read_register(vault, run), request, run).write_csv().encode()
        out = _output_path(paths, request, run)
        digest, key = keyed_digest(vault, DigestUse.REIDENTIFICATION, text)
        # Recorded first, so that no list leaves the vault without an entry in the audit log.
        event.with_details(**details).record(EventKind.REIDENTIFICATION_GIVEN, outputs={out.name: digest}, key=key)
        write_private_file(out, text)
        return ReidentifiedList(out, len(requested), run)


def check_authorisation(request: ReidentificationRequest, authorised: Mapping[str, AuthorisedPeople]) -> None:
    """Raise UsageError unless the purpose is direct care, a reason is stated, and two different people may request and approve for the practice."""
    if normalise_person_name(request.purpose) != DIRECT_CARE:
        raise UsageError(f"re-identification is allowed only for {DIRECT_CARE}; no other purpose is accepted")
    if not SHORTEST_REASON <= len(request.reason.strip()) <= LONGEST_REASON or not request.reason.isprintable():
        raise UsageError(f"the reason must state in {SHORTEST_REASON} to {LONGEST_REASON} characters what the list is for")
    if any(IDENTIFIER_PATTERN.search(text) for text in (request.reason, request.requester, request.approver, request.practice)):
        raise UsageError("the request has so many digits in a row that it may hold an NHS number; remove them")
    if (people := authorised.get(request.practice)) is None:
        raise UsageError(f"nobody is authorised for this practice; locality.toml has [reidentification.PRACTICE] for {', '.join(authorised) or 'none'}")
    if normalise_person_name(request.requester) not in map(normalise_person_name, people.requesters):
        raise UsageError(f"this requester is not authorised for {request.practice}; locality.toml names those who are")
    if normalise_person_name(request.approver) not in map(normalise_person_name, people.approvers):
        raise UsageError(f"this approver is not authorised for {request.practice}; locality.toml names those who are")
    if normalise_person_name(request.approver) == normalise_person_name(request.requester):
        raise UsageError("requester and approver are the same person; a second person must approve")
    if sum(map(bool, (request.people.pseudonyms, request.people.file, request.people.case_list))) != 1:
        raise UsageError("name pseudonyms, a file of pseudonyms, or one list; exactly one of these")


def read_pseudonyms(file: Path) -> tuple[str, ...]:
    """Return the pseudonyms of a file with one per line and an optional header `person`. Raises UsageError with the numbers of wrong lines."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file}: cannot be read as text; write one pseudonym per line") from None
    filled = [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip() and not (n == 1 and line.strip() == "person")]
    if not filled:
        raise UsageError(f"{file}: has no pseudonym; write one per line")
    return _check_pseudonyms((token for _, token in filled), f"{file}: line", tuple(n for n, _ in filled))


def _requested_pseudonyms(people: RequestedPeople) -> list[str]:
    """Return the typed pseudonyms or those of the file, each once. Raises UsageError if one is malformed."""
    typed = people.pseudonyms
    checked = read_pseudonyms(people.file) if people.file else _check_pseudonyms(typed, "pseudonym", tuple(range(1, len(typed) + 1)))
    return list(dict.fromkeys(checked))


def _check_pseudonyms(pseudonyms: Iterable[str], source: str, positions: tuple[int, ...]) -> tuple[str, ...]:
    tokens = tuple(pseudonyms)
    if invalid := [str(n) for n, token in zip(positions, tokens, strict=True) if not PSEUDONYM.fullmatch(token)]:
        raise UsageError(f"{source} {', '.join(invalid[:5])}: not a pseudonym, which is 32 letters from a to p; the value is not shown")
    return tokens


def _people_on_list(workspace: Workspace, run: str, request: ReidentificationRequest) -> pl.DataFrame:
    """Return the practice's people on a case-finding list, one row per person, with the columns that the list shows. Raises UsageError."""
    lists, engine, folder = case_lists(date.fromisoformat(run[:10])), PolarsEngine(), workspace.pseudonymised(run)
    if (case_list := lists.get(request.people.case_list)) is None:
        raise UsageError(f"unknown list; the lists are {', '.join(lists)}")
    if not (folder / "people.parquet").exists():
        raise UsageError(f"{folder}: has no people any more; name a run that is still kept")
    people, strata, care = (_scan_table(folder / f"{name}.parquet") for name in ("people", "strata", "care"))
    own_patients = people.filter(nw.col("population") == "registered", nw.col("practice_code") == request.practice)
    joined = own_patients.join(strata, on="person", how="left").join(care, on="person", how="left")
    selected = engine.collect(joined.filter(meets_clauses(case_list.where)).select("person", *case_list.shows))
    if selected.is_empty():
        raise UsageError(f"nobody of {request.practice} is on the list {case_list.code}")
    return selected


def _scan_table(table: Path) -> nw.LazyFrame:
    """Return a table of the run. Spark writes a folder of files, Polars one file."""
    return nw.from_native(pl.scan_parquet(table / "*.parquet" if table.is_dir() else table))


def select_own_patients(requested: pl.DataFrame, register: pl.DataFrame, request: ReidentificationRequest, run: str) -> pl.DataFrame:
    """Return one row per requested person with the NHS number, sorted by it. Raises UsageError unless all of them are the practice's own patients."""
    identified = requested.join(register, on="person", how="left", maintain_order="left")
    if unknown := identified["nhs_number"].null_count():
        raise UsageError(
            f"{unknown} of {len(identified)} pseudonyms are of nobody registered in run {run}: made for another project or under another key; no list is given"
        )
    if others := len(identified.filter(pl.col("practice_code").ne_missing(request.practice))):
        raise UsageError(
            f"{others} of {len(identified)} are not patients of {request.practice} in run {run}; a practice may ask only for its own patients: no list is given"
        )
    # A requester who named pseudonyms needs them to tell the rows apart. A case-finding list has no use for them.
    columns = pl.exclude("person", "nhs_number", "practice_code") if request.people.case_list else pl.col("person").alias("pseudonym")
    return identified.select("nhs_number", columns).sort("nhs_number")


def _output_path(workspace: Workspace, request: ReidentificationRequest, run: str) -> Path:
    """Return the path of the list: the requester's, or an unused one in the vault. Raises UsageError."""
    name = f"{run[:10]}-{request.practice}-{request.people.case_list or 'pseudonyms'}"
    return check_private_path(workspace, request.out or unused_vault_path(workspace, name))


def _redact(text: str) -> str:
    """Return a text for the audit log, or a placeholder if it may hold an identifier or is too long."""
    return "withheld, as it may hold an identifier" if IDENTIFIER_PATTERN.search(text) or len(text) > LONGEST_REASON else text

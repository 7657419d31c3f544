"""`bcf national-trace`: ask the national service about people whom a run did not link. Its answers are a match pass of the next run's trace.

Each run seals its requests in the vault. `export` writes those of one source in the layout of MPS, and `import` reads the response to
the last export. The audit log records both, with counts and never an NHS number or a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.national_trace import REFERENCE_COLUMN, NationalTrace
from bcf_linkage.identifiable import pseudonymisation
from bcf_linkage.identifiable.trace import mps_exchange
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, read_source_list, remove_source_list, source_list_names, write_source_list
from bcf_linkage.storage.engine import POLARS
from pipelines.admin import national_responses
from pipelines.workspace.audit_log import EventKind, today
from pipelines.workspace.key_access import DigestUse, check_private_path, keyed_digest, pseudonym_key, unused_vault_path, write_private_file
from pipelines.workspace.locked_session import locked_session_for
from pipelines.workspace.runs import published_run
from pipelines.workspace.settings import kind_of

IS_TRACED = "is traced"
REQUEST = "request"
"""The domain of references. The reference of a person at the national service is no pseudonym and cannot be joined to one."""


@dataclass(frozen=True)
class TraceRequest:
    """A request file to send: its path, the number of people it asks about, their run, and the MESH workflow to use."""

    path: Path
    people: int
    run: str
    workflow: str


@dataclass(frozen=True)
class TraceAnswer:
    """An imported response: the number of people asked about, and of those that the national service found."""

    people: int
    people_found: int


def export_trace_request(workspace: Path, extract: str, why: str, run: str = "", out: Path | None = None) -> TraceRequest:
    """Write a request to the national service about the people of a source whom a run did not link. Raises BcfError; then no file is written."""
    with locked_session_for(extract, workspace, EventKind.NATIONAL_TRACE_EXPORT_REFUSED, why, IS_TRACED) as (paths, _, vault, event, _):
        run_id, rules = published_run(paths, run), NationalTrace.build(today())
        requests = read_source_list(vault, SourceListKind.REQUESTS, extract, run_id)
        if requests.is_empty():
            raise UsageError(f"run {run_id} has nobody of {extract} to ask about: no unlinked record has enough details for the service to search")
        references = pseudonymisation.make_tokens(pseudonym_key(workspace), REQUEST, requests["identity"])
        referenced = requests.with_columns(reference=pl.Series(references, dtype=pl.String)).sort("reference")
        text = _to_request_file(referenced, rules)
        file = check_private_path(paths, out or unused_vault_path(paths, f"{run_id[:10]}-national-trace-{extract}"))
        digest, key = keyed_digest(vault, DigestUse.NATIONAL_TRACE_EXPORT, text)
        # Recorded first, so that no list leaves the vault without an entry in the audit log.
        event.record(EventKind.NATIONAL_TRACE_EXPORTED, run=run_id, counts={"people": len(requests)}, outputs={file.name: digest}, key=key)
        for earlier in source_list_names(vault, SourceListKind.ASKED, extract):
            remove_source_list(vault, SourceListKind.ASKED, extract, earlier)
        write_source_list(vault, SourceListKind.ASKED, extract, run_id, referenced.select("reference", "identity", "NHS_NO"))
        write_private_file(file, text)
        return TraceRequest(file, len(requests), run_id, rules.workflow)


def import_trace_answer(workspace: Path, extract: str, file: Path, why: str) -> TraceAnswer:
    """Import the response to the last export of a source. Raises BcfError; then nothing is imported."""
    with locked_session_for(extract, workspace, EventKind.NATIONAL_TRACE_IMPORT_REFUSED, why, IS_TRACED) as (_, settings, vault, event, _):
        open_requests, rules = source_list_names(vault, SourceListKind.ASKED, extract), NationalTrace.build(today())
        if not open_requests:
            raise UsageError(f"no request about {extract} is open; `bcf national-trace export` writes one")
        requests = read_source_list(vault, SourceListKind.ASKED, extract, open_requests[-1])
        response = national_responses.read_response(file, requests, rules, kind_of(settings))
        matched = POLARS.collect(mps_exchange.accept_responses(POLARS.frame(response), POLARS.frame(requests), rules))
        digest, key = keyed_digest(vault, DigestUse.NATIONAL_TRACE_IMPORT, matched.sort("identity").write_csv().encode())
        counts = {"people": len(requests), "found": len(matched)}
        event.record(EventKind.NATIONAL_TRACE_IMPORTED, counts=counts, inputs={"answer": digest}, key=key)
        write_source_list(vault, SourceListKind.ANSWERS, extract, f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}", matched)
        remove_source_list(vault, SourceListKind.ASKED, extract, open_requests[-1])
        return TraceAnswer(len(requests), len(matched))


def _to_request_file(referenced: pl.DataFrame, rules: NationalTrace) -> bytes:
    """Return a request as CSV: a header and one line per person. No value needs quotes."""
    columns = referenced.rename({"reference": REFERENCE_COLUMN})
    request = columns.select(pl.col(name) if name in columns.columns else pl.lit(None, pl.String).alias(name) for name in rules.request)
    return request.write_csv(quote_style="never").encode()

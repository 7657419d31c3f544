"""`bcf national-trace`: whom a run did not find is asked about at the national service, and its answers are a rung of the next run's trace.

Each run seals the questions in the vault; `export` writes those of one source in the layout of MPS, and `import` takes the answer to the
last export. Both are lines of the trail, which hold counts and never a number or a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.national_trace import REFERENCE, NationalTrace
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable import pseudonymise
from bcf_linkage.identifiable.trace import nationally
from bcf_linkage.identifiable.vault.source_lists import Listed, answers_in, forget_list, lists_of, read_list, write_list
from pipelines import national_responses
from pipelines.at_work import at_work_on
from pipelines.custody import free_place, keyed_digest, private_place, pseudonym_key, vault_of, write_private
from pipelines.recording import today
from pipelines.runs import Run, published_run
from pipelines.settings import kind_of
from pipelines.settling import ENGINE

EXPORT, IMPORT = "national-trace export", "national-trace import"
TRACED = "is traced"
REQUEST = "request"
"""The domain of references: what stands for an identity at the national service is no pseudonym, and can be joined to none."""


@dataclass(frozen=True)
class Requested:
    """The file to send: how many people it asks about, of which run, and the MESH workflow that it goes by."""

    path: Path
    people: int
    run: str
    workflow: str


@dataclass(frozen=True)
class Answered:
    """An answer that was taken: about how many it is, and how many of them the national service found."""

    people: int
    found: int


def note(run: Run, table: Table, people: pl.DataFrame) -> None:
    """Identities of a source, each with its `rows` -> whom they leave to be asked about, kept sealed."""
    asked = ENGINE.collect(nationally.to_ask(ENGINE.frame(people), table))
    write_list(vault_of(run.request.workspace, run.settings()), Listed.REQUESTS, table.name, run.run_id, asked)


def answers_about(run: Run, extract: str) -> nw.LazyFrame:
    """What is known of a source's people from the national service: `identity` and `national_number`."""
    return ENGINE.frame(answers_in(vault_of(run.request.workspace, run.settings()), extract))


def export(workspace: Path, extract: str, why: str, run: str = "", out: Path | None = None) -> Requested:
    """Write the people of a source whom a run did not find as a request to the national service. Raises a Refusal; then nothing is written."""
    with at_work_on(extract, workspace, EXPORT, why, TRACED) as (place, _, vault, deed, _):
        of_run, rules = published_run(place, run), NationalTrace.build(today())
        asked = read_list(vault, Listed.REQUESTS, extract, of_run)
        if asked.is_empty():
            raise RequestRefused(f"run {of_run} leaves nobody of {extract} to ask about who tells enough for the service to look for them")
        references = pseudonymise.tokens(pseudonym_key(workspace), REQUEST, asked["identity"])
        referenced = asked.with_columns(reference=pl.Series(references, dtype=pl.String)).sort("reference")
        text = _written(referenced, rules)
        file = private_place(place, out or free_place(place, f"{of_run[:10]}-national-trace-{extract}"))
        digest, key = keyed_digest(vault, EXPORT, text)
        # Recorded before it is given: nothing leaves the vault unseen.
        deed.record("national-trace exported", run=of_run, counts={"people": len(asked)}, outputs={file.name: digest}, key=key)
        for before in lists_of(vault, Listed.ASKED, extract):
            forget_list(vault, Listed.ASKED, extract, before)
        write_list(vault, Listed.ASKED, extract, of_run, referenced.select("reference", "identity", "NHS_NO"))
        write_private(file, text)
        return Requested(file, len(asked), of_run, rules.workflow)


def take(workspace: Path, extract: str, answer: Path, why: str) -> Answered:
    """Take the answer to the last export of a source. Raises a Refusal; then nothing of it is kept."""
    with at_work_on(extract, workspace, IMPORT, why, TRACED) as (_, settings, vault, deed, _):
        open_questions, rules = lists_of(vault, Listed.ASKED, extract), NationalTrace.build(today())
        if not open_questions:
            raise RequestRefused(f"nobody of {extract} was asked about, so there is nothing to answer; `bcf national-trace export` writes the request")
        asked = read_list(vault, Listed.ASKED, extract, open_questions[-1])
        response = national_responses.read(answer, asked, rules, kind_of(settings))
        found = ENGINE.collect(nationally.taken(ENGINE.frame(response), ENGINE.frame(asked), rules))
        digest, key = keyed_digest(vault, IMPORT, found.sort("identity").write_csv().encode())
        counts = {"people": len(asked), "found": len(found)}
        deed.record("national-trace imported", counts=counts, inputs={"answer": digest}, key=key)
        write_list(vault, Listed.ANSWERS, extract, f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}", found)
        forget_list(vault, Listed.ASKED, extract, open_questions[-1])
        return Answered(len(asked), len(found))


def _written(referenced: pl.DataFrame, rules: NationalTrace) -> bytes:
    """A request: a line of column names, and a line for each person. No value needs quotes."""
    columns = referenced.rename({"reference": REFERENCE})
    whole = columns.select(pl.col(name) if name in columns.columns else pl.lit(None, pl.String).alias(name) for name in rules.request)
    return whole.write_csv(quote_style="never").encode()

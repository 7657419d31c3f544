"""`bcf clerical-review`: pairs of a record and the entry that it was linked to, for a person to read, and what that person found.

Each run seals a sample for every source: of every rung that no full date of birth confirms so many pairs as the rules say. What was
found is a line of the trail, as counts; a sheet that has been read is of no further use and is removed by whoever wrote in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import polars as pl

from bcf_linkage.definitions.errors import DataRefused, RequestRefused
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable import clerical
from bcf_linkage.identifiable.parse.some_columns import some_columns
from bcf_linkage.identifiable.vault.source_lists import Listed, read_list, write_list
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_quality.assessment import wilson
from bcf_linkage.published.linkage_quality.tallies import RUNG
from bcf_linkage.storage import trail
from pipelines.at_work import at_work_on
from pipelines.custody import free_place, keyed_digest, private_place, vault_of, write_private
from pipelines.runs import PUBLISHED, Run, published_run
from pipelines.settling import ENGINE
from pipelines.tracing import Register

EXPORT, IMPORT = "clerical-review export", "clerical-review import"
IMPORTED = "clerical-review imported"
LINKED = "is linked"
VERDICT = "verdict"
SAME, ANOTHER, _ = clerical.VERDICTS
TALLIED = {"measure": pl.String, "area_code": pl.String, "group_type": pl.String, "group": pl.String, "count": pl.Int64}


@dataclass(frozen=True)
class Sheet:
    """A sheet to be read: where it lies, of which run, and how many pairs are on it."""

    path: Path
    run: str
    pairs: int


@dataclass(frozen=True)
class Read:
    """What a person found: pairs by verdict, and the share of links that are right with the ends of its 95% interval; None if none was judged."""

    verdicts: dict[str, int]
    right: tuple[float, float, float] | None


def note(run: Run, table: Table, people: pl.DataFrame, register: Register) -> None:
    """Identities of a source, each with its `rows`, and the register -> the sample of pairs, kept sealed."""
    rules = run.rulebook().linkage
    pairs = ENGINE.collect(clerical.pairs(ENGINE.frame(people), ENGINE.frame(register.described), rules.strict_reasons, rules.experiments.read))
    write_list(vault_of(run.request.workspace, run.settings()), Listed.PAIRS, table.name, run.run_id, pairs)


def export(workspace: Path, extract: str, why: str, run: str = "", out: Path | None = None) -> Sheet:
    """Write the sample of a source as a sheet with a blank column for what is found. Raises a Refusal; then nothing is written."""
    with at_work_on(extract, workspace, EXPORT, why, LINKED) as (place, _, vault, deed, _):
        of_run = published_run(place, run)
        pairs = read_list(vault, Listed.PAIRS, extract, of_run)
        if pairs.is_empty():
            raise RequestRefused(f"run {of_run} linked nobody of {extract} without number and full date of birth, so there is nothing to look at")
        text = pairs.select(pl.col("pair"), pl.lit(None, pl.String).alias(VERDICT), pl.exclude("pair")).write_csv().encode()
        file = private_place(place, out or free_place(place, f"{of_run[:10]}-clerical-review-{extract}"))
        digest, key = keyed_digest(vault, EXPORT, text)
        # Recorded before it is given: nothing leaves the vault unseen.
        deed.record("clerical-review exported", run=of_run, counts={"pairs": len(pairs)}, outputs={file.name: digest}, key=key)
        write_private(file, text)
        return Sheet(file, of_run, len(pairs))


def take(workspace: Path, extract: str, sheet: Path, why: str, run: str = "") -> Read:
    """Count what a person found, and record it. Raises a Refusal; then nothing is recorded but that."""
    with at_work_on(extract, workspace, IMPORT, why, LINKED) as (place, _, vault, deed, _):
        of_run = published_run(place, run)
        judged = _judged(sheet, read_list(vault, Listed.PAIRS, extract, of_run))
        counts = dict(
            judged.group_by("trace_reason", VERDICT)
            .len()
            .select(pl.concat_str("trace_reason", VERDICT, separator=": "), "len")
            .sort("trace_reason")
            .iter_rows()
        )
        deed.record(IMPORTED, run=of_run, counts=counts)
        verdicts = {verdict: judged.filter(pl.col(VERDICT) == verdict).height for verdict in clerical.VERDICTS}
        told = verdicts[SAME] + verdicts[ANOTHER]
        return Read(verdicts, (verdicts[SAME] / told, *wilson(verdicts[SAME], told)) if told else None)


def reviews(run: Run) -> dict[str, dict[str, Any]]:
    """The line of the trail on the latest review of each source, before the run was first published: made again, it tells the same."""
    before = takewhile(lambda line: (line.get("what"), line.get("run")) != (PUBLISHED, run.run_id), trail.entries(run.workspace.trail))
    return {line["parties"]["source"]: line for line in before if line.get("what") == IMPORTED}


def reviewed(run: Run) -> pl.DataFrame:
    """What people found of each source's links when they were last looked at, as tallies by rung. No row where nobody has looked."""
    rows = [row for source, line in reviews(run).items() for row in _tallied(source, line["counts"])]
    counted = pl.DataFrame(rows, TALLIED, orient="row")
    wholes = counted.with_columns(group_type=pl.lit(ALL), group=pl.lit(ALL)).group_by(*TALLIED.keys() - {"count"}).agg(pl.col("count").sum())
    return pl.concat([counted, wholes.select(*TALLIED)])


def _tallied(source: str, counts: dict[str, int]) -> Iterator[tuple[str, str, str, str, int]]:
    """Counts of a line by rung and verdict -> tallies."""
    for rung in sorted({name.partition(": ")[0] for name in counts}):
        same, another, unsure = (counts.get(f"{rung}: {verdict}", 0) for verdict in clerical.VERDICTS)
        for measure, count in (("reviewed", same + another), ("reviewed_another", another), ("reviewed_unsure", unsure)):
            yield measure, source, RUNG, rung, count


def _judged(sheet: Path, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs of a sheet with a verdict: `trace_reason` and `verdict`. Raises a Refusal, with the row, for what is no verdict on a pair of the sample."""
    told = some_columns(sheet, {"pair": (), VERDICT: ()})
    if missing := [name for name in ("pair", VERDICT) if name not in told.found]:
        raise RequestRefused(f"{sheet}: lacks the column {', '.join(missing)}; fill in the sheet that `bcf clerical-review export` wrote")
    rows = told.text.with_columns(pl.col(VERDICT).str.to_lowercase()).join(pairs.select("pair", "trace_reason"), on="pair", how="left", maintain_order="left")
    for broken, words in (
        (rows["trace_reason"].is_null(), "names no pair of the sample of this run"),
        (~rows["pair"].is_first_distinct(), "names the pair of an earlier row"),
        (~rows[VERDICT].is_in(clerical.VERDICTS).fill_null(value=True), f"has another verdict than {', '.join(clerical.VERDICTS)}"),
    ):
        if broken.any():
            raise DataRefused(f"{sheet}: row {broken.arg_max() + 1:,} {words}; nothing of the sheet is taken")  # type: ignore[operator]
    return rows.drop_nulls(VERDICT)

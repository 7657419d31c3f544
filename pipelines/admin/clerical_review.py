"""`bcf clerical-review`: export a sample of linked pairs for a person to review, and import the verdicts.

Each run seals a sample for every source: a number of pairs, as the rules state, of every match pass that no full date of birth
confirms. The verdicts are recorded in the audit log as counts. Whoever filled in a sheet removes it after the import.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.intervals import wilson_interval
from bcf_linkage.identifiable import review_sample
from bcf_linkage.identifiable.parse.selected_columns import read_selected_columns
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, read_source_list
from bcf_linkage.storage.trail_entry import ReviewCount
from pipelines.workspace.audit_log import EventKind
from pipelines.workspace.key_access import DigestUse, check_private_path, keyed_digest, unused_vault_path, write_private_file
from pipelines.workspace.locked_session import locked_session_for
from pipelines.workspace.runs import published_run

IS_LINKED = "is linked"
VERDICT = "verdict"
SAME, ANOTHER, _ = review_sample.VERDICTS


@dataclass(frozen=True)
class ReviewSheet:
    """A sheet of pairs to review: its path, its run and its number of pairs."""

    path: Path
    run: str
    pairs: int


@dataclass(frozen=True)
class ReviewResult:
    """The result of a review: pairs by verdict, and the share of correct links with its 95% interval; None if no pair was decided."""

    verdicts: dict[str, int]
    precision: tuple[float, float, float] | None


def export_review_sheet(workspace: Path, extract: str, why: str, run: str = "", out: Path | None = None) -> ReviewSheet:
    """Write the sample of a source as a CSV sheet, one row per pair, with a blank column for the verdict. Raises BcfError; then no sheet is written."""
    with locked_session_for(extract, workspace, EventKind.REVIEW_EXPORT_REFUSED, why, IS_LINKED) as (paths, _, vault, event, _):
        run_id = published_run(paths, run)
        pairs = read_source_list(vault, SourceListKind.REVIEW_PAIRS, extract, run_id)
        if pairs.is_empty():
            raise UsageError(f"run {run_id} made no link of {extract} without NHS number and full date of birth, so there is nothing to review")
        text = pairs.select(pl.col("pair"), pl.lit(None, pl.String).alias(VERDICT), pl.exclude("pair")).write_csv().encode()
        file = check_private_path(paths, out or unused_vault_path(paths, f"{run_id[:10]}-clerical-review-{extract}"))
        digest, key = keyed_digest(vault, DigestUse.REVIEW_EXPORT, text)
        # Recorded first, so that no list leaves the vault without an entry in the audit log.
        event.record(EventKind.REVIEW_EXPORTED, run=run_id, counts={"pairs": len(pairs)}, outputs={file.name: digest}, key=key)
        write_private_file(file, text)
        return ReviewSheet(file, run_id, len(pairs))


def import_review_sheet(workspace: Path, extract: str, sheet: Path, why: str, run: str = "") -> ReviewResult:
    """Count the verdicts of a filled-in sheet, and record the counts. Raises BcfError; then only the refusal is recorded."""
    with locked_session_for(extract, workspace, EventKind.REVIEW_IMPORT_REFUSED, why, IS_LINKED) as (paths, _, vault, event, _):
        run_id = published_run(paths, run)
        reviewed_pairs = _read_review(sheet, read_source_list(vault, SourceListKind.REVIEW_PAIRS, extract, run_id))
        pairs_by_verdict = reviewed_pairs.group_by("trace_reason", VERDICT).len().sort("trace_reason", VERDICT)
        reviews = tuple(ReviewCount(match_pass, verdict, pairs) for match_pass, verdict, pairs in pairs_by_verdict.iter_rows())
        verdicts = {verdict: sum(review.pairs for review in reviews if review.verdict == verdict) for verdict in review_sample.VERDICTS}
        event.record(EventKind.REVIEW_IMPORTED, run=run_id, counts=verdicts, reviews=reviews)
        decided = verdicts[SAME] + verdicts[ANOTHER]
        return ReviewResult(verdicts, (verdicts[SAME] / decided, *wilson_interval(verdicts[SAME], decided)) if decided else None)


def _read_review(sheet: Path, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return one row per pair with a verdict: `trace_reason` and `verdict`.

    Raises UsageError for a missing column. Raises DataQualityError, with the row, for a pair that is not in the sample or is repeated, and for an
    unknown verdict.
    """
    columns = read_selected_columns(sheet, {"pair": (), VERDICT: ()})
    if missing := [name for name in ("pair", VERDICT) if name not in columns.present]:
        raise UsageError(f"{sheet}: has no column {', '.join(missing)}; fill in the sheet that `bcf clerical-review export` wrote")
    rows = columns.text.with_columns(pl.col(VERDICT).str.to_lowercase()).join(
        pairs.select("pair", "trace_reason"), on="pair", how="left", maintain_order="left"
    )
    for is_wrong, words in (
        (rows["trace_reason"].is_null(), "names a pair that is not in the sample of this run"),
        (~rows["pair"].is_first_distinct(), "repeats the pair of an earlier row"),
        (~rows[VERDICT].is_in(review_sample.VERDICTS).fill_null(value=True), f"has an unknown verdict; write one of {', '.join(review_sample.VERDICTS)}"),
    ):
        if is_wrong.any():
            raise DataQualityError(f"{sheet}: row {is_wrong.arg_max() + 1:,} {words}; nothing was imported")  # type: ignore[operator]
    return rows.drop_nulls(VERDICT)

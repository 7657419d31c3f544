"""Count true and false links of a synthetic workspace, beside the estimates. A live workspace has no truth, and nothing is read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bcf_linkage.definitions.outcomes import Outcome
from pipelines.workspace.run_context import RunContext

TWIN_COLUMNS = ("date_of_birth", "sex", "family_name", "address_line_1", "postcode")
"""Columns that twins of one sex share, which makes them the likeliest false match."""

TRUTH_SCHEMA = {"measure": pl.String, "area_code": pl.String, "group_type": pl.String, "group": pl.String, "count": pl.Int64}
REGISTER = "gp_registrations"


def is_truth_known(run: RunContext) -> bool:
    """Whether the workspace is synthetic, and its truth is there and can be joined by row number."""
    return run.settings.kind == "synthetic" and (truth_folder(run) / "records.parquet").is_file() and _has_single_files(run)


def truth_folder(run: RunContext) -> Path:
    """Folder of the synthetic locality's truth."""
    return run.request.workspace / "truth"


def tally_truth(run: RunContext) -> pl.DataFrame:
    """Compare each record's true person with its linked person. Tally links, false matches, missed matches and merged twins by source.

    A link is true if the register entry under its pseudonym is of the same true person. A true person is findable if a linked
    register entry is theirs. One row per measure and source; no row if the truth is not known.
    """
    if not is_truth_known(run):
        return pl.DataFrame(schema=TRUTH_SCHEMA)
    true_owners = pl.scan_parquet(truth_folder(run) / "records.parquet").cast({"row": pl.Int64})
    register_rows = _rows_with_true_person(run, REGISTER, true_owners).filter(pl.col("outcome") == Outcome.LINKED)
    entry_owners = register_rows.group_by("person").agg(owner=pl.col("true_person").unique()).collect()
    findable = register_rows.select("true_person").unique().collect()
    twins = _twins(pl.read_parquet(truth_folder(run) / "people.parquet", columns=["true_person", *TWIN_COLUMNS]))
    tallies = [
        _tally_extract(_rows_with_true_person(run, extract, true_owners), extract, entry_owners, findable, twins)
        for extract in run.extracts
        if extract != REGISTER
    ]
    return pl.concat(tallies)


def _twins(people: pl.DataFrame) -> pl.DataFrame:
    """Find twins of the same sex. One row per person -> one row per person with a twin: `true_person`, `twin` (a list)."""
    complete = people.drop_nulls().unique("true_person")
    pairs = complete.join(complete.rename({"true_person": "twin"}), on=TWIN_COLUMNS, how="inner")
    return pairs.filter(pl.col("true_person") != pl.col("twin")).group_by("true_person").agg("twin")


def _tally_extract(rows: pl.LazyFrame, extract: str, owners: pl.DataFrame, findable: pl.DataFrame, twins: pl.DataFrame) -> pl.DataFrame:
    """Tally one extract. One row per record -> one row per measure."""
    is_linked = pl.col("outcome") == Outcome.LINKED
    is_correct = is_linked & pl.col("owner").list.contains(pl.col("true_person")).fill_null(False)
    is_findable = pl.col("true_person").is_in(findable["true_person"].implode())
    joined = rows.join(owners.lazy(), on="person", how="left")
    is_linked_twin = is_linked & pl.col("true_person").is_in(twins["true_person"].implode())
    counts = {
        "true_linked": is_linked.sum(),
        "true_wrong": (is_linked & ~is_correct).sum(),
        "true_findable": is_findable.sum(),
        "true_missed": (is_findable & ~is_correct).sum(),
        "true_twins_linked": is_linked_twin.sum(),
    }
    wide, wrong_twins = pl.collect_all(
        [joined.select(**counts), joined.filter(is_linked_twin & ~is_correct).select("true_person", "owner")], engine="streaming"
    )
    is_owned_by_twin = pl.col("twin").list.set_intersection("owner").list.len() > 0
    merged = wrong_twins.join(twins, on="true_person", how="inner").select(true_twins_merged=is_owned_by_twin.sum())
    long = pl.concat([wide, merged], how="horizontal").unpivot(variable_name="measure", value_name="count")
    return long.select("measure", area_code=pl.lit(extract), group_type=pl.lit("all"), group=pl.lit("all"), count=pl.col("count").cast(pl.Int64))


def _rows_with_true_person(run: RunContext, extract: str, true_owners: pl.LazyFrame) -> pl.LazyFrame:
    """Scan the received rows of an extract with the true person of each. Raises ValueError if the truth lacks a row."""
    owners = true_owners.filter(pl.col("extract") == extract).select("true_person", position=pl.col("row") - 1).sort("position").collect(engine="streaming")
    # The truth has every row that was written, so it is looked up by position. A join would sort millions of rows.
    if owners["position"].max() not in (None, owners.height - 1):
        raise ValueError(f"the truth about {extract} lacks a row")
    true_people = owners["true_person"]
    true_person = pl.col("row").map_batches(lambda row: true_people.gather(row - 1, null_on_oob=True), return_dtype=true_people.dtype, is_elementwise=True)
    return pl.scan_parquet(run.received(extract)).select("person", "outcome", true_person=true_person).filter(pl.col("true_person").is_not_null())


def _has_single_files(run: RunContext) -> bool:
    """Whether each extract was delivered in one file. The truth identifies rows by their number in that file."""
    return all(len(run.files(extract)) == 1 for extract in run.extracts)

"""The truth about a synthetic workspace, as counts beside the estimates. Of real people there is none, and nothing is read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bcf_linkage.definitions.places import Place
from pipelines.runs import Run

TWINS_SHARE = ("date_of_birth", "sex", "family_name", "address_line_1", "postcode")
"""What twins of one sex have in common, so that they are the easiest to be taken for one another."""

TRUTH = {"measure": pl.String, "area_code": pl.String, "group_type": pl.String, "group": pl.String, "count": pl.Int64}
REGISTER = "gp_registrations"


def is_known(run: Run) -> bool:
    """Whether the workspace holds made-up people, with the truth about them beside it."""
    return run.settings().kind == "synthetic" and (folder(run) / "records.parquet").is_file() and _single_files(run)


def folder(run: Run) -> Path:
    """Where the synthetic locality's truth lies."""
    return run.request.workspace / "truth"


def truth(run: Run) -> pl.DataFrame:
    """Whose each record is, held against whom it was linked to: tallies of right, wrong and missed links of every source, and of merged twins.

    A link is right if the register's entry under that pseudonym is the same person's. A person can be found if a linked entry of
    the register is theirs. No row where the truth is not known.
    """
    if not is_known(run):
        return pl.DataFrame(schema=TRUTH)
    whose = pl.scan_parquet(folder(run) / "records.parquet").cast({"row": pl.Int64})
    listed = _true(run, REGISTER, whose).filter(pl.col("place") == Place.LINKED)
    owners = listed.group_by("person").agg(owner=pl.col("true_person").unique()).collect()
    findable = listed.select("true_person").unique().collect()
    twins = _twins(pl.read_parquet(folder(run) / "people.parquet", columns=["true_person", *TWINS_SHARE]))
    found = [_of(_true(run, extract, whose), extract, owners, findable, twins) for extract in run.extracts if extract != REGISTER]
    return pl.concat(found)


def _twins(people: pl.DataFrame) -> pl.DataFrame:
    """People -> `true_person` and `twin`, for each who has one of the same sex."""
    known = people.drop_nulls().unique("true_person")
    pairs = known.join(known.rename({"true_person": "twin"}), on=TWINS_SHARE, how="inner")
    return pairs.filter(pl.col("true_person") != pl.col("twin")).group_by("true_person").agg("twin")


def _of(rows: pl.LazyFrame, extract: str, owners: pl.DataFrame, findable: pl.DataFrame, twins: pl.DataFrame) -> pl.DataFrame:
    linked = pl.col("place") == Place.LINKED
    right = linked & pl.col("owner").list.contains(pl.col("true_person")).fill_null(False)
    can_be_found = pl.col("true_person").is_in(findable["true_person"].implode())
    joined = rows.join(owners.lazy(), on="person", how="left")
    is_twin = linked & pl.col("true_person").is_in(twins["true_person"].implode())
    counts = {
        "true_linked": linked.sum(),
        "true_wrong": (linked & ~right).sum(),
        "true_findable": can_be_found.sum(),
        "true_missed": (can_be_found & ~right).sum(),
        "true_twins_linked": is_twin.sum(),
    }
    wide, amiss = pl.collect_all([joined.select(**counts), joined.filter(is_twin & ~right).select("true_person", "owner")], engine="streaming")
    of_the_twin = pl.col("twin").list.set_intersection("owner").list.len() > 0
    merged = amiss.join(twins, on="true_person", how="inner").select(true_twins_merged=of_the_twin.sum())
    long = pl.concat([wide, merged], how="horizontal").unpivot(variable_name="measure", value_name="count")
    return long.select("measure", area_code=pl.lit(extract), group_type=pl.lit("all"), group=pl.lit("all"), count=pl.col("count").cast(pl.Int64))


def _true(run: Run, extract: str, whose: pl.LazyFrame) -> pl.LazyFrame:
    """Received rows of an extract with the person that each is truly of."""
    people = whose.filter(pl.col("extract") == extract).select("true_person", position=pl.col("row") - 1).sort("position").collect(engine="streaming")
    # The truth tells of every row that was written, so that it is looked up by position: a join would sort millions of rows into place.
    if people["position"].max() not in (None, people.height - 1):
        raise ValueError(f"the truth about {extract} leaves out a row")
    true = people["true_person"]
    of_row = pl.col("row").map_batches(lambda row: true.gather(row - 1, null_on_oob=True), return_dtype=true.dtype, is_elementwise=True)
    return pl.scan_parquet(run.received(extract)).select("person", "place", true_person=of_row).filter(pl.col("true_person").is_not_null())


def _single_files(run: Run) -> bool:
    """Whether each extract came in one file: the truth names rows by their position in it."""
    return all(len(run.files(extract)) == 1 for extract in run.extracts)

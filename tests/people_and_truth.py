"""The rows of `people` held against the people of the truth."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def people_and_truth(workspace: Path) -> tuple[int, int, int]:
    """Of a published run: rows of `people` in which two people are one; people who are on two rows with no record of theirs untraced; and all rows."""
    run = workspace / "pseudonymised" / (workspace / "published" / "current").readlink().name
    received = [pl.scan_parquet(path).select("row", "person", "place", extract=pl.lit(path.stem)) for path in sorted((run / "received").glob("*.parquet"))]
    people = pl.scan_parquet(run / "people.parquet").select("person")
    whose = pl.scan_parquet(workspace / "truth" / "records.parquet")
    told = pl.concat(received).join(people, on="person", how="semi").join(whose, on=["extract", "row"], how="inner")
    each = told.group_by("person", "true_person").agg(untraced=(pl.col("place") == "unlinked").any()).collect()
    merged = each.group_by("person").len().filter(pl.col("len") > 1).height
    split = each.group_by("true_person").agg(pl.len(), pl.col("untraced").any()).filter(pl.col("len") > 1)
    return merged, split.filter(~pl.col("untraced")).height, each["person"].n_unique()

"""Compare the rows of `people` with the ground truth."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def count_linkage_errors(workspace: Path) -> tuple[int, int, int]:
    """Count linkage errors of a published run: rows of `people` that merge two people, people unexplainedly on two rows, and all rows.

    A person on two rows is explained if one of their records is unlinked.
    """
    run = workspace / "pseudonymised" / (workspace / "published" / "current").readlink().name
    received = [pl.scan_parquet(path).select("row", "person", "outcome", extract=pl.lit(path.stem)) for path in sorted((run / "received").glob("*.parquet"))]
    people = pl.scan_parquet(run / "people.parquet").select("person")
    record_owners = pl.scan_parquet(workspace / "truth" / "records.parquet")
    linked_records = pl.concat(received).join(people, on="person", how="semi").join(record_owners, on=["extract", "row"], how="inner")
    each = linked_records.group_by("person", "true_person").agg(untraced=(pl.col("outcome") == "unlinked").any()).collect()
    merged = each.group_by("person").len().filter(pl.col("len") > 1).height
    split = each.group_by("true_person").agg(pl.len(), pl.col("untraced").any()).filter(pl.col("len") > 1)
    return merged, split.filter(~pl.col("untraced")).height, each["person"].n_unique()

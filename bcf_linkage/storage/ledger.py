"""The exact ledger: how many rows of each file ended in which place, and why. It stays in `audit/`; what is published is rounded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import DataRefused
from bcf_linkage.definitions.places import Place

FILE = "ledger.parquet"
SCHEMA = {"extract": pl.String, "file": pl.String, "place": pl.String, "reason": pl.String, "rows": pl.Int64}
GRAIN = ("extract", "file", "place", "reason")


def write_ledger(ledger: pl.DataFrame, folder: Path) -> Path:
    """Write the ledger, one row per extract, file, place and reason, sorted; gives back its path. Rows of one grain are added up."""
    unknown = set(ledger["place"]) - set(Place)
    if unknown:
        raise ValueError(f"the ledger names places that there are not: {', '.join(sorted(map(str, unknown)))}")
    path = folder / FILE
    ledger.cast(SCHEMA).group_by(GRAIN).agg(pl.col("rows").sum()).sort(GRAIN).write_parquet(path)  # type: ignore[arg-type]
    return path


def read_ledger(folder: Path) -> pl.DataFrame:
    """The ledger that `write_ledger` wrote into a folder."""
    return pl.read_parquet(folder / FILE)


def balance(ledger: pl.DataFrame, rows_read: Mapping[str, int]) -> None:
    """Raises DataRefused unless the places of every extract sum to the rows that were read of it."""
    accounted = dict(ledger.group_by("extract").agg(pl.col("rows").sum()).iter_rows())
    for extract in sorted(accounted.keys() | rows_read.keys()):
        read, found = rows_read.get(extract, 0), accounted.get(extract, 0)
        if read != found:
            raise DataRefused(f"{extract}: {read:,} rows were read and the ledger accounts for {found:,}; nothing is published; report this line")

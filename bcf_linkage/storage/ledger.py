"""The exact ledger: rows of each file by outcome and reason. It stays in `audit/`; the published ledger is rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.outcomes import Outcome

LEDGER_FILE = "ledger.parquet"
SCHEMA = {"extract": pl.String, "file": pl.String, "outcome": pl.String, "reason": pl.String, "rows": pl.Int64}
GRAIN = ("extract", "file", "outcome", "reason")


def exact_ledger(entries: Iterable[tuple[str, str, str, str, int]]) -> pl.DataFrame:
    """Entries of extract, file, outcome, reason and rows -> one row per entry."""
    return pl.DataFrame(list(entries), SCHEMA, orient="row")


def write_ledger(ledger: pl.DataFrame, folder: Path) -> Path:
    """Write the ledger, one row per extract, file, outcome and reason, sorted. Add up the rows of one grain. Return its path.

    Raises ValueError for an unknown outcome.
    """
    unknown = set(ledger["outcome"]) - set(Outcome)
    if unknown:
        raise ValueError(f"the ledger has unknown outcomes: {', '.join(sorted(map(str, unknown)))}")
    path = folder / LEDGER_FILE
    ledger.cast(SCHEMA).group_by(GRAIN).agg(pl.col("rows").sum()).sort(GRAIN).write_parquet(path)  # type: ignore[arg-type]
    return path


def read_ledger(folder: Path) -> pl.DataFrame:
    """Read the ledger that `write_ledger` wrote to a folder."""
    return pl.read_parquet(folder / LEDGER_FILE)


def check_balance(ledger: pl.DataFrame, rows_read: Mapping[str, int]) -> None:
    """Raise DataQualityError unless the outcomes of each extract add up to the rows that were read from it."""
    ledger_rows = dict(ledger.group_by("extract").agg(pl.col("rows").sum()).iter_rows())
    for extract in sorted(ledger_rows.keys() | rows_read.keys()):
        rows_in, rows_accounted = rows_read.get(extract, 0), ledger_rows.get(extract, 0)
        if rows_in != rows_accounted:
            raise DataQualityError(
                f"{extract}: {rows_in:,} rows were read and the ledger accounts for {rows_accounted:,}; nothing is published; report this line"
            )

"""The lower bound of any run: read every column of the same files as text with Polars, and hash each distinct NHS number once.

python -m benchmarks.floor WORKSPACE
"""

from __future__ import annotations

import hmac
import sys
from hashlib import sha256
from pathlib import Path

import polars as pl

KEY = bytes(32)


def floor(workspace: Path) -> int:
    """Read and hash. Return the number of distinct NHS numbers."""
    numbers: set[str] = set()
    for file in sorted((workspace / "landing").glob("*/*")):
        text = pl.scan_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy") if file.suffix == ".csv" else pl.scan_parquet(file)
        # A hash of every value makes Polars read every column.
        columns = text.select(pl.all().exclude("nhs_number").hash().sum(), pl.col("nhs_number").unique().implode()).collect(engine="streaming")
        numbers.update(columns["nhs_number"][0].drop_nulls())
    for number in numbers:
        hmac.digest(KEY, number.encode(), sha256)
    return len(numbers)


if __name__ == "__main__":
    floor(Path(sys.argv[1]))

"""Short of memory, Polars writes parts of a query to disk. Once the identifiable zone is imported it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHORT_OF_MEMORY = """
import polars as pl
rows = pl.LazyFrame({"n": range(600_000)}).select(name=pl.format("somebody called {}", "n"))
rows.sink_csv("rows.csv")
assert pl.scan_csv("rows.csv", infer_schema=False).unique().collect(engine="streaming").height == 600_000
"""
# A process that believes it has little memory, and that may not write one megabyte to disk.
ENVIRONMENT = {"POLARS_OVERRIDE_TOTAL_MEMORY_MB": "60", "POLARS_OOC_DISK_BUDGET_MB": "0", "POLARS_OOC_SPILL_MIN_BYTES": "1000"}


@pytest.mark.parametrize(
    ("first", "spills"), [("", True), ("import bcf_linkage.identifiable.row_rules", False), ("import polars, pipelines.receive.receive", False)]
)
def test_nothing_is_spilled_to_disk(first: str, spills: bool, tmp_path: Path) -> None:
    environment = {**os.environ, **ENVIRONMENT, "POLARS_OOC_SPILL_DIR": str(tmp_path / "spill")}
    completed = subprocess.run(
        [sys.executable, "-c", f"{first}\n{SHORT_OF_MEMORY}"], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=120
    )
    assert (completed.returncode != 0) is spills, completed.stderr
    assert ("spilled data exceeded" in completed.stderr) is spills

"""Time a whole run and the floor in turn on one synthetic locality: medians of whole-process times, and their ratio.

python -m benchmarks.whole_run [--people 100000] [--rounds 5] [--workspace DIR]
"""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from benchmarks.locality import BCF, run_benchmark, time_command


def compare(workspace: Path, rounds: int) -> None:
    """Time both in turn, and print medians and ratios."""
    run = [str(BCF), "run", str(workspace), "--as-at", "2014-09-30", "--no-prefect", "--json"]
    floor = [sys.executable, "-m", "benchmarks.floor", str(workspace)]
    size = sum(file.stat().st_size for file in (workspace / "landing").glob("*/*")) / 1e6
    pairs = []
    for number in range(1, rounds + 1):
        pairs.append((time_command(run), time_command(floor)))
        print(f"round {number}: run {pairs[-1][0][0]:.1f} s, floor {pairs[-1][1][0]:.1f} s", file=sys.stderr)
    for name, position in (("run", 0), ("floor", 1)):
        seconds, memory = statistics.median(p[position][0] for p in pairs), statistics.median(p[position][1] for p in pairs)
        print(f"{name:6} {seconds:8.2f} s  {memory:6.2f} GB   medians of {rounds}, {size:,.0f} MB of extracts, {os.cpu_count()} processors")
    print(f"ratio  {statistics.median(p[0][0] / p[1][0] for p in pairs):8.2f}    run over floor, median of the pairs")


if __name__ == "__main__":
    run_benchmark(__doc__, 5, compare)

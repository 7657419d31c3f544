"""The whole run beside the floor, in turn, on one synthetic locality: medians of whole-process times, and their ratio.

python -m benchmarks.whole_run [--people 100000] [--rounds 5] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BCF = Path(sys.executable).with_name("bcf")


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock and peak memory in gigabytes of one command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workspace", type=Path, help="one that is there already, instead of a new one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = options.workspace or Path(folder) / "southampton"
        if options.workspace is None:
            measured([str(BCF), "synth", "southampton", "--people", str(options.people), "--seed", "1", "--out", str(workspace), "--json"])
        compare(workspace, options.rounds)


def compare(workspace: Path, rounds: int) -> None:
    """Run both in turn and print medians and ratios."""
    run = [str(BCF), "run", str(workspace), "--as-at", "2014-09-30", "--no-prefect", "--json"]
    floor = [sys.executable, "-m", "benchmarks.floor", str(workspace)]
    size = sum(file.stat().st_size for file in (workspace / "landing").glob("*/*")) / 1e6
    pairs = []
    for number in range(1, rounds + 1):
        pairs.append((measured(run), measured(floor)))
        print(f"round {number}: run {pairs[-1][0][0]:.1f} s, floor {pairs[-1][1][0]:.1f} s", file=sys.stderr)
    for name, position in (("run", 0), ("floor", 1)):
        seconds, memory = statistics.median(p[position][0] for p in pairs), statistics.median(p[position][1] for p in pairs)
        print(f"{name:6} {seconds:8.2f} s  {memory:6.2f} GB   medians of {rounds}, {size:,.0f} MB of extracts, {os.cpu_count()} processors")
    print(f"ratio  {statistics.median(p[0][0] / p[1][0] for p in pairs):8.2f}    run over floor, median of the pairs")


if __name__ == "__main__":
    main()

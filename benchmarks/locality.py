"""Prepare the synthetic locality of a benchmark, and time whole commands."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BCF = Path(sys.executable).with_name("bcf")


def time_command(command: list[str]) -> tuple[float, float]:
    """Run one command. Return its elapsed seconds and peak memory in gigabytes. Raises SystemExit if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def run_benchmark(description: str | None, rounds: int, compare: Callable[[Path, int], None]) -> None:
    """Call `compare` with the workspace of the command line, or a new one, and the number of rounds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--workspace", type=Path, help="an existing workspace, instead of a new one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = options.workspace or Path(folder) / "southampton"
        if options.workspace is None:
            time_command([str(BCF), "synth", "southampton", "--people", str(options.people), "--seed", "1", "--out", str(workspace), "--json"])
        compare(workspace, options.rounds)

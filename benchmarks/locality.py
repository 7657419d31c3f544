"""The synthetic locality that is measured on, and whole commands timed."""

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


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock and peak memory in gigabytes of one command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def on_locality(words: str | None, rounds: int, compare: Callable[[Path, int], None]) -> None:
    """Compare on the workspace that the command line names, or on a new one, in so many rounds as it says."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--workspace", type=Path, help="one that is there already, instead of a new one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = options.workspace or Path(folder) / "southampton"
        if options.workspace is None:
            measured([str(BCF), "synth", "southampton", "--people", str(options.people), "--seed", "1", "--out", str(workspace), "--json"])
        compare(workspace, options.rounds)

"""The cost of the trace: time all records of every source against the register, then half and a quarter of them; print medians and the cost per record.

python -m benchmarks.trace [--people 100000] [--rounds 3] [--workspace DIR]
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable import identity_stages, row_rules
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.storage.engine import POLARS
from benchmarks.locality import run_benchmark
from pipelines.receive.identities import trace_identities
from pipelines.receive.reading import explain_read_errors, text_of
from pipelines.receive.register import load_register, read_areas
from pipelines.workspace.settings import kind_of, read_settings

AS_AT, SAMPLE = date(2014, 9, 30), 1000
SHARES = (4, 2, 1)
NO_OBJECTIONS = POLARS.frame(pl.DataFrame(schema={"number": pl.String, "objection": pl.String}))


def read_identities(table: Table, files: list[Path]) -> pl.DataFrame:
    """Return the distinct identities in an extract's rows."""
    deliveries = open_deliveries(table, files)
    with explain_read_errors(deliveries):
        return POLARS.collect(identity_stages.build_identities(row_rules.tidy_values(nw.from_native(text_of(deliveries)), table), table))


def time_trace(workspace: Path, register: Register, by_source: dict[str, pl.DataFrame], share: int) -> float:
    """Return the seconds to trace and validate one in `share` of each source's identities, as a run does."""
    settings = read_settings(workspace)
    inputs = identity_stages.TraceContext(AS_AT, kind_of(settings), read_areas(settings.postcodes), NO_OBJECTIONS)
    sampled = {name: identities.gather_every(share) for name, identities in by_source.items()}
    started = time.perf_counter()
    for name, identities in sampled.items():
        trace_identities(identities, EXTRACTS[name], inputs, register, SAMPLE)
    return time.perf_counter() - started


def compare(workspace: Path, rounds: int) -> None:
    """Time the shares in turn, and print medians."""
    files = {name: sorted((workspace / "landing" / name).glob("*")) for name in EXTRACTS}
    by_source = {name: read_identities(EXTRACTS[name], delivered) for name, delivered in files.items() if delivered}
    started = time.perf_counter()
    register = load_register(files[identity_stages.REGISTER_EXTRACT], kind_of(read_settings(workspace)), AS_AT)
    register.precompute()
    print(f"register of {register.size:,} people read and prepared: {time.perf_counter() - started:.1f} s")
    seconds: dict[int, list[float]] = {share: [] for share in SHARES}
    for number in range(rounds):
        for share in SHARES:
            seconds[share].append(time_trace(workspace, register, by_source, share))
        print(f"round {number + 1}: " + ", ".join(f"1/{share} {seconds[share][-1]:.1f} s" for share in SHARES), file=sys.stderr)
    for share in SHARES:
        identities, median = sum(len(frame.gather_every(share)) for frame in by_source.values()), statistics.median(seconds[share])
        print(f"{identities:>9,} identities {median:8.2f} s {1e6 * median / identities:8.1f} µs each   median of {rounds}")
    print(f"ratio {statistics.median(whole / half for whole, half in zip(seconds[1], seconds[2], strict=True)):.2f}   all over half of them; 2 is proportional")


if __name__ == "__main__":
    run_benchmark(__doc__, 3, compare)

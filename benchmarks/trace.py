"""What the trace costs: all records of every source against the register, and a half and a quarter of them, in turn; medians, and the cost of a record.

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
from bcf_linkage.identifiable import examine, rules
from bcf_linkage.identifiable.parse import opened
from benchmarks.locality import on_locality
from pipelines.examining import examined
from pipelines.receive import areas_of, reading, register_of
from pipelines.settings import kind_of, read_settings
from pipelines.settling import text_of
from pipelines.tracing import ENGINE, Register

AS_AT, SAMPLE = date(2014, 9, 30), 1000
SHARES = (4, 2, 1)
NOBODY = ENGINE.frame(pl.DataFrame(schema={"number": pl.String, "objection": pl.String}))


def identities_of(table: Table, files: list[Path]) -> pl.DataFrame:
    """What the rows of an extract tell of who they are about, once each."""
    deliveries = opened(table, files)
    with reading(deliveries):
        return ENGINE.collect(examine.identities(rules.tidied(nw.from_native(text_of(deliveries)), table), table))


def traced(workspace: Path, register: Register, told: dict[str, pl.DataFrame], share: int) -> float:
    """Seconds in which one of so many identities of each source is traced, and the trace put to the test as in a run."""
    settings = read_settings(workspace)
    against = examine.Against(AS_AT, kind_of(settings), areas_of(settings.postcodes), NOBODY)
    parts = {name: identities.gather_every(share) for name, identities in told.items()}
    started = time.perf_counter()
    for name, identities in parts.items():
        examined(identities, EXTRACTS[name], against, register, SAMPLE)
    return time.perf_counter() - started


def compare(workspace: Path, rounds: int) -> None:
    """Trace in turn and print."""
    files = {name: sorted((workspace / "landing" / name).glob("*")) for name in EXTRACTS}
    told = {name: identities_of(EXTRACTS[name], delivered) for name, delivered in files.items() if delivered}
    started = time.perf_counter()
    register = register_of(files[examine.REGISTER], kind_of(read_settings(workspace)), AS_AT)
    register.prepare()
    print(f"register of {register.size:,} people read and prepared: {time.perf_counter() - started:.1f} s")
    seconds: dict[int, list[float]] = {share: [] for share in SHARES}
    for number in range(rounds):
        for share in SHARES:
            seconds[share].append(traced(workspace, register, told, share))
        print(f"round {number + 1}: " + ", ".join(f"1/{share} {seconds[share][-1]:.1f} s" for share in SHARES), file=sys.stderr)
    for share in SHARES:
        identities, median = sum(len(each.gather_every(share)) for each in told.values()), statistics.median(seconds[share])
        print(f"{identities:>9,} identities {median:8.2f} s {1e6 * median / identities:8.1f} µs each   median of {rounds}")
    print(f"ratio {statistics.median(whole / half for whole, half in zip(seconds[1], seconds[2], strict=True)):.2f}   all over a half of them: 2 is in step")


if __name__ == "__main__":
    on_locality(__doc__, 3, compare)

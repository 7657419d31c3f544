"""Write the files of a synthetic locality: its extracts as a supplier delivers them, the postcode lookup and, apart, the ground truth."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic.faults import FaultedLocality
from synthetic.faults.byte_faults import BYTE_FAULTS

Format = Literal["csv", "parquet"]
ROWS_PER_BLOCK = 250_000
"""Rows per write. A faulted extract consists of many short chunks, which are slow to write one by one."""
LOOKUP_COLUMNS = ("postcode", "lsoa", "deprivation_decile")


@dataclass(frozen=True)
class WrittenFile:
    """A written file: its path relative to the workspace, its data rows and its size in bytes."""

    path: str
    rows: int
    size: int


def write_files(faulted: FaultedLocality, lookup: pl.DataFrame, out: Path, file_format: Format = "csv") -> tuple[WrittenFile, ...]:
    """Write `landing/<extract>/<extract>.csv` (or .parquet), `lookups/postcodes.csv` and `truth/*.parquet` under `out`.

    Write all files to a staging folder, then move them into place. Byte faults exist in CSV only, so Parquet has neither them nor
    their labels. Raises EnvironmentFault if the disk is full or the folder is not writable.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging_folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=out))
        try:
            written = [*_write_landing(faulted, staging_folder, file_format), *_write_lookup_and_truth(faulted, lookup, staging_folder, file_format)]
            for file in written:
                _move_into_place(staging_folder / file.path, out / file.path)
        finally:
            shutil.rmtree(staging_folder)
    except OSError as error:
        raise EnvironmentFault(f"cannot write under {out}: {error.strerror}; check the space and the rights there") from None
    return tuple(written)


def _write_landing(faulted: FaultedLocality, staging_folder: Path, file_format: Format) -> Iterator[WrittenFile]:
    for name, frame in faulted.extracts.items():
        rows = frame.select(EXTRACTS[name].names)
        path = _prepare_path(staging_folder, f"landing/{name}/{name}.{file_format}")
        if file_format == "csv":
            write_csv(rows, path, dict(faulted.byte_faults.filter(pl.col("extract") == name).select("row", "fault").iter_rows()))
        else:
            rows.write_parquet(path)
        yield _describe_file(path, staging_folder, rows.height)


def _write_lookup_and_truth(faulted: FaultedLocality, lookup: pl.DataFrame, staging_folder: Path, file_format: Format) -> Iterator[WrittenFile]:
    """Write the lookup and the ground truth: people, the owner of each record, and the expected outcome of each faulty row."""
    postcodes = _prepare_path(staging_folder, "lookups/postcodes.csv")
    lookup.select(LOOKUP_COLUMNS).write_csv(postcodes)
    yield _describe_file(postcodes, staging_folder, lookup.height)
    labels = faulted.labels if file_format == "csv" else faulted.labels.filter(~pl.col("fault").is_in(list(BYTE_FAULTS)))
    for name, frame in {"people": faulted.people, "records": record_owners(faulted), "faults": labels}.items():
        path = _prepare_path(staging_folder, f"truth/{name}.parquet")
        frame.write_parquet(path)
        yield _describe_file(path, staging_folder, frame.height)


def record_owners(faulted: FaultedLocality) -> pl.DataFrame:
    """Return the true person of every record: extract, row (the first data row is 1), true_person."""
    frames = [
        frame.select(pl.lit(name).alias("extract"), pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"), "true_person")
        for name, frame in faulted.extracts.items()
    ]
    return pl.concat(frames)


def write_csv(rows: pl.DataFrame, path: Path, byte_faults: dict[int, str]) -> None:
    """Write a CSV in UTF-8 with a header. `byte_faults` maps a row (the first is 1) to the fault with which its line is written."""
    with path.open("wb") as file:
        file.write(rows.head(0).write_csv().encode())
        done = 0
        for row in sorted(byte_faults):
            _append(rows[done : row - 1], file)
            file.write(BYTE_FAULTS[byte_faults[row]](rows[row - 1 : row]))
            done = row
        _append(rows[done:], file)


def _append(rows: pl.DataFrame, file: IO[bytes]) -> None:
    for start in range(0, rows.height, ROWS_PER_BLOCK):
        file.flush()
        rows[start : start + ROWS_PER_BLOCK].rechunk().write_csv(file, include_header=False)


def _prepare_path(staging_folder: Path, path: str) -> Path:
    file = staging_folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _describe_file(path: Path, staging_folder: Path, rows: int) -> WrittenFile:
    return WrittenFile(str(path.relative_to(staging_folder)), rows, path.stat().st_size)


def _move_into_place(file: Path, target: Path) -> None:
    """Move a file into place and delete the same file in the other format: a landing folder holds one delivery."""
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    if target.parent.parent.name == "landing":
        target.with_suffix(".csv" if target.suffix == ".parquet" else ".parquet").unlink(missing_ok=True)

"""The files of a synthetic locality: its extracts as a supplier would land them, the postcode lookup and, apart, the truth."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import polars as pl

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic.faults import Faulted
from synthetic.faults.raw import RAW

Format = Literal["csv", "parquet"]
BLOCK = 250_000
"""Rows that are written at once. A faulted extract is made of many short runs, which are slow to write one by one."""
LOOKUP = ("postcode", "lsoa", "deprivation_decile")


@dataclass(frozen=True)
class Written:
    """A file that was written: its path under the workspace, its data rows and its size in bytes."""

    path: str
    rows: int
    size: int


def write(faulted: Faulted, lookup: pl.DataFrame, out: Path, file_format: Format = "csv") -> tuple[Written, ...]:
    """Write `landing/<extract>/<extract>.csv` (or .parquet), `lookups/postcodes.csv` and `truth/*.parquet` under `out`.

    All files are written aside and then moved into place. Faults of bytes exist in CSV only, so Parquet has neither them nor
    their labels. Raises EnvironmentRefused where the disk does not let it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=out))
        try:
            written = [*_landing(faulted, aside, file_format), *_rest(faulted, lookup, aside, file_format)]
            for file in written:
                _move(aside / file.path, out / file.path)
        finally:
            shutil.rmtree(aside)
    except OSError as error:
        raise EnvironmentRefused(f"cannot write under {out}: {error.strerror}; check the space and the rights there") from None
    return tuple(written)


def _landing(faulted: Faulted, aside: Path, file_format: Format) -> Iterator[Written]:
    for name, frame in faulted.extracts.items():
        rows = frame.select(EXTRACTS[name].names)
        path = _file(aside, f"landing/{name}/{name}.{file_format}")
        if file_format == "csv":
            write_csv(rows, path, dict(faulted.raw.filter(pl.col("extract") == name).select("row", "fault").iter_rows()))
        else:
            rows.write_parquet(path)
        yield _written(path, aside, rows.height)


def _rest(faulted: Faulted, lookup: pl.DataFrame, aside: Path, file_format: Format) -> Iterator[Written]:
    """The lookup and the truth: people, whose each record is, and where each faulty row must land."""
    postcodes = _file(aside, "lookups/postcodes.csv")
    lookup.select(LOOKUP).write_csv(postcodes)
    yield _written(postcodes, aside, lookup.height)
    labels = faulted.labels if file_format == "csv" else faulted.labels.filter(~pl.col("fault").is_in(list(RAW)))
    for name, frame in {"people": faulted.people, "records": records(faulted), "faults": labels}.items():
        path = _file(aside, f"truth/{name}.parquet")
        frame.write_parquet(path)
        yield _written(path, aside, frame.height)


def records(faulted: Faulted) -> pl.DataFrame:
    """Whose every record is: extract, row (the first data row is 1), true_person."""
    of_each = [
        frame.select(pl.lit(name).alias("extract"), pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"), "true_person")
        for name, frame in faulted.extracts.items()
    ]
    return pl.concat(of_each)


def write_csv(rows: pl.DataFrame, path: Path, raw: dict[int, str]) -> None:
    """A CSV in UTF-8 with a header, the rows that `raw` names by position (the first is 1) written with the fault it names."""
    with path.open("wb") as file:
        file.write(rows.head(0).write_csv().encode())
        done = 0
        for row in sorted(raw):
            _append(rows[done : row - 1], file)
            file.write(RAW[raw[row]](rows[row - 1 : row]))
            done = row
        _append(rows[done:], file)


def _append(rows: pl.DataFrame, file: IO[bytes]) -> None:
    for start in range(0, rows.height, BLOCK):
        file.flush()
        rows[start : start + BLOCK].rechunk().write_csv(file, include_header=False)


def _file(aside: Path, path: str) -> Path:
    file = aside / path
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _written(path: Path, aside: Path, rows: int) -> Written:
    return Written(str(path.relative_to(aside)), rows, path.stat().st_size)


def _move(file: Path, target: Path) -> None:
    """Into place, and away with the same file in the other format: a landing folder holds one delivery."""
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    if target.parent.parent.name == "landing":
        target.with_suffix(".csv" if target.suffix == ".parquet" else ".parquet").unlink(missing_ok=True)

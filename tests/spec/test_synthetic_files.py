"""What is written: the declared header, every row, raw faults byte for byte, and all of it or nothing."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic.faults import Faulted, apply
from synthetic.faults.raw import RAW
from synthetic.files import Format, write, write_csv
from synthetic.locality import Locality
from synthetic.make import make
from synthetic.profiles import load
from tests.spec.small_locality import small_locality

PLACES = pl.DataFrame({"name": ["Zoë", "b", "c", None], "place": ["1 High Street", "2", "3", "4"], "code": ["x", None, "z", "w"]})


@pytest.fixture(scope="module")
def clean() -> Locality:
    return small_locality(500)


@pytest.fixture(scope="module")
def faulted(clean: Locality) -> Faulted:
    return apply(clean, load("southampton"), 7)


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("wrong_encoding", b"Zo\xeb,1 High Street,x\n"),
        ("wrong_delimiter", "Zoë;1 High Street;x\n".encode()),
        ("too_few_fields", "Zoë,1 High Street\n".encode()),
        ("too_many_fields", "Zoë,1 High Street,x,1\n".encode()),
    ],
)
def test_a_raw_fault_is_in_its_line_and_no_other(fault: str, line: bytes, tmp_path: Path) -> None:
    write_csv(PLACES, tmp_path / "places.csv", {1: fault})
    assert (tmp_path / "places.csv").read_bytes() == b"name,place,code\n" + line + b"b,2,\nc,3,z\n,4,w\n"


def test_raw_faults_may_stand_side_by_side_and_at_the_end(tmp_path: Path) -> None:
    write_csv(PLACES, tmp_path / "places.csv", {2: "too_few_fields", 3: "wrong_delimiter", 4: "too_many_fields"})
    assert (tmp_path / "places.csv").read_bytes() == "name,place,code\nZoë,1 High Street,x\nb,2\nc;3;z\n,4,w,1\n".encode()


def test_all_other_lines_are_those_of_the_frame(faulted: Faulted, clean: Locality, tmp_path: Path) -> None:
    written = {file.path: file for file in write(faulted, clean.lookup, tmp_path)}
    for name, frame in faulted.extracts.items():
        file = tmp_path / f"landing/{name}/{name}.csv"
        lines, sound = file.read_bytes().split(b"\n"), frame.select(EXTRACTS[name].names).write_csv().encode().split(b"\n")
        raw = dict(faulted.raw.filter(pl.col("extract") == name).select("row", "fault").iter_rows())
        assert {n for n, (now, was) in enumerate(zip(lines, sound, strict=True)) if now != was} == set(raw)
        assert written[f"landing/{name}/{name}.csv"].rows == frame.height
        assert written[f"landing/{name}/{name}.csv"].size == file.stat().st_size


def test_parquet_holds_text_alone_and_no_label_of_a_raw_fault(faulted: Faulted, clean: Locality, tmp_path: Path) -> None:
    write(faulted, clean.lookup, tmp_path, "parquet")
    for name, frame in faulted.extracts.items():
        read = pl.read_parquet(tmp_path / f"landing/{name}/{name}.parquet")
        assert read.equals(frame.select(EXTRACTS[name].names))
        assert set(read.dtypes) == {pl.String}
    labels = pl.read_parquet(tmp_path / "truth/faults.parquet")
    assert labels.height == faulted.labels.height - faulted.raw.height
    assert not labels["fault"].is_in(list(RAW)).any()


def test_the_other_format_goes_and_nothing_is_left_aside(faulted: Faulted, clean: Locality, tmp_path: Path) -> None:
    for file_format in ("csv", "parquet", "csv"):
        written = write(faulted, clean.lookup, tmp_path, file_format)  # type: ignore[arg-type]
        assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {file.path for file in written}
        assert {path.name for path in tmp_path.iterdir()} == {"landing", "lookups", "truth"}


def test_the_same_locality_gives_the_same_bytes(faulted: Faulted, clean: Locality, tmp_path: Path) -> None:
    first, second = (write(faulted, clean.lookup, tmp_path / folder) for folder in "ab")
    assert first == second
    assert all((tmp_path / "a" / file.path).read_bytes() == (tmp_path / "b" / file.path).read_bytes() for file in first)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_same_seed_writes_the_same_bytes_in_another_process(file_format: Format, tmp_path: Path) -> None:
    here, there, other = (tmp_path / name for name in ("here", "there", "other"))
    written = make("southend", 300, 11, here, file_format)
    call = f"from pathlib import Path; from synthetic.make import make; make('southend', 300, 11, Path({str(there)!r}), {file_format!r})"
    elsewhere = os.environ | {"PYTHONHASHSEED": "7", "POLARS_MAX_THREADS": "1"}
    subprocess.run([sys.executable, "-c", call], check=True, env=elsewhere, cwd=Path(__file__).parents[2])
    make("southend", 300, 12, other, file_format)
    for file in written:
        assert (here / file.path).read_bytes() == (there / file.path).read_bytes(), file.path
        assert (here / file.path).read_bytes() != (other / file.path).read_bytes(), file.path


def test_the_lookup_has_its_three_columns(faulted: Faulted, clean: Locality, tmp_path: Path) -> None:
    write(faulted, clean.lookup, tmp_path)
    assert (tmp_path / "lookups/postcodes.csv").read_text().splitlines()[0] == "postcode,lsoa,deprivation_decile"


def test_a_write_that_fails_leaves_what_stood_there(faulted: Faulted, clean: Locality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(faulted, clean.lookup, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synthetic.files.records", fail)
    with pytest.raises(EnvironmentRefused, match="No space left on device; check the space"):
        write(faulted, clean.lookup, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_raw_row_is_one_record_in_the_reader_of_the_standard_library(faulted: Faulted, clean: Locality, tmp_path: Path) -> None:
    write(faulted, clean.lookup, tmp_path)
    for name, frame in faulted.extracts.items():
        text = (tmp_path / f"landing/{name}/{name}.csv").read_bytes().decode("latin-1")
        assert sum(1 for _ in csv.reader(io.StringIO(text))) == frame.height + 1

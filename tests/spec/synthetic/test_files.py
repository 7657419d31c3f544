"""Synthetic files have the declared header, every row and every byte fault, and are written completely or not at all."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic.faults import FaultedLocality, inject_faults
from synthetic.faults.byte_faults import BYTE_FAULTS
from synthetic.files import Format, write_csv, write_files
from synthetic.locality import Locality
from synthetic.make_locality import make_locality
from synthetic.profiles import load_profile
from tests.small_locality import small_locality

ADDRESSES = pl.DataFrame({"name": ["Zoë", "b", "c", None], "address": ["1 High Street", "2", "3", "4"], "code": ["x", None, "z", "w"]})


@pytest.fixture(scope="module")
def clean() -> Locality:
    return small_locality(500)


@pytest.fixture(scope="module")
def faulted(clean: Locality) -> FaultedLocality:
    return inject_faults(clean, load_profile("southampton"), 7)


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("wrong_encoding", b"Zo\xeb,1 High Street,x\n"),
        ("wrong_delimiter", "Zoë;1 High Street;x\n".encode()),
        ("too_few_fields", "Zoë,1 High Street\n".encode()),
        ("too_many_fields", "Zoë,1 High Street,x,1\n".encode()),
    ],
)
def test_a_byte_fault_changes_its_own_line_only(fault: str, line: bytes, tmp_path: Path) -> None:
    write_csv(ADDRESSES, tmp_path / "addresses.csv", {1: fault})
    assert (tmp_path / "addresses.csv").read_bytes() == b"name,address,code\n" + line + b"b,2,\nc,3,z\n,4,w\n"


def test_byte_faults_may_be_in_neighbouring_lines_and_in_the_last(tmp_path: Path) -> None:
    write_csv(ADDRESSES, tmp_path / "addresses.csv", {2: "too_few_fields", 3: "wrong_delimiter", 4: "too_many_fields"})
    assert (tmp_path / "addresses.csv").read_bytes() == "name,address,code\nZoë,1 High Street,x\nb,2\nc;3;z\n,4,w,1\n".encode()


def test_lines_without_a_byte_fault_equal_the_frame(faulted: FaultedLocality, clean: Locality, tmp_path: Path) -> None:
    written = {file.path: file for file in write_files(faulted, clean.lookup, tmp_path)}
    for name, frame in faulted.extracts.items():
        file = tmp_path / f"landing/{name}/{name}.csv"
        lines, sound = file.read_bytes().split(b"\n"), frame.select(EXTRACTS[name].names).write_csv().encode().split(b"\n")
        raw = dict(faulted.byte_faults.filter(pl.col("extract") == name).select("row", "fault").iter_rows())
        assert {n for n, (now, was) in enumerate(zip(lines, sound, strict=True)) if now != was} == set(raw)
        assert written[f"landing/{name}/{name}.csv"].rows == frame.height
        assert written[f"landing/{name}/{name}.csv"].size == file.stat().st_size


def test_parquet_has_text_columns_only_and_no_label_of_a_byte_fault(faulted: FaultedLocality, clean: Locality, tmp_path: Path) -> None:
    write_files(faulted, clean.lookup, tmp_path, "parquet")
    for name, frame in faulted.extracts.items():
        read = pl.read_parquet(tmp_path / f"landing/{name}/{name}.parquet")
        assert read.equals(frame.select(EXTRACTS[name].names))
        assert set(read.dtypes) == {pl.String}
    labels = pl.read_parquet(tmp_path / "truth/faults.parquet")
    assert labels.height == faulted.labels.height - faulted.byte_faults.height
    assert not labels["fault"].is_in(list(BYTE_FAULTS)).any()


def test_writing_replaces_the_other_format_and_removes_the_staging_folder(faulted: FaultedLocality, clean: Locality, tmp_path: Path) -> None:
    for file_format in ("csv", "parquet", "csv"):
        written = write_files(faulted, clean.lookup, tmp_path, file_format)  # type: ignore[arg-type]
        assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {file.path for file in written}
        assert {path.name for path in tmp_path.iterdir()} == {"landing", "lookups", "truth"}


def test_the_same_locality_gives_the_same_bytes(faulted: FaultedLocality, clean: Locality, tmp_path: Path) -> None:
    first, second = (write_files(faulted, clean.lookup, tmp_path / folder) for folder in "ab")
    assert first == second
    assert all((tmp_path / "a" / file.path).read_bytes() == (tmp_path / "b" / file.path).read_bytes() for file in first)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_same_seed_writes_the_same_bytes_in_another_process(file_format: Format, tmp_path: Path) -> None:
    here, there, other = (tmp_path / name for name in ("here", "there", "other"))
    written = make_locality("southend", 300, 11, here, file_format)
    call = (
        "from pathlib import Path; from synthetic.make_locality import make_locality; "
        f"make_locality('southend', 300, 11, Path({str(there)!r}), {file_format!r})"
    )
    elsewhere = os.environ | {"PYTHONHASHSEED": "7", "POLARS_MAX_THREADS": "1"}
    subprocess.run([sys.executable, "-c", call], check=True, env=elsewhere, cwd=Path(__file__).parents[2])
    make_locality("southend", 300, 12, other, file_format)
    for file in written:
        assert (here / file.path).read_bytes() == (there / file.path).read_bytes(), file.path
        assert (here / file.path).read_bytes() != (other / file.path).read_bytes(), file.path


def test_the_lookup_has_its_three_columns(faulted: FaultedLocality, clean: Locality, tmp_path: Path) -> None:
    write_files(faulted, clean.lookup, tmp_path)
    assert (tmp_path / "lookups/postcodes.csv").read_text().splitlines()[0] == "postcode,lsoa,deprivation_decile"


def test_a_failed_write_leaves_the_old_files_unchanged(faulted: FaultedLocality, clean: Locality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(faulted, clean.lookup, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synthetic.files.record_owners", fail)
    with pytest.raises(EnvironmentFault, match="No space left on device; check the space"):
        write_files(faulted, clean.lookup, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_pythons_csv_reader_reads_a_faulty_line_as_one_record(faulted: FaultedLocality, clean: Locality, tmp_path: Path) -> None:
    write_files(faulted, clean.lookup, tmp_path)
    for name, frame in faulted.extracts.items():
        text = (tmp_path / f"landing/{name}/{name}.csv").read_bytes().decode("latin-1")
        assert sum(1 for _ in csv.reader(io.StringIO(text))) == frame.height + 1

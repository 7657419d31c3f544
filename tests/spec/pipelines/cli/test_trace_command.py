"""`bcf trace` on files of every kind: its results, its screen, and its errors, which are one line without a value."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.identifiable.parse.birth_date_formats import parse_birth_dates
from pipelines.cli.trace_files import OUTPUT_COLUMNS
from tests.conftest import CommandResult
from tests.trace_builder import FIELDS, crowd, person

CROWD = crowd(60)
SECRET = "Quexzibarth"

Bcf = Callable[..., CommandResult]


def save_rows(file: Path, rows: Sequence[dict[str, Any]], columns: Sequence[str] = ("record_id", *FIELDS)) -> Path:
    frame = pl.DataFrame([{"record_id": f"r{n}", **row} for n, row in enumerate(rows)], infer_schema_length=None).select(columns)
    if file.suffix == ".csv":
        frame.write_csv(file)
    else:
        frame.write_parquet(file)
    return file


@pytest.fixture
def register(tmp_path: Path) -> Path:
    return save_rows(tmp_path / "register.csv", CROWD, FIELDS)


def run_trace(bcf: Bcf, records: Path, register: Path, out: Path) -> pl.DataFrame:
    result = bcf("trace", records, "--register", register, "--out", out, "--synthetic")
    assert result.code == 0, result.err
    return pl.read_csv(out, infer_schema=False) if out.suffix == ".csv" else pl.read_parquet(out)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_one_row_for_each_record_in_order_for_its_owner_alone(suffix: str, register: Path, tmp_path: Path, bcf: Bcf) -> None:
    records = [CROWD[5], {**CROWD[2], "nhs_number": None}, dict.fromkeys(FIELDS), person(99), CROWD[5]]
    out = tmp_path / f"answers.{suffix}"
    found = run_trace(bcf, save_rows(tmp_path / f"records.{suffix}", records), register, out)
    assert found.columns == list(OUTPUT_COLUMNS)
    assert found["record_id"].to_list() == [f"r{n}" for n in range(5)]
    assert found["traced_nhs_number"].to_list() == [CROWD[5]["nhs_number"], CROWD[2]["nhs_number"], None, None, CROWD[5]["nhs_number"]]
    assert found["rung"].to_list() == ["cross_check", "exact_demographics", None, None, "cross_check"]
    assert found["outcome"].to_list() == ["linked", "linked", "unlinked", "seen, not registered", "linked"]
    assert found["status_code"].to_list() == ["01", "01", "03", "04", "01"]
    assert found["reason"][2] == "number_missing: no number"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {f"records.{suffix}", "register.csv", f"answers.{suffix}"}


def test_the_screen_counts_records_by_outcome(register: Path, tmp_path: Path, bcf: Bcf) -> None:
    records = save_rows(tmp_path / "records.csv", [CROWD[1], CROWD[1], dict.fromkeys(FIELDS)])
    arguments = ("trace", records, "--register", register, "--out", tmp_path / "out.csv", "--synthetic")
    document = json.loads(bcf(*arguments, "--json").out)
    assert (document["records"], document["linked"], document["people_on_register"], document["people_found_twice"]) == (3, 2, 60, 1)
    assert {"outcome": "linked", "why": "cross_check", "records": 2} in document["outcomes"]
    assert "2 of 3 records found among 60 people" in bcf(*arguments).out


def test_columns_may_be_few_spelt_differently_or_in_another_order(register: Path, tmp_path: Path, bcf: Bcf) -> None:
    records = tmp_path / "records.csv"
    wanted = CROWD[7]
    records.write_text(
        f"Surname,Comment,RecordID,DateOfBirth,Forename,Gender\n{wanted['family_name']},x,1,{wanted['birth_date']},{wanted['given_name']},Female\n"
    )
    assert run_trace(bcf, records, register, tmp_path / "out.csv")["traced_nhs_number"].to_list() == [wanted["nhs_number"]]
    records.write_text(f"\ufeffRecord ID,NHS No.,DOB\r\n1,{wanted['nhs_number']},{wanted['birth_date']}\r\n")
    assert run_trace(bcf, records, register, tmp_path / "out.csv")["rung"].to_list() == ["cross_check"]


def test_a_whole_register_extract_is_accepted(locality: Path, tmp_path: Path, bcf: Bcf) -> None:
    extract = locality / "landing" / "gp_registrations" / "gp_registrations.csv"
    rows = [line for line in extract.read_bytes().split(b"\n") if _is_utf8(line)]
    register = tmp_path / "register.csv"
    width = rows[0].count(b",")
    register.write_bytes(b"\n".join(row for row in rows if row.count(b",") == width and b'"' not in row) + b"\n")
    known = pl.read_csv(register, infer_schema=False).filter(pl.col("type_1_opt_out") == "N").head(50)
    records = known.select(record_id="gp_patient_id", nhs_number="nhs_number", birth_date="date_of_birth").write_csv(None)
    (tmp_path / "records.csv").write_text(records)
    assert (run_trace(bcf, tmp_path / "records.csv", register, tmp_path / "out.csv")["outcome"] == "linked").mean() > 0.9


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


REFUSED = {
    "no such register": ("record_id\n1\n", None, "no such file"),
    "a register without numbers": ("record_id\n1\n", "given_name\nAnn\n", "has no column nhs_number"),
    "a register of real people": ("record_id\n1\n", "nhs_number\n4010232137\n", "leave out --synthetic"),
    "a register of junk": ("record_id\n1\n", f"nhs_number\n{SECRET}\n", "none of its 1 rows has an NHS number that can be used"),
    "an empty register": ("record_id\n1\n", "nhs_number\n", "is empty"),
    "no header": (f"1,{SECRET}\n", "nhs_number\n9434765919\n", "names none of the columns"),
    "no record_id": (f"given_name\n{SECRET}\n", "nhs_number\n9434765919\n", "has no column record_id"),
    "a blank record_id": (f"record_id,given_name\n1,a\n,{SECRET}\n", "nhs_number\n9434765919\n", "the first is row 2"),
    "a column twice": (f"record_id,given_name,GivenName\n1,{SECRET},b\n", "nhs_number\n9434765919\n", "given_name more than once"),
    "a ragged row": (f"record_id,given_name\n1,{SECRET},b\n", "nhs_number\n9434765919\n", "1 of its 1 rows have too many fields, the first in row 1"),
    "month first": ("record_id,birth_date\n1,03/25/1950\n", "nhs_number\n9434765919\n", "written month first"),
    "two digits for the year": ("record_id,birth_date\n1,03/02/50\n", "nhs_number\n9434765919\n", "two digits for the year"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_traced_is_refused_in_one_line_without_a_value(case: str, tmp_path: Path, bcf: Bcf) -> None:
    records, register, words = REFUSED[case]
    (tmp_path / "records.csv").write_text(records)
    if register is not None:
        (tmp_path / "register.csv").write_text(register)
    result = bcf("trace", tmp_path / "records.csv", "--register", tmp_path / "register.csv", "--out", tmp_path / "out.csv", "--synthetic")
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1
    assert SECRET not in result.err + result.out
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("out", "words"), [("out.xlsx", "neither .csv nor .parquet"), ("no/out.csv", "folder does not exist"), ("records.csv", "one of the files to read")]
)
def test_an_output_path_that_cannot_be_used_is_refused(out: str, words: str, register: Path, tmp_path: Path, bcf: Bcf) -> None:
    records = save_rows(tmp_path / "records.csv", CROWD[:2])
    before = records.read_bytes()
    result = bcf("trace", records, "--register", register, "--out", tmp_path / out, "--synthetic")
    assert result.code == 2
    assert words in result.err
    assert records.read_bytes() == before


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1950-02-28", "1950-02-28"),
        ("19500228", "1950-02-28"),
        ("28/02/1950", "1950-02-28"),
        ("8/2/1950", "1950-02-08"),
        ("28.02.1950", "1950-02-28"),
        ("1950-02-28 00:00:00", "1950-02-28"),
        ("19500228.0", "1950-02-28"),
        ("19501342", "1950-13-42"),
        ("null", None),
        ("unknown", None),
        ("February 1950", None),
        (None, None),
    ],
)
def test_a_date_is_read_only_in_unambiguous_formats(written: str | None, read: str | None) -> None:
    assert parse_birth_dates(pl.Series([written], dtype=pl.String), "a.csv").to_list() == [read]


def test_unclear_dates_are_counted_and_not_quoted() -> None:
    with pytest.raises(UsageError, match="2 dates, the first in row 2,") as refused:
        parse_birth_dates(pl.Series(["1950-01-01", "02/03/51", "02/03/52"]), "a.csv")
    assert "51" not in str(refused.value)

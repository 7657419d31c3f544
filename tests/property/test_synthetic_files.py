"""Every value is read back from a synthetic CSV file as it was written."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic.files import write_csv

ODD = st.sampled_from(["O'Neill", 'Anne "Nan" Lee', "Flat 3, 40 High Street", "Zoë", "Smith-Jones", "Łódź", ";", "a;b", ",", '"', '""', " ", "Ó Briain"])
TEXT = st.one_of(ODD, st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1))
ROWS = st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT, TEXT), max_size=8)


@settings(max_examples=50)
@given(ROWS)
def test_every_value_is_read_back_as_it_was_written(rows: list[tuple[str | None, ...]]) -> None:
    frame = pl.DataFrame(rows, schema={"given": pl.String, "address": pl.String, "key": pl.String}, orient="row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_csv(frame, path, {})
        with path.open(encoding="utf-8", newline="") as file:
            read = list(csv.reader(file))
    assert read[0] == ["given", "address", "key"]
    assert [tuple(value or None for value in row) for row in read[1:]] == rows


@given(st.lists(st.sampled_from([None, "too_few_fields", "too_many_fields", "wrong_delimiter"]), max_size=12))
def test_byte_faults_change_their_own_lines_only(faults: list[str | None]) -> None:
    frame = pl.DataFrame({"a": [f"a{n}" for n in range(len(faults))], "b": ["b"] * len(faults)}, schema={"a": pl.String, "b": pl.String})
    expected = {None: "a{n},b", "too_few_fields": "a{n}", "too_many_fields": "a{n},b,1", "wrong_delimiter": "a{n};b"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_csv(frame, path, {n: fault for n, fault in enumerate(faults, 1) if fault})
        lines = path.read_text().splitlines()
    assert lines == ["a,b", *(expected[fault].format(n=n) for n, fault in enumerate(faults))]

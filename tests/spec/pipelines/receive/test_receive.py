"""Receive small deliveries: each row gets its outcome, the first that applies counts, and no identifier is kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import BcfError, DataQualityError, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import received_table
from bcf_linkage.definitions.schema import Type
from bcf_linkage.identifiable.pseudonymisation import make_tokens
from pipelines.receive.receive import ReceiveContext, receive_deliveries
from pipelines.receive.register import load_register, read_areas
from tests.delivery_builder import (
    AS_AT,
    BIRTH_DATE,
    KEY,
    NAMELESS,
    Row,
    as_csv,
    build_context,
    count_outcomes,
    number,
    receive_rows,
    sound_row,
    sound_rows,
    write_delivery,
)

REGISTER, EVENTS, ADMISSIONS, EMERGENCY = (EXTRACTS[name] for name in ("gp_registrations", "gp_events", "hospital_admissions", "emergency_care"))


@pytest.fixture
def context(tmp_path: Path) -> ReceiveContext:
    """Persons 0 to 9 are on the register. 8 and 9 object. 7 had another number before."""
    entries = [sound_row(REGISTER, n, type_1_opt_out="Y" if n > 7 else "N") for n in range(10)]
    entries[7]["replaced_nhs_number"] = number(940_000_000)
    return build_context(tmp_path, entries)


def outcomes_of(tmp_path: Path, context: ReceiveContext, *rows: Row) -> dict[tuple[str, str], int]:
    return count_outcomes(receive_rows(tmp_path, "emergency_care", rows, context))


def test_every_outcome_has_its_rows_and_their_reasons(tmp_path: Path, context: ReceiveContext) -> None:
    person = lambda n, **changes: sound_row(EMERGENCY, n, ae_attendance_number=f"a{n}-{len(changes)}", **changes)  # noqa: E731
    rows = [
        person(1),
        person(1),
        person(2, ae_department_type="x"),
        person(2, arrival_date="30/09/2014"),
        person(3, arrival_date="2012-09-30"),
        person(3, arrival_date="2014-10-01", arrival_time="10:00"),
        person(8),
        person(9, date_of_birth="1900-01-01"),
        person(4),
        person(7),
        person(7, nhs_number=number(940_000_000)),
        person(20, **NAMELESS),
        person(5, nhs_number="", **NAMELESS),
        person(5, nhs_number="943476591", sex="x", **NAMELESS),
        person(5, date_of_birth="", sex="x", arrival_time="", **NAMELESS),
        person(5, date_of_birth="1961-03-04", sex="x", arrival_time="", arrival_date="2014-08-16", **NAMELESS),
        person(6, date_of_birth="1950-02-10"),
        person(6, nhs_number="", sex="1"),
        person(6, nhs_number="9434765918", sex="1", given_name="Ximenna"),
    ]
    file = write_delivery(tmp_path, EMERGENCY, rows)
    with file.open("ab") as appended:
        appended.write(b"one field\n" + as_csv(EMERGENCY, [person(6)]).splitlines()[1] + b",one more\n")
    received = receive_deliveries(EMERGENCY, [file], context, tmp_path / "out.parquet")
    assert count_outcomes(received) == {
        ("unreadable", "too_few_fields"): 1,
        ("unreadable", "too_many_fields"): 1,
        ("refused", "ae_department_type: one_of"): 1,
        ("refused", "arrival_date: typed"): 1,
        ("duplicate", "same_key"): 1,
        ("out of period", "before_window"): 1,
        ("out of period", "after_as_at"): 1,
        ("opted out", "type_1"): 2,
        ("linked", "cross_check"): 3,
        ("linked", "superseded_number"): 1,
        ("seen, not registered", "not_on_register"): 1,
        ("unlinked", "number_missing"): 1,
        ("unlinked", "number_format"): 1,
        ("unlinked", "birth_date_missing"): 1,
        ("unlinked", "birth_date_conflict"): 1,
        ("linked", "cross_check_partial"): 1,
        ("linked", "exact_demographics"): 1,
        ("linked", "scored"): 1,
    }
    assert received.rows_read == sum(entry.rows for entry in received.ledger) == 21


def test_a_row_that_fails_in_every_way_is_refused_before_it_is_anything_else(tmp_path: Path, context: ReceiveContext) -> None:
    one, late = sound_row(EMERGENCY, 1), sound_row(EMERGENCY, 1, arrival_date="2014-10-01")
    objector = sound_row(EMERGENCY, 8, ae_attendance_number="b", arrival_date="2014-10-01")
    rows = [one, {**late, "ae_department_type": ""}, late, objector, *sound_rows(EMERGENCY, 5, ae_attendance_number="c")]
    assert outcomes_of(tmp_path, context, *rows) == {
        ("refused", "ae_department_type: required"): 1,
        ("duplicate", "same_key"): 1 + 4,
        ("out of period", "after_as_at"): 1,
        ("linked", "cross_check"): 2,
    }


def test_a_refused_row_does_not_take_its_key_from_the_row_that_corrects_it(tmp_path: Path, context: ReceiveContext) -> None:
    rows = [sound_row(EMERGENCY, 1, arrival_date="2014-02-30"), sound_row(EMERGENCY, 1)]
    assert outcomes_of(tmp_path, context, *rows) == {("refused", "arrival_date: typed"): 1, ("linked", "cross_check"): 1}


def test_a_row_of_nobody_is_refused(tmp_path: Path, context: ReceiveContext) -> None:
    nobody = sound_row(EMERGENCY, 1, nhs_number="", local_patient_identifier="", date_of_birth="", postcode="")
    assert outcomes_of(tmp_path, context, nobody) == {("refused", "local_patient_identifier: required"): 1}


def test_a_key_is_compared_without_the_white_space_around_it_and_over_all_files(tmp_path: Path, context: ReceiveContext) -> None:
    first = write_delivery(tmp_path / "in", EMERGENCY, [sound_row(EMERGENCY, 1), sound_row(EMERGENCY, 2)], "1.csv")
    second = write_delivery(
        tmp_path / "in", EMERGENCY, [sound_row(EMERGENCY, 3), sound_row(EMERGENCY, 1, ae_attendance_number=" ae_attendance_number-1 ")], "2.csv"
    )
    received = receive_deliveries(EMERGENCY, [second, first], context, tmp_path / "out.parquet")
    assert [tuple(entry) for entry in received.ledger] == [
        ("1.csv", "linked", "cross_check", 2),
        ("2.csv", "duplicate", "same_key", 1),
        ("2.csv", "linked", "cross_check", 1),
    ]
    kept = pl.read_parquet(received.path).select("person", "file", "row")
    assert sorted(kept.select("file", "row").rows()) == [("1.csv", 1), ("1.csv", 2), ("2.csv", 1)]
    assert kept.rows() == sorted(kept.rows())


@pytest.mark.parametrize("extract", EXTRACTS)
def test_what_is_kept_has_the_declared_columns_and_types_and_no_identifier(extract: str, tmp_path: Path, context: ReceiveContext) -> None:
    table = EXTRACTS[extract]
    rows = sound_rows(table, 7)
    frame = pl.read_parquet(receive_rows(tmp_path, extract, rows, context).path).sort("row")
    types = {Type.TEXT: pl.String, Type.DATE: pl.Date, Type.INTEGER: pl.Int64, Type.DECIMAL: pl.Float64, Type.BOOLEAN: pl.Boolean}
    assert dict(frame.schema) == {column.name: types[column.type] for column in received_table(table).columns}
    assert frame.height == 7
    kept = {str(value) for row in frame.rows() for value in row}
    assert not kept & {row[column] for row in rows for column in table.identifying if row[column]}


def test_a_kept_row_has_the_result_of_its_trace(tmp_path: Path, context: ReceiveContext) -> None:
    rows = [
        sound_row(ADMISSIONS, 1, sex="7", nhs_number_trace_status="02"),
        sound_row(ADMISSIONS, 30, nhs_number="", date_of_birth="", postcode="ZZ99 3VZ", given_name=""),
    ]
    linked, unlinked = pl.read_parquet(receive_rows(tmp_path, "hospital_admissions", rows, context).path).sort("row").to_dicts()
    assert linked["person"] == make_tokens(KEY, "person", [rows[0]["nhs_number"]])[0]
    assert unlinked["person"] == make_tokens(KEY, "local", ["hospital_admissions|local_patient_identifier-30"])[0]
    assert linked["hospital_provider_spell_number"] == make_tokens(KEY, "spell", ["RHM|hospital_provider_spell_number-1"])[0]
    columns = ("row", "outcome", "trace_reason", "nhs_number_status_derived", "age", "birth_month", "lsoa", "deprivation_quintile", "sex", "episode_number")
    assert [linked[name] for name in columns] == [1, "linked", "cross_check", "01", 64, BIRTH_DATE[:7], "E01000001", 2, None, 1]
    assert [unlinked[name] for name in columns] == [2, "unlinked", "number_missing", "03", None, None, None, None, "1", 1]
    assert linked["start_date_hospital_provider_spell"] == date(2014, 8, 15)


@pytest.mark.parametrize(("supplied", "derived"), [("07", "07"), ("08", "08"), ("03", "03"), ("", "03"), ("99", "03")])
def test_a_suppliers_trace_status_is_kept_for_a_row_without_a_number(supplied: str, derived: str, tmp_path: Path, context: ReceiveContext) -> None:
    nobody = {"nhs_number": "", "date_of_birth": "", **NAMELESS}
    rows = [sound_row(EMERGENCY, 1, nhs_number_trace_status=supplied, **nobody), sound_row(EMERGENCY, 2, nhs_number_trace_status=supplied)]
    kept = pl.read_parquet(receive_rows(tmp_path, "emergency_care", rows, context).path).sort("row")
    assert kept["nhs_number_status_derived"].to_list() == [derived, "01"]


def test_a_superseded_number_takes_its_replacements_token(tmp_path: Path, context: ReceiveContext) -> None:
    rows = [sound_row(EMERGENCY, 7), sound_row(EMERGENCY, 7, nhs_number=number(940_000_000), ae_attendance_number="again")]
    kept = pl.read_parquet(receive_rows(tmp_path, "emergency_care", rows, context).path).sort("row")
    assert kept["person"].n_unique() == 1


def test_the_same_client_without_a_number_is_one_person_in_one_extract_alone(tmp_path: Path, context: ReceiveContext) -> None:
    same = {"nhs_number": "", "local_patient_identifier": "P1", **NAMELESS}
    rows = [sound_row(EMERGENCY, 1, **same), sound_row(EMERGENCY, 2, **same), sound_row(EMERGENCY, 3, nhs_number="", **NAMELESS)]
    here = pl.read_parquet(receive_rows(tmp_path, "emergency_care", rows, context).path).sort("row")["person"].to_list()
    outpatients = EXTRACTS["outpatients"]
    there = pl.read_parquet(receive_rows(tmp_path, "outpatients", [sound_row(outpatients, 1, **same)], context).path).sort("row")["person"].to_list()
    assert here[0] == here[1] != here[2]
    assert there[0] not in here


def test_the_register_is_linked_to_itself_unless_two_people_share_a_number(tmp_path: Path) -> None:
    rows = [sound_row(REGISTER, 1, date_of_birth=""), *sound_rows(REGISTER, 3, nhs_number=number(950_000_000))[1:], sound_row(REGISTER, 4, type_1_opt_out="Y")]
    rows[1]["date_of_birth"] = "1960-01-01"
    context = build_context(tmp_path, rows)
    assert count_outcomes(receive_rows(tmp_path, "gp_registrations", rows, context)) == {
        ("linked", "cross_check"): 1,
        ("unlinked", "number_shared"): 2,
        ("opted out", "type_1"): 1,
    }


def test_a_synthetic_and_a_live_workspace_refuse_each_others_numbers(tmp_path: Path, context: ReceiveContext) -> None:
    live = build_context(tmp_path / "live", sound_rows(REGISTER, 3), kind="live")
    assert count_outcomes(receive_rows(tmp_path, "emergency_care", sound_rows(EMERGENCY, 3), live)) == {("unlinked", "number_never_issued"): 3}


def shifted(rows: list[Row], column: str, day: str) -> list[Row]:
    return [{**row, column: day} for row in rows]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            shifted(sound_rows(EMERGENCY, 9), "arrival_date", "15/08/2014"),
            "column arrival_date holds dates written DD/MM/YYYY, 9 of 9, the first in row 1; write them YYYY-MM-DD",
        ),
        (shifted(sound_rows(EMERGENCY, 9), "arrival_date", "20140815"), "written YYYYMMDD, 9 of 9"),
        (shifted(sound_rows(EMERGENCY, 9), "arrival_date", "15-Aug-14"), "written DD-MON-YY, 9 of 9"),
        (
            sound_rows(EMERGENCY, 4) + shifted(sound_rows(EMERGENCY, 9), "date_of_birth", "01/02/1950"),
            "column date_of_birth holds dates written DD/MM/YYYY, 9 of 13, the first in row 5",
        ),
        (
            shifted(sound_rows(EMERGENCY, 9), "arrival_date", "2010-08-15"),
            "is for another period: 9 of its 9 usable rows are outside 2012-10-01 to 2014-09-30 by arrival_date",
        ),
        (shifted(sound_rows(EMERGENCY, 9), "arrival_date", "2015-08-15"), "is for another period: 9 of its 9 usable rows"),
        (
            shifted(sound_rows(EMERGENCY, 60), "arrival_date", "2014-06-30"),
            "is for another period: none of its 60 usable rows has its arrival_date in the 3 months to 2014-09-30",
        ),
    ],
)
def test_a_delivery_that_is_wrong_as_a_whole_is_refused_without_a_value(rows: list[Row], words: str, tmp_path: Path, context: ReceiveContext) -> None:
    file = write_delivery(tmp_path, EMERGENCY, rows)
    with pytest.raises(DataQualityError) as refusal:
        receive_deliveries(EMERGENCY, [file], context, tmp_path / "out.parquet")
    assert str(refusal.value).startswith(f"{file}: ")
    assert words in str(refusal.value)
    assert not {value for row in rows for name, value in row.items() if EMERGENCY[name].identity and value and value in str(refusal.value)}
    assert not (tmp_path / "out.parquet").exists()


def test_half_of_the_dates_in_another_format_are_rows_that_are_refused(tmp_path: Path, context: ReceiveContext) -> None:
    rows = shifted(sound_rows(EMERGENCY, 4), "arrival_date", "15/08/2014")
    more = [sound_row(EMERGENCY, n, ae_attendance_number=f"m{n}") for n in range(4)]
    assert outcomes_of(tmp_path, context, *rows, *more)["refused", "arrival_date: typed"] == 4


def test_a_parquet_that_breaks_off_inside_is_refused_without_a_value(tmp_path: Path, context: ReceiveContext) -> None:
    file = tmp_path / "delivery.parquet"
    pl.DataFrame(sound_rows(EMERGENCY, 2_000)).write_parquet(file, compression="uncompressed")
    content = bytearray(file.read_bytes())
    content[200 : len(content) // 2] = b"Q" * (len(content) // 2 - 200)
    file.write_bytes(content)
    with pytest.raises(BcfError) as refusal:
        receive_deliveries(EMERGENCY, [file], context, tmp_path / "out.parquet")
    assert "cannot be read to its end" in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_csv_and_parquet_of_the_same_rows_give_the_same_received_rows(tmp_path: Path, context: ReceiveContext) -> None:
    rows = sound_rows(EMERGENCY, 12)
    as_text = receive_deliveries(EMERGENCY, [write_delivery(tmp_path, EMERGENCY, rows)], context, tmp_path / "csv.parquet")
    pl.DataFrame(rows).with_columns(pl.col("arrival_date", "date_of_birth").str.to_date(), pl.col("nhs_number").cast(pl.Int64)).write_parquet(
        tmp_path / "t.parquet"
    )
    as_parquet = receive_deliveries(EMERGENCY, [tmp_path / "t.parquet"], context, tmp_path / "parquet.parquet")
    assert pl.read_parquet(as_text.path).drop("file").equals(pl.read_parquet(as_parquet.path).drop("file"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("", "is not a postcode lookup"),
        ("postcode,lsoa\nSO14 0AA,E1\n", "is not a postcode lookup"),
        ("postcode,lsoa,deprivation_decile\nSO14 0AA,E1,ten\n", "is not a postcode lookup"),
        ("postcode,lsoa,deprivation_decile\nSO14 0AA,E1,11\n", "a decile outside 1 to 10"),
        ("postcode,lsoa,deprivation_decile\nSO14 0AA,E1,1\nso140aa,E2,1\n", "has a postcode twice"),
    ],
)
def test_a_postcode_lookup_that_cannot_be_used_is_refused(content: str | None, words: str, tmp_path: Path) -> None:
    file = tmp_path / "postcodes.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        read_areas(file)


def test_a_register_of_refused_rows_has_nobody_on_it(tmp_path: Path) -> None:
    file = write_delivery(tmp_path, REGISTER, sound_rows(REGISTER, 3, registration_start_date="x"))
    register = load_register([file], "synthetic", AS_AT)
    assert not register.numbers["listed"].any()
    assert register.people.is_empty()

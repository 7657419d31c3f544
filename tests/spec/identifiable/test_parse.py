"""Deliveries as suppliers send them: every sound row is read, every other one is counted with its reason, and no value is quoted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import BcfError, DataQualityError, UsageError
from bcf_linkage.definitions.schema import Column, Table, Type
from bcf_linkage.identifiable.parse import ParsedDelivery, csv_files, list_delivery_files, open_deliveries

TABLE = Table(
    "things",
    "one thing",
    "nobody",
    (
        Column("id", Type.TEXT, "A number", "nobody"),
        Column("name", Type.TEXT, "A name", "nobody"),
        Column("seen_on", Type.DATE, "A day", "nobody"),
        Column("share", Type.DECIMAL, "A share", "nobody"),
    ),
)
HEADER = b"id,name,seen_on,share\n"
SECRET = "Quexzibarth"
Rows = list[tuple[object, ...]]


def open_delivery(folder: Path, text: bytes, name: str = "things.csv") -> ParsedDelivery:
    file = folder / name
    file.write_bytes(text)
    return open_deliveries(TABLE, [file])[0]


def rows(delivery: ParsedDelivery) -> Rows:
    return delivery.text.collect(engine="streaming").rows()


SOUND: dict[str, tuple[bytes, Rows]] = {
    "plain": (b"1,Ann,2014-01-01,0.5\n", [(1, "1", "Ann", "2014-01-01", "0.5")]),
    "no line feed at the end": (b"1,Ann,,\n2,Bo,,", [(1, "1", "Ann", None, None), (2, "2", "Bo", None, None)]),
    "carriage returns": (b"1,Ann,,5\r\n2,Bo,,6\r\n", [(1, "1", "Ann", None, "5"), (2, "2", "Bo", None, "6")]),
    "blank lines": (b"\n1,Ann,,\n\r\n\n2,Bo,,\n\n\n", [(2, "1", "Ann", None, None), (5, "2", "Bo", None, None)]),
    "a comma in quotes": (b'1,"Flat 2, High Street",,\n', [(1, "1", "Flat 2, High Street", None, None)]),
    "a doubled quote": (b'1,"Ann ""Annie"" Bo",,\n', [(1, "1", 'Ann "Annie" Bo', None, None)]),
    "all in quotes": (b'"1","Ann","2014-01-01","0.5"\r\n', [(1, "1", "Ann", "2014-01-01", "0.5")]),
    "an accent": ("1,Zoë,,\n".encode(), [(1, "1", "Zoë", None, None)]),
    "white space": (b"1,  ,\t,\n", [(1, "1", "  ", "\t", None)]),
    "a row of blanks": (b",,,\n", [(1, None, None, None, None)]),
    "a number sign": (b"#1,Ann,,\n", [(1, "#1", "Ann", None, None)]),
    "words for nothing": (b"NA,null,None,NaN\n", [(1, "NA", "null", "None", "NaN")]),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_rows_are_read_as_text_unchanged(name: str, tmp_path: Path) -> None:
    text, expected = SOUND[name]
    delivery = open_delivery(tmp_path, HEADER + text)
    assert rows(delivery) == [(row, *(value if value != "" else None for value in values)) for row, *values in expected]
    assert (delivery.rows, dict(delivery.unreadable)) == (len(expected), {})


FAULTY: dict[str, tuple[bytes, str]] = {
    "a field too few": (b"9,Quexzibarth,\n", "too_few_fields"),
    "another delimiter": (b"9;Quexzibarth;;\n", "too_few_fields"),
    "a field too many": (b"9,Quexzibarth,,,\n", "too_many_fields"),
    "another encoding": ("9,Quexzibarth Zoë,,\n".encode("latin-1"), "encoding"),
    "a quote that does not close": (b'9,"Quexzibarth,,\n', "quoting"),
    "a quote that does not open": (b'9,Quexzibarth",,\n', "quoting"),
    "a quote within a value": (b'9,Quex "zi" barth,,\n', "quoting"),
    "text after a quoted value": (b'9,"Quexzi"barth,,\n', "quoting"),
    "an open quote before a comma": (b'9,"Quexzibarth,",,x"\n', "quoting"),
    "quoting before encoding": (b'9,"\xe9Quexzibarth,,\n', "quoting"),
    "encoding before fields": (b"9,\xe9Quexzibarth\n", "encoding"),
    "quoting before fields": (b'9,"Quexzibarth\n', "quoting"),
}


@pytest.mark.parametrize("name", FAULTY)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_faulty_line_makes_no_other_line_unreadable(name: str, ending: bytes, tmp_path: Path) -> None:
    line, reason = FAULTY[name]
    text = (HEADER + b"1,Ann,,\n" + line + b'2,"Bo, Bo",,\n' + line + b"3,Cy,,\n" + line.rstrip(b"\n")).replace(b"\n", ending)
    delivery = open_delivery(tmp_path, text)
    assert rows(delivery) == [(1, "1", "Ann", None, None), (3, "2", "Bo, Bo", None, None), (5, "3", "Cy", None, None)]
    assert (delivery.rows, dict(delivery.unreadable)) == (6, {reason: 3})


def test_a_line_break_within_quotes_is_two_broken_lines(tmp_path: Path) -> None:
    delivery = open_delivery(tmp_path, HEADER + b'1,"High\nStreet",,\n2,Bo,,\n')
    assert rows(delivery) == [(3, "2", "Bo", None, None)]
    assert dict(delivery.unreadable) == {"quoting": 2}


def test_faults_are_found_in_any_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 7)
    lines = [b"1,Ann,,\n", *(line for line, _ in FAULTY.values()), b"\n", b"2,Bo,,\n"] * 3
    delivery = open_delivery(tmp_path, HEADER + b"".join(lines))
    assert [row for row, *_ in rows(delivery)] == [n + 1 for n, line in enumerate(lines) if line in (b"1,Ann,,\n", b"2,Bo,,\n")]
    assert delivery.rows == len(lines) - 3
    assert sum(delivery.unreadable.values()) == 3 * len(FAULTY)


@pytest.mark.parametrize("first", [b"1,Ann\n", b"1,Ann,,,,\n", b"\n", b'"\n'])
def test_a_faulty_first_row_does_not_change_how_others_are_read(first: bytes, tmp_path: Path) -> None:
    assert rows(open_delivery(tmp_path, HEADER + first + b"2,Bo,2014-01-01,1\n")) == [(2, "2", "Bo", "2014-01-01", "1")]


@pytest.mark.parametrize("header", [b"SHARE,Seen On,NAME,Id\n", b'"share","seen-on","name","id"\r\n', b"\xef\xbb\xbfshare,seen_on,name,id\n"])
def test_the_header_may_have_other_spellings_and_another_order(header: bytes, tmp_path: Path) -> None:
    assert rows(open_delivery(tmp_path, header + b"1,2014-01-01,Ann,7\n")) == [(1, "7", "Ann", "2014-01-01", "1")]


def as_parquet(**columns: pl.Series | list[object]) -> Callable[[Path], None]:
    return lambda file: pl.DataFrame({"id": ["1"], "name": [SECRET], "seen_on": [None], "share": [None], **columns}).write_parquet(file)


def cut_in_half(file: Path) -> None:
    as_parquet()(file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


ROW = f"1,{SECRET},,\n".encode()
REFUSED: dict[str, tuple[str, bytes | Callable[[Path], None], type[BcfError], str]] = {
    "nothing": ("t.csv", b"", UsageError, r"t\.csv: is empty \(0 bytes\)"),
    "no row": ("t.csv", HEADER, UsageError, "is empty: a header and no row"),
    "blank lines for rows": ("t.csv", HEADER + b"\n\r\n\n", UsageError, "is empty: a header and no row"),
    "nothing in Parquet": ("t.parquet", b"", UsageError, r"is empty \(0 bytes\)"),
    "no row in Parquet": ("t.parquet", lambda file: pl.DataFrame(schema=dict.fromkeys(TABLE.names, pl.String)).write_parquet(file), UsageError, "no row"),
    "semicolons": ("t.csv", (HEADER + ROW).replace(b",", b";"), UsageError, "separated by semicolons"),
    "tabs": ("t.csv", (HEADER + ROW).replace(b",", b"\t"), UsageError, "separated by tabs"),
    "bars": ("t.csv", (HEADER + ROW).replace(b",", b"|"), UsageError, "separated by bars"),
    "UTF-16": ("t.csv", (HEADER + ROW).decode().encode("utf-16"), UsageError, r"t\.csv: is UTF-16; save it as CSV in UTF-8"),
    "UTF-16 unmarked": ("t.csv", (HEADER + ROW).decode().encode("utf-16-le"), UsageError, "is no text, or UTF-16"),
    "a workbook called CSV": ("t.csv", b"PK\x03\x04\x14\x00\x06\x00" + ROW, UsageError, "is no text, or UTF-16"),
    "Latin-1": ("t.csv", HEADER.replace(b"name", "namé".encode("latin-1")) + ROW, UsageError, "another encoding than UTF-8"),
    "lines of an old Macintosh": ("t.csv", (HEADER + ROW).replace(b"\n", b"\r"), UsageError, "carriage return alone"),
    "an open quote in the header": ("t.csv", b'id,"name,seen_on,share\n' + ROW, UsageError, "quotes in the header do not close"),
    "no header": ("t.csv", ROW + ROW, UsageError, "no header of things"),
    "an unknown column": ("t.csv", HEADER.replace(b"share", b"part") + ROW, UsageError, "lacks column share; has the unknown column part"),
    "no row to be read": ("t.csv", HEADER + b"1,Quexzibarth\n" * 3, DataQualityError, r"none of its 3 rows can be read \(3 too_few_fields\)"),
    "a workbook": ("t.xlsx", b"PK", UsageError, r"neither \.csv nor \.parquet"),
    "no Parquet": ("t.parquet", HEADER + ROW, UsageError, "is not Parquet, or was cut short"),
    "half a Parquet": ("t.parquet", cut_in_half, UsageError, "is not Parquet, or was cut short"),
    "a number that went through a float": ("t.parquet", as_parquet(id=[1.0]), UsageError, "column id is stored as Float64; store it as text"),
    "a list": ("t.parquet", as_parquet(name=[[SECRET]]), UsageError, "column name is stored as List"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_in_one_line_without_a_value(name: str, tmp_path: Path) -> None:
    file_name, content, kind, words = REFUSED[name]
    file = tmp_path / file_name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        content(file)
    with pytest.raises(kind, match=words) as refusal:
        open_deliveries(TABLE, [file])
    message = str(refusal.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    assert SECRET not in message
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"things\.csv: no such file"):
        open_deliveries(TABLE, [tmp_path / "things.csv"])
    (tmp_path / ".hidden").touch()
    with pytest.raises(UsageError, match="holds no file"):
        list_delivery_files(tmp_path)


def test_the_same_delivery_twice_is_refused_and_one_of_equal_size_is_not(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for file, name in zip(files, (b"Ann", b"Bob", b"Ann"), strict=True):
        file.write_bytes(HEADER + b"1," + name + b",,\n")
    assert [delivery.file for delivery in open_deliveries(TABLE, files[1::-1])] == ["a.csv", "b.csv"]
    with pytest.raises(UsageError, match=r"c\.csv: is the same delivery as a\.csv"):
        open_deliveries(TABLE, files)


def test_parquet_is_read_as_the_text_of_a_csv(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "Share": pl.Series([0.5, None], dtype=pl.Float64),
            "seen_on": [date(2014, 1, 2), None],
            "name": pl.Series(["Ann", ""], dtype=pl.Categorical),
            "id": pl.Series([9434765919, None], dtype=pl.Int64),
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    delivery = open_deliveries(TABLE, [tmp_path / "t.parquet"])[0]
    assert rows(delivery) == [(1, "9434765919", "Ann", "2014-01-02", "0.5"), (2, None, "", None, None)]
    assert (delivery.rows, dict(delivery.unreadable)) == (2, {})


def test_a_time_of_day_in_a_date_of_parquet_is_kept(tmp_path: Path) -> None:
    times = [datetime(2014, 1, 2), datetime(2014, 1, 2, 9, 30)]  # noqa: DTZ001 - as suppliers write them
    pl.DataFrame({"id": ["1", "2"], "name": ["", ""], "seen_on": times, "share": ["", ""]}).write_parquet(tmp_path / "t.parquet")
    assert open_deliveries(TABLE, [tmp_path / "t.parquet"])[0].text.collect()["seen_on"].to_list() == ["2014-01-02", "2014-01-02T09:30:00"]

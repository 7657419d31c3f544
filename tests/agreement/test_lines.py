"""Read random lines with the parser in use and with the grammar of a line as a regular expression. Both must agree."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.schema import Column, Table, Type
from bcf_linkage.identifiable.parse import open_deliveries

TABLE = Table("things", "one thing", "nobody", tuple(Column(name, Type.TEXT, "A value", "nobody") for name in ("a", "b", "c")))
SOUND = b"1,2,3"

PIECES = st.sampled_from([b",", b'"', b'""', b"x", b"y z", b" ", b"\r", "é".encode(), b"\xe9", b"\xff", b'","', b"\0", b"\t", b"#", b"\\"])
FIELDS = st.sampled_from([b"x", b"", b'"y,z"', b'"a""b"', b'""', b" ", "é".encode(), b'"', b'x"y'])
LINES = st.lists(PIECES, max_size=9).map(b"".join) | st.lists(FIELDS, min_size=2, max_size=4).map(b",".join)

FIELD = r'"(?:[^"]|"")*"|[^",]*'
LINE = re.compile(f"(?:{FIELD})(?:,(?:{FIELD}))*")


def expected_fields(line: bytes) -> list[str] | str:
    """Return the fields of a line, "blank", or its fault."""
    if line in (b"", b"\r"):
        return "blank"
    text = line.removesuffix(b"\r")
    if LINE.fullmatch(text.decode("latin-1")) is None:
        return "quoting"
    try:
        fields = re.findall(f"(?:^|,)({FIELD})", text.decode())
    except UnicodeDecodeError:
        return "encoding"
    if len(fields) != 3:
        return "too_few_fields" if len(fields) < 3 else "too_many_fields"
    return [field[1:-1].replace('""', '"') if field.startswith('"') else field for field in fields]


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), st.booleans())
def test_both_read_the_same_rows_and_find_the_same_faults(lines: list[bytes], ends_with_line_feed: bool) -> None:
    lines = [SOUND, *lines, SOUND]
    expected = [expected_fields(line) for line in lines]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "things.csv"
        file.write_bytes(b"a,b,c\n" + b"\n".join(lines) + (b"\n" if ends_with_line_feed else b""))
        delivery = open_deliveries(TABLE, [file])[0]
        rows = delivery.text.collect(engine="streaming").rows()
    # Later code strips white space around a value, so the two may differ in it.
    assert [(row, *((value or "").strip() for value in values)) for row, *values in rows] == [
        (n, *(field.strip() for field in fields)) for n, fields in enumerate(expected, 1) if isinstance(fields, list)
    ]
    assert dict(delivery.unreadable) == {fault: expected.count(fault) for fault in expected if isinstance(fault, str) and fault != "blank"}
    assert delivery.rows == sum(line != "blank" for line in expected)


@settings(deadline=None)
@given(st.lists(LINES.filter(lambda line: not isinstance(expected_fields(line), list)), max_size=5))
def test_a_file_of_faults_alone_is_refused(lines: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "things.csv"
        file.write_bytes(b"a,b,c\n" + b"\n".join([b"1", *lines]))
        with pytest.raises(DataQualityError, match=r"none of its \d+ rows can be read"):
            open_deliveries(TABLE, [file])

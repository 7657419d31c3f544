"""What holds for any delivery: every row is accounted for, nothing is told of it, and neither order nor repetition matters."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.errors import Refusal
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.places import KEPT
from bcf_linkage.identifiable.header import declared_names
from pipelines.receive import ReceiveContext, receive
from tests.spec.delivered import Row, as_csv, context, receive_rows, sound_row, sound_rows, write

EMERGENCY, REGISTER, EVENTS = (EXTRACTS[name] for name in ("emergency_care", "gp_registrations", "gp_events"))
SECRET = b"Quexzibarth"

PIECES = st.sampled_from([b",", b'"', SECRET, b"9434765919", b"1950-02-01", b"2014-09-30", b"\r", b"\xff", "é".encode(), b" ", b"01", b"x", b"\0", b";"])
GARBAGE = st.lists(PIECES, max_size=14).map(b"".join)
SPOILT = st.tuples(
    st.integers(0, 9), st.integers(0, 18), st.sampled_from([b"", b" ", b"x", b"30/09/2014", b'"', b"\xff", b",", b"2015-01-01", b"1900-01-01", SECRET])
)


@pytest.fixture(scope="module")
def using(tmp_path_factory: pytest.TempPathFactory) -> ReceiveContext:
    return context(tmp_path_factory.mktemp("using"), sound_rows(REGISTER, 5))


def spoilt(position: int, field: int, value: bytes) -> bytes:
    """A sound line with one of its fields replaced."""
    fields = as_csv(EMERGENCY, [sound_row(EMERGENCY, position)]).splitlines()[1].split(b",")
    return b",".join([*fields[:field], value, *fields[field + 1 :]])


def refusal_of(file: Path, using: ReceiveContext) -> str:
    """What is said when the file is refused; nothing if it is received."""
    try:
        receive(EMERGENCY, [file], using, file.with_suffix(".parquet"))
    except Refusal as refusal:
        return str(refusal)
    return ""


LINES = st.lists(GARBAGE | SPOILT.map(lambda spoil: spoilt(*spoil)), max_size=25)
SOUND = as_csv(EMERGENCY, [sound_row(EMERGENCY, n, ae_attendance_number=f"sound-{n}") for n in range(30)])


@settings(deadline=None, max_examples=12)
@given(lines=LINES)
def test_every_row_of_any_file_is_in_the_ledger_once_and_no_value_is_written(using: ReceiveContext, lines: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "delivery.csv"
        file.write_bytes(SOUND + b"\n".join(lines))
        received = receive(EMERGENCY, [file], using, Path(folder) / "out.parquet")
        kept = pl.read_parquet(received.path)
        assert SECRET not in received.path.read_bytes()
    assert sum(entry.rows for entry in received.ledger) == received.rows_read == 30 + sum(line not in (b"", b"\r") for line in lines)
    assert kept.height == sum(entry.rows for entry in received.ledger if entry.place in KEPT)
    assert len({(entry.file, entry.place, entry.reason) for entry in received.ledger}) == len(received.ledger)


@settings(deadline=None, max_examples=12)
@given(lines=LINES)
def test_no_refusal_tells_a_value(using: ReceiveContext, lines: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "delivery.csv"
        file.write_bytes(as_csv(EMERGENCY, []) + b"\n".join([b"too few", *lines]))
        told = refusal_of(file, using)
    assert told == "" or told.startswith(str(file))
    assert SECRET.decode() not in told
    assert "9434765919" not in told


def varied(count: int) -> list[Row]:
    """Rows of some people on the register and some not, some without a number."""
    return [sound_row(EMERGENCY, n % 7, ae_attendance_number=f"a{n}", **({"nhs_number": ""} if n % 5 == 0 else {})) for n in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int, tmp_path: Path, using: ReceiveContext) -> None:
    rows = varied(60)
    shuffled = random.Random(seed).sample(range(60), 60)
    as_sent = receive_rows(tmp_path / "a", "emergency_care", rows, using)
    otherwise = receive_rows(tmp_path / "b", "emergency_care", [rows[n] for n in shuffled], using)
    one, other = (pl.read_parquet(received.path) for received in (as_sent, otherwise))
    assert sorted(other["row"]) == list(range(1, 61))
    back = other.with_columns(pl.col("row").replace_strict({at: n + 1 for at, n in enumerate(shuffled, 1)}))
    assert back.sort("row").equals(one.sort("row"))
    assert back["person"].equals(one["person"])
    assert as_sent.ledger == otherwise.ledger


def test_the_same_again_gives_the_same_bytes(tmp_path: Path, using: ReceiveContext) -> None:
    once, again = (receive_rows(tmp_path / name, "emergency_care", varied(500), using) for name in ("a", "b"))
    assert once.path.read_bytes() == again.path.read_bytes()
    assert (once.ledger, once.rules) == (again.ledger, again.rules)


def test_one_file_or_several_are_the_same_extract(tmp_path: Path, using: ReceiveContext) -> None:
    rows = varied(40)
    whole = receive_rows(tmp_path, "emergency_care", rows, using)
    parts = [write(tmp_path / "parts", EMERGENCY, rows[n : n + 10], f"{n:02d}.csv") for n in range(0, 40, 10)]
    received = receive(EMERGENCY, parts, using, tmp_path / "parts.parquet")
    one, several = pl.read_parquet(whole.path), pl.read_parquet(received.path)
    assert several.drop("file", "row").equals(one.drop("file", "row"))
    assert (received.rows_read, received.rules) == (whole.rows_read, whole.rules)


@settings(deadline=None)
@given(st.data())
def test_a_column_is_known_in_any_case_with_anything_but_letters_and_digits_between(data: st.DataObject) -> None:
    def spelling(name: str) -> str:
        between = st.sampled_from(["", "_", " ", "-", "."])
        return "".join(data.draw(st.sampled_from([part.lower(), part.upper(), part.title()])) + data.draw(between) for part in name.split("_"))

    assert declared_names(EVENTS, [spelling(name) for name in EVENTS.names], "x.csv") == EVENTS.names

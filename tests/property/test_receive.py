"""For any delivery, the ledger accounts for every row, no value is disclosed, and neither order nor repetition matters."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.errors import BcfError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES
from bcf_linkage.identifiable.header import declared_names
from pipelines.receive.receive import ReceiveContext, receive_deliveries
from tests.delivery_builder import Row, as_csv, build_context, receive_rows, sound_row, sound_rows, write_delivery

EMERGENCY, REGISTER, EVENTS = (EXTRACTS[name] for name in ("emergency_care", "gp_registrations", "gp_events"))
SECRET = b"Quexzibarth"

PIECES = st.sampled_from([b",", b'"', SECRET, b"9434765919", b"1950-02-01", b"2014-09-30", b"\r", b"\xff", "é".encode(), b" ", b"01", b"x", b"\0", b";"])
GARBAGE = st.lists(PIECES, max_size=14).map(b"".join)
SPOILT = st.tuples(
    st.integers(0, 9), st.integers(0, 18), st.sampled_from([b"", b" ", b"x", b"30/09/2014", b'"', b"\xff", b",", b"2015-01-01", b"1900-01-01", SECRET])
)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ReceiveContext:
    return build_context(tmp_path_factory.mktemp("using"), sound_rows(REGISTER, 5))


def spoilt(position: int, field: int, value: bytes) -> bytes:
    """Return a valid line with one of its fields replaced."""
    fields = as_csv(EMERGENCY, [sound_row(EMERGENCY, position)]).splitlines()[1].split(b",")
    return b",".join([*fields[:field], value, *fields[field + 1 :]])


def refusal_message(file: Path, context: ReceiveContext) -> str:
    """Return the error message if the file is refused, else nothing."""
    try:
        receive_deliveries(EMERGENCY, [file], context, file.with_suffix(".parquet"))
    except BcfError as refusal:
        return str(refusal)
    return ""


LINES = st.lists(GARBAGE | SPOILT.map(lambda spoil: spoilt(*spoil)), max_size=25)
SOUND = as_csv(EMERGENCY, [sound_row(EMERGENCY, n, ae_attendance_number=f"sound-{n}") for n in range(30)])


@settings(deadline=None, max_examples=12)
@given(lines=LINES)
def test_every_row_of_any_file_is_in_the_ledger_once_and_no_value_is_written(context: ReceiveContext, lines: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "delivery.csv"
        file.write_bytes(SOUND + b"\n".join(lines))
        received = receive_deliveries(EMERGENCY, [file], context, Path(folder) / "out.parquet")
        kept = pl.read_parquet(received.path)
        assert SECRET not in received.path.read_bytes()
    assert sum(entry.rows for entry in received.ledger) == received.rows_read == 30 + sum(line not in (b"", b"\r") for line in lines)
    assert kept.height == sum(entry.rows for entry in received.ledger if entry.outcome in KEPT_OUTCOMES)
    assert len({(entry.file, entry.outcome, entry.reason) for entry in received.ledger}) == len(received.ledger)


@settings(deadline=None, max_examples=12)
@given(lines=LINES)
def test_no_error_message_contains_a_value(context: ReceiveContext, lines: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "delivery.csv"
        file.write_bytes(as_csv(EMERGENCY, []) + b"\n".join([b"too few", *lines]))
        message = refusal_message(file, context)
    assert message == "" or message.startswith(str(file))
    assert SECRET.decode() not in message
    assert "9434765919" not in message


def varied_rows(count: int) -> list[Row]:
    """Return rows of people on the register and of others, some without a number."""
    return [sound_row(EMERGENCY, n % 7, ae_attendance_number=f"a{n}", **({"nhs_number": ""} if n % 5 == 0 else {})) for n in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int, tmp_path: Path, context: ReceiveContext) -> None:
    rows = varied_rows(60)
    shuffled = random.Random(seed).sample(range(60), 60)
    as_sent = receive_rows(tmp_path / "a", "emergency_care", rows, context)
    otherwise = receive_rows(tmp_path / "b", "emergency_care", [rows[n] for n in shuffled], context)
    first, second = (pl.read_parquet(received.path) for received in (as_sent, otherwise))
    assert sorted(second["row"]) == list(range(1, 61))
    restored = second.with_columns(pl.col("row").replace_strict({at: n + 1 for at, n in enumerate(shuffled, 1)}))
    assert restored.sort("row").equals(first.sort("row"))
    assert restored["person"].equals(first["person"])
    assert as_sent.ledger == otherwise.ledger


def test_receiving_the_same_rows_twice_gives_the_same_bytes(tmp_path: Path, context: ReceiveContext) -> None:
    once, again = (receive_rows(tmp_path / name, "emergency_care", varied_rows(500), context) for name in ("a", "b"))
    assert once.path.read_bytes() == again.path.read_bytes()
    assert (once.ledger, once.rule_counts) == (again.ledger, again.rule_counts)


def test_rows_in_one_file_or_several_give_the_same_extract(tmp_path: Path, context: ReceiveContext) -> None:
    rows = varied_rows(40)
    whole = receive_rows(tmp_path, "emergency_care", rows, context)
    parts = [write_delivery(tmp_path / "parts", EMERGENCY, rows[n : n + 10], f"{n:02d}.csv") for n in range(0, 40, 10)]
    received = receive_deliveries(EMERGENCY, parts, context, tmp_path / "parts.parquet")
    one, several = pl.read_parquet(whole.path), pl.read_parquet(received.path)
    assert several.drop("file", "row").equals(one.drop("file", "row"))
    assert (received.rows_read, received.rule_counts) == (whole.rows_read, whole.rule_counts)


@settings(deadline=None)
@given(st.data())
def test_a_column_name_is_known_in_any_case_and_with_any_separator(data: st.DataObject) -> None:
    def spelling(name: str) -> str:
        between = st.sampled_from(["", "_", " ", "-", "."])
        return "".join(data.draw(st.sampled_from([part.lower(), part.upper(), part.title()])) + data.draw(between) for part in name.split("_"))

    assert declared_names(EVENTS, [spelling(name) for name in EVENTS.names], "x.csv") == EVENTS.names

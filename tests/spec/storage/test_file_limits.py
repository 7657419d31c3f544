"""Files and their numbers: blocks, headers, rights, keys, the trail, and when a value or a whole delivery is refused. Each just inside and just outside."""

from __future__ import annotations

import csv
import json
import subprocess
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.atomic_files import make_private_folder
from bcf_linkage.definitions.errors import DataQualityError, EnvironmentFault, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Between, Column, Required, Table, Type
from bcf_linkage.identifiable import coarse_values, delivery_checks, row_rules
from bcf_linkage.identifiable.header import declared_names, is_header
from bcf_linkage.identifiable.opt_outs.number_files import file_name
from bcf_linkage.identifiable.parse.csv_files import LineStatus, read_header, read_lines, scan
from bcf_linkage.identifiable.period import is_fresh, out_of_period_reason
from bcf_linkage.identifiable.row_rules import RuleCount
from bcf_linkage.identifiable.vault import Key, KeyPurpose, KeySource, Vault
from bcf_linkage.identifiable.vault.key import key_weakness
from bcf_linkage.identifiable.vault.key_sources import fetch_key
from bcf_linkage.identifiable.vault.private_files import write_atomically
from bcf_linkage.storage.releases import ReleaseRecord, append_to_log, list_earlier_releases, write_release
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.trail import TrailEntry, TrailHead, append_entry, read_head, refuse_clock_behind, verify_chain
from bcf_linkage.storage.zones import find_open_folders, make_folders_private, make_readable, refuse_open_folders
from pipelines.admin.audit import export_trail
from synthetic.files import write_csv
from tests.frame_builder import collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
WHEN = datetime(2014, 10, 1, 6, 30, tzinfo=UTC)

# --- blocks -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 249_999, 250_000, 250_001, 499_999, 500_000, 500_001])
def test_no_row_is_lost_or_written_twice_where_one_block_of_250_000_ends(count: int, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    write_csv(pl.DataFrame({"row": pl.int_range(count, eager=True)}), file, {})
    assert file.read_bytes().split() == [b"row", *(str(n).encode() for n in range(count))]


@pytest.mark.parametrize("faulty", [1, 2, 250_000, 250_001, 250_002, 500_001])
def test_a_row_with_a_fault_stands_in_its_place_at_the_edge_of_a_block(faulty: int, tmp_path: Path) -> None:
    file, count = tmp_path / "rows.csv", 500_001
    write_csv(pl.DataFrame({"row": pl.int_range(count, eager=True), "b": pl.repeat("b", count, eager=True)}), file, {faulty: "too_few_fields"})
    lines = file.read_bytes().split()
    assert lines == [b"row,b", *((f"{n}" if n == faulty - 1 else f"{n},b").encode() for n in range(count))]


MEBIBYTE = 1_048_576


@pytest.mark.parametrize("beyond", [-2, -1, 0, 1, 2])
def test_no_line_is_lost_or_split_where_a_block_of_a_mebibyte_ends(beyond: int, tmp_path: Path) -> None:
    """The first line below the header ends so many bytes beyond a mebibyte; after it come a line with a field too few and a sound one, then as much again."""
    file = tmp_path / "rows.csv"
    long = b"x" * (MEBIBYTE + beyond - 3) + b",1\n"
    assert len(long) == MEBIBYTE + beyond
    file.write_bytes(b"a,b\n" + long + b"2\n3,3\n" + long + b"5,5,5\n6,6")
    lines = read_lines(file, 2)
    assert lines.total == 6
    assert lines.positions_of(LineStatus.TOO_FEW_FIELDS).tolist() == [2]
    assert lines.positions_of(LineStatus.TOO_MANY_FIELDS).tolist() == [5]
    assert scan(file, ("a", "b"), lines).select("row", "b").collect().rows() == [(1, "1"), (3, "3"), (4, "1"), (6, "6")]


@pytest.mark.parametrize(("length", "read"), [(MEBIBYTE - 1, True), (MEBIBYTE, True), (MEBIBYTE + 1, True), (MEBIBYTE + 2, False)])
def test_a_header_of_up_to_a_mebibyte_is_read(length: int, read: bool, tmp_path: Path) -> None:
    """The line end itself may lie beyond. White space before a name does not matter, and no field is longer than Python's reader takes."""
    table, file = EXTRACTS["gp_events"], tmp_path / "rows.csv"
    *names, last = table.names
    known = ",".join(" " * 95_000 + name for name in names) + ","
    line = known + " " * (length - len(known) - len(last) - 1) + last + "\n"
    assert len(line) == length
    file.write_text(line)
    if read:
        assert read_header(table, file) == table.names
    else:
        with pytest.raises(UsageError, match=r"lacks column value; has the unknown column valu;"):
            read_header(table, file)


# --- headers ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "unknown", "is_one"),
    [(1, 1, True), (1, 2, False), (2, 2, True), (2, 3, False), (5, 5, True), (5, 6, False), (11, 11, True), (11, 12, False), (0, 1, False)],
)
def test_a_first_line_is_a_header_if_half_of_its_fields_are_declared(known: int, unknown: int, is_one: bool) -> None:
    table = EXTRACTS["gp_events"]
    assert len(table.names) == 11
    fields = [*table.names[:known], *(f"other {n}" for n in range(unknown))]
    assert is_header(table, fields) is is_one
    with pytest.raises(UsageError, match="the header" if is_one else "the first line is no header"):
        declared_names(table, fields, "x.csv")


@pytest.mark.parametrize(("length", "expected"), [(63, 63), (64, 64), (65, 64), (200, 64)])
def test_an_unknown_name_is_told_up_to_64_characters(length: int, expected: int) -> None:
    table = EXTRACTS["gp_events"]
    with pytest.raises(UsageError) as refused:
        declared_names(table, [*table.names, "z" * length], "x.csv")
    assert f"has the unknown column {'z' * expected};" in str(refused.value)


# --- what a spreadsheet would take for a formula ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("1=1", "1=1"),
        ("a+b-c@d", "a+b-c@d"),
        ("'=1", "'=1"),
        (",", ","),
        ("", ""),
    ],
)
def test_a_text_that_begins_like_a_formula_is_led_by_an_apostrophe_in_every_column(text: str, written: str, tmp_path: Path) -> None:
    append_entry(Workspace(tmp_path).trail, TrailEntry(WHEN, text, text, text, run=text, basis=text, key=text, refused=text))
    export_trail(tmp_path, tmp_path / "given.csv")
    with (tmp_path / "given.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert {row[name] for name in ("who", "what", "why", "run", "basis", "key", "refused")} == {written}
    assert row["entry"] == "1"


# --- who may read -------------------------------------------------------------------------------------------------------------

GROUP, OTHERS = (0o040, 0o020, 0o010), (0o004, 0o002, 0o001)
CLOSED = [(zone, right, True) for zone in ("vault", "pseudonymised", "audit") for right in (*GROUP, *OTHERS)]
LANDING = [*(("landing", right, True) for right in OTHERS), *(("landing", right, False) for right in GROUP)]
"""A site may let the group of those who deliver into landing."""


@pytest.mark.parametrize(
    ("zone", "right", "open_to_others"), [*CLOSED, *LANDING, *((zone, 0, False) for zone in ("landing", "vault", "pseudonymised", "audit"))]
)
def test_a_folder_that_gives_others_any_right_is_too_open(zone: str, right: int, open_to_others: bool, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    make_folders_private(workspace)
    (tmp_path / zone).chmod(0o700 | right)
    assert list(find_open_folders(workspace)) == ([(tmp_path / zone, 0o700 | right)] if open_to_others else [])
    if open_to_others:
        with pytest.raises(EnvironmentFault, match=f"mode 7{right:02o}"):
            refuse_open_folders(workspace)
    else:
        refuse_open_folders(workspace)


def test_what_is_closed_is_its_owners_and_what_is_published_may_be_read_by_all(tmp_path: Path) -> None:
    make_folders_private(Workspace(tmp_path))
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("landing", "vault", "pseudonymised", "audit")} == {
        "landing": 0o700,
        "vault": 0o700,
        "pseudonymised": 0o700,
        "audit": 0o700,
    }
    (tmp_path / "published").mkdir(mode=0o700)
    (tmp_path / "published" / "a").write_text("a")
    make_readable(tmp_path / "published")
    assert (tmp_path / "published").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "published" / "a").stat().st_mode & 0o777 == 0o644


def test_a_file_of_the_vault_is_its_owners_alone_and_so_is_its_folder(tmp_path: Path) -> None:
    write_atomically(tmp_path / "vault" / "keys" / "a", b"a")
    make_private_folder(tmp_path / "other")
    assert (tmp_path / "vault" / "keys" / "a").stat().st_mode & 0o777 == 0o600
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("vault", "vault/keys", "other")} == {0o700}


STRONG = "f3a8" + "".join(f"{(n * 73 + n * n * 11) % 256:02x}" for n in range(30))


def in_a_file(folder: Path, content: str = STRONG, mode: int = 0o600, folder_mode: int = 0o700) -> Key:
    """A key fetched from a file of this mode in a folder of that one."""
    key_folder = folder / "keys"
    key_folder.mkdir()
    (key_folder / "a.key").write_text(content)
    (key_folder / "a.key").chmod(mode)
    key_folder.chmod(folder_mode)
    return fetch_key(KeySource("file", (str(key_folder / "a.key"),)), "a")


@pytest.mark.parametrize("right", [*GROUP, *OTHERS])
def test_a_key_that_others_have_any_right_to_is_refused(right: int, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=f"others than its owner may read it \\(mode 6{right:02o}\\)"):
        in_a_file(tmp_path, mode=0o600 | right)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_key_that_is_its_owners_alone_is_fetched(mode: int, tmp_path: Path) -> None:
    assert bytes(in_a_file(tmp_path, mode=mode)).hex() == STRONG


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_key_in_a_folder_that_others_may_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="others may put another key there"):
        in_a_file(tmp_path, folder_mode=mode)


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_key_in_a_folder_that_others_may_only_read_is_fetched(mode: int, tmp_path: Path) -> None:
    assert bytes(in_a_file(tmp_path, folder_mode=mode)).hex() == STRONG


# --- keys ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "weak"),
    [
        (bytes.fromhex(STRONG), ""),
        (bytes.fromhex(STRONG)[:31], "32 to 64 bytes"),
        (bytes.fromhex(STRONG) * 2, "repeats itself"),
        (bytes.fromhex(STRONG) + bytes.fromhex(STRONG)[::-1], ""),
        (bytes.fromhex(STRONG) + bytes.fromhex(STRONG)[::-1] + b"x", "32 to 64 bytes"),
        # 15 different bytes, and 16, in no order that repeats
        (bytes([n * n % 15 + 128 for n in range(31)]) + bytes(range(128, 143)), "repeats so few bytes"),
        (bytes([n * n % 15 + 128 for n in range(31)]) + bytes(range(128, 144)), ""),
        # text from the space (0x20) to the tilde (0x7e), and one byte just outside of it
        (b"The quick brown fox ~ jumps over the lazy dog", "text that somebody typed"),
        (b"The quick brown fox \x7f jumps over the lazy dog", ""),
        (b"The quick brown fox \x1f jumps over the lazy dog", ""),
        # one step of 3 from byte to byte, and the same with one step of another length
        (bytes(3 * n % 256 for n in range(32)), "counts up or down"),
        (bytes(3 * n % 256 for n in range(31)) + b"\xff", ""),
    ],
)
def test_a_key_is_32_to_64_random_bytes(key: bytes, weak: str) -> None:
    assert weak in key_weakness(key)
    assert bool(key_weakness(key)) is bool(weak)


def test_a_new_key_has_32_bytes(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    vault.create_first_keys(WHEN)
    assert [len(vault.current_key(purpose)) for purpose in KeyPurpose] == [32, 32]


@pytest.mark.parametrize(("spaces", "whole"), [(936, True), (937, False)])
def test_a_thousand_characters_are_read_of_a_key(spaces: int, whole: bool, tmp_path: Path) -> None:
    """936 spaces and 64 digits are 1,000 characters; after one space more the last digit is not read."""
    if whole:
        assert bytes(in_a_file(tmp_path, " " * spaces + STRONG)).hex() == STRONG
    else:
        with pytest.raises(EnvironmentFault, match="not a key in hexadecimal"):
            in_a_file(tmp_path, " " * spaces + STRONG)


def test_a_key_service_has_30_seconds_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[float] = []

    def never_answers(command: tuple[str, ...], timeout: float, **_: Any) -> None:
        allowed.append(timeout)
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", never_answers)
    with pytest.raises(EnvironmentFault, match="gave no key within 30 seconds"):
        fetch_key(KeySource("command", ("site-keys",)), "a")
    assert allowed == [30]


@pytest.mark.parametrize(
    ("sequence", "name"), [(1, "0001"), (9_998, "9998"), (9_999, "9999"), (10_000, "9999")], ids=["first", "last but one", "last", "one too many"]
)
def test_the_files_of_a_month_are_numbered_up_to_9999(sequence: int, name: str) -> None:
    assert file_name("8HQ50OT001", date(2014, 9, 30), sequence) == f"8HQ50OT001-300914-{name}.dat"


# --- the trail and the releases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("behind", "refused"), [(59, False), (60, False), (61, True)])
def test_a_clock_may_have_gone_back_by_60_seconds(behind: int, refused: bool, tmp_path: Path) -> None:
    trail = tmp_path / "audit" / "trail.jsonl"
    append_entry(trail, TrailEntry(WHEN, "analyst", "run begun", "monthly"))
    now = WHEN - timedelta(seconds=behind)
    if refused:
        with pytest.raises(EnvironmentFault, match="61 seconds behind"):
            refuse_clock_behind(trail, now)
    else:
        refuse_clock_behind(trail, now)


@pytest.mark.parametrize(("back", "expected"), [(-1, None), (0, None), (0.999, None), (1, 1), (61, 61)])
def test_a_line_says_by_how_many_whole_seconds_the_clock_has_gone_back(back: float, expected: int | None, tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    append_entry(trail, TrailEntry(WHEN, "analyst", "run begun", "monthly"))
    append_entry(trail, TrailEntry(WHEN - timedelta(seconds=back), "analyst", "run published", "monthly"))
    assert json.loads(trail.read_bytes().splitlines()[1]).get("clock_behind") == expected


@pytest.mark.parametrize(("behind", "faults"), [(0, []), (1, []), (2, [3]), (3, [2])])
def test_the_head_may_be_one_line_behind_the_trail_and_no_more(behind: int, faults: list[int], tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    heads = []
    for n in range(4):
        append_entry(trail, TrailEntry(WHEN + timedelta(hours=n), "analyst", "run begun", "monthly"))
        heads.append(trail.with_suffix(".head").read_bytes())
    trail.with_suffix(".head").write_bytes(heads[3 - behind])
    assert read_head(trail).line == 4 - behind
    assert [fault.line for fault in verify_chain(trail)] == faults


def test_the_first_line_follows_64_zeros_and_is_its_owners_alone(tmp_path: Path) -> None:
    trail = tmp_path / "audit" / "trail.jsonl"
    append_entry(trail, TrailEntry(WHEN, "analyst", "run begun", "monthly"))
    entry = json.loads(trail.read_bytes())
    assert (entry["entry"], entry["previous"]) == (1, "0000000000000000000000000000000000000000000000000000000000000000")
    assert trail.stat().st_mode & 0o777 == 0o600
    assert trail.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("line", "known"), [(0, 0), (1, 1), (-1, 0), (True, 0), ("1", 0)])
def test_a_head_vouches_from_the_first_line_on(line: object, known: int, tmp_path: Path) -> None:
    (tmp_path / "trail.head").write_text(json.dumps({"line": line, "sha256": "a"}))
    beginning = "0000000000000000000000000000000000000000000000000000000000000000"
    assert read_head(tmp_path / "trail.jsonl") == TrailHead(known, "a" if known else beginning)


def test_releases_stand_in_the_order_of_how_many_came_before_them_and_are_totalled_over_all_tables(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    account = {"cells": 9, "shown": 6, "primary_suppressed": 2, "secondary_suppressed": 1, "attacked": 3, "narrowed": 4}
    for run in ("c", "b", "a"):
        record = ReleaseRecord(run, AS_AT, "hes7r5", list_earlier_releases(workspace, run), (account, account))
        workspace.audit(run).mkdir(parents=True)
        write_release(record, [], workspace.audit(run))
        path = append_to_log(workspace, record, WHEN, {})
    assert list_earlier_releases(workspace, "d") == ("c", "b", "a")
    lines = path.read_text(encoding="utf-8").splitlines()
    # A header and three lines; two tables of 9, 6, 2, 1, 3 and 4.
    assert lines[0] == "when,run,as_at,profile,after,cells,shown,primary_suppressed,secondary_suppressed,attacked,narrowed,tables"
    assert lines[1:] == [
        "2014-10-01T06:30:00+00:00,c,2014-09-30,hes7r5,,18,12,4,2,6,8,",
        "2014-10-01T06:30:00+00:00,b,2014-09-30,hes7r5,c,18,12,4,2,6,8,",
        "2014-10-01T06:30:00+00:00,a,2014-09-30,hes7r5,c b,18,12,4,2,6,8,",
    ]


# --- a delivery as a whole ----------------------------------------------------------------------------------------------------


def refusing(refuses: bool, words: str) -> AbstractContextManager[Any]:
    """Within this block the data must be refused with these words, or not be refused."""
    return pytest.raises(DataQualityError, match=words) if refuses else nullcontext()


@pytest.mark.parametrize(("rows", "filled", "refuses"), [(1, 2, False), (2, 3, True), (50, 100, False), (51, 100, True), (1, 1, True)])
def test_a_delivery_with_more_than_half_of_its_dates_in_another_format_is_refused(rows: int, filled: int, refuses: bool) -> None:
    with refusing(refuses, "holds dates written DD/MM/YYYY"):
        delivery_checks.refuse_wrong_date_format("x.csv", "event_date", "99/99/9999", 1, rows, filled)


@pytest.mark.parametrize(("outside", "rows", "refuses"), [(0, 0, False), (1, 2, False), (2, 3, True), (50, 100, False), (51, 100, True)])
def test_a_delivery_with_more_than_half_of_its_rows_outside_the_period_is_refused(outside: int, rows: int, refuses: bool) -> None:
    with refusing(refuses, "are outside 2012-10-01 to 2014-09-30"):
        delivery_checks.refuse_wrong_period("x.csv", EXTRACTS["emergency_care"], AS_AT, outside, rows)


@pytest.mark.parametrize(("fresh", "rows", "refuses"), [(0, 49, False), (0, 50, True), (0, 51, True), (1, 50, False)])
def test_a_delivery_of_fifty_rows_with_none_in_the_last_three_months_is_refused(fresh: int, rows: int, refuses: bool) -> None:
    with refusing(refuses, "in the 3 months to 2014-09-30"):
        delivery_checks.refuse_stale_delivery("x.csv", EXTRACTS["emergency_care"], AS_AT, fresh, rows)


@pytest.mark.parametrize(("failed", "blank", "in_doubt"), [(5, 0, False), (6, 0, True), (4, 2, False), (5, 2, True), (0, 10, False), (1, 9, True)])
def test_a_date_column_is_in_doubt_if_more_than_half_of_what_is_filled_in_is_no_date(failed: int, blank: int, in_doubt: bool) -> None:
    """Of ten rows."""
    table = EXTRACTS["gp_events"]
    names = [column.name for column in table.columns if column.type is Type.DATE]
    counts = [RuleCount(name, "typed", 10, failed if name == "event_date" else 0) for name in names]
    counts.append(RuleCount("event_date", "required", 10, blank))
    assert delivery_checks.suspect_date_columns(table, counts) == (("event_date",) if in_doubt else ())


@pytest.mark.parametrize(
    ("day", "outside", "fresh"),
    [
        ("2012-09-30", "before_window", False),
        ("2012-10-01", None, False),
        ("2014-06-30", None, False),
        ("2014-07-01", None, True),
        ("2014-09-30", None, True),
        ("2014-10-01", "after_as_at", False),
    ],
)
def test_the_period_is_of_24_months_and_the_last_three_are_fresh(day: str, outside: str | None, fresh: bool) -> None:
    table = EXTRACTS["outpatients"]
    row = lazy(pl.DataFrame([dict.fromkeys(table.names) | {"appointment_date": day}], schema=dict.fromkeys(table.names, pl.String)))
    assert sorted_rows(row.select(outside=out_of_period_reason(table, AS_AT), fresh=is_fresh(table, AS_AT)), "outside", "fresh") == [(outside, fresh)]


# --- values -------------------------------------------------------------------------------------------------------------------

NUMBERS = Table(
    "numbers",
    "one row",
    "made up",
    (
        Column("day", Type.DATE, "", "", (Between(low="1900-01-01", high="2014-09-30"),)),
        Column("whole", Type.INTEGER, "", "", (Between(low=1, high=87),)),
        Column("part", Type.DECIMAL, "", "", (Between(low=0, high=1.5),)),
    ),
)


def check_values(**values: str) -> dict[str, Any]:
    """What rules a row breaks, and its values in their types."""
    row = lazy(pl.DataFrame([dict.fromkeys(NUMBERS.names) | values], schema=dict.fromkeys(NUMBERS.names, pl.String)))
    found = collect(row.select(failures=row_rules.failure_bits(NUMBERS, NUMBERS.names)))["failures"].item()
    typed = collect(row.select(*(row_rules.typed_value(NUMBERS, name) for name in NUMBERS.names))).row(0, named=True)
    return {"broken": [f"{column.name}: {rule.rule}" for column, rule in row_rules.broken_rules(NUMBERS, found)], **typed}


@pytest.mark.parametrize(
    ("column", "value", "broken"),
    [
        ("day", "1899-12-31", ["between"]),
        ("day", "1900-01-01", []),
        ("day", "2014-09-30", []),
        ("day", "2014-10-01", ["between"]),
        ("day", "0000-12-31", ["typed"]),
        ("day", "0001-01-01", ["between"]),  # a date, though an old one
        ("day", "0010-01-01", ["between"]),
        ("day", "0100-01-01", ["between"]),
        ("day", "2014-00-01", ["typed"]),
        ("day", "2013-12-31", []),
        ("day", "2013-13-01", ["typed"]),
        ("day", "2013-01-00", ["typed"]),
        ("day", "2013-01-31", []),
        ("day", "2013-01-32", ["typed"]),
        ("day", "2013-04-30", []),
        ("day", "2013-04-31", ["typed"]),
        ("day", "2013-06-31", ["typed"]),
        ("day", "2013-09-31", ["typed"]),
        ("day", "2013-11-31", ["typed"]),
        ("day", "2013-10-31", []),
        ("day", "2013-02-28", []),
        ("day", "2013-02-29", ["typed"]),
        ("day", "2012-02-29", []),
        ("day", "2012-02-30", ["typed"]),
        ("day", "1900-02-29", ["typed"]),  # a hundredth year is no leap year
        ("day", "2000-02-29", []),  # a four hundredth is
        ("day", "2008-02-29", []),
        ("day", "1904-02-29", []),
        ("day", "1906-02-29", ["typed"]),
        ("day", "1924-02-29", []),
        ("day", "1922-02-29", ["typed"]),
        ("day", "1912-02-29", []),
        ("day", "1914-02-29", ["typed"]),
        ("day", "1200-02-29", ["between"]),  # a date, though an old one
        ("day", "1300-02-29", ["typed"]),
        ("day", "2010-02-29", ["typed"]),
        ("whole", "0", ["between"]),
        ("whole", "1", []),
        ("whole", "87", []),
        ("whole", "88", ["between"]),
        ("whole", "+87", []),
        ("whole", "-1", ["between"]),
        ("whole", "1.0", ["typed"]),
        ("part", "-0.01", ["between"]),
        ("part", "0", []),
        ("part", "1.5", []),
        ("part", "1.51", ["between"]),
        ("part", ".5", []),
        ("part", "1.", []),
        ("part", ".", ["typed"]),
        ("part", "1e0", ["typed"]),
    ],
)
def test_a_value_is_refused_just_outside_its_bounds(column: str, value: str, broken: list[str]) -> None:
    assert check_values(**{column: value})["broken"] == [f"{column}: {rule}" for rule in broken]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("99999999999999999", 99_999_999_999_999_999),
        ("999999999999999999", 999_999_999_999_999_999),
        ("0999999999999999999", None),
        ("1000000000000000000", None),
        ("-99999999999999999", -99_999_999_999_999_999),
        ("-999999999999999999", None),
    ],
)
def test_a_whole_number_of_up_to_18_characters_is_read(text: str, number: int | None) -> None:
    wide = Table("numbers", "one row", "made up", (Column("whole", Type.INTEGER, "", ""),))
    assert sorted_rows(lazy(pl.DataFrame({"whole": [text]})).select(row_rules.typed_value(wide, "whole")), "whole") == [(number,)]


@pytest.mark.parametrize(("count", "too_many"), [(62, False), (63, True)])
def test_62_rules_of_a_table_can_be_told_apart(count: int, too_many: bool) -> None:
    names = [f"c{n}" for n in range(count)]
    wide = Table("wide", "one row", "made up", tuple(Column(name, Type.TEXT, "", "", (Required(),)) for name in names))
    if too_many:
        with pytest.raises(ValueError, match="has 63 rules; no more than 62 can be told apart"):
            row_rules.failure_bits(wide, names)
        return
    row = lazy(pl.DataFrame([dict.fromkeys(names, "x") | {names[-1]: None}], schema=dict.fromkeys(names, pl.String)))
    found = collect(row.select(failures=row_rules.failure_bits(wide, names)))["failures"].item()
    assert found == 2_305_843_009_213_693_952  # 2 to the power of 61
    assert [column.name for column, _ in row_rules.broken_rules(wide, found)] == ["c61"]
    marked = lazy(pl.DataFrame({"failures": [0, found]}))
    assert collect(marked.select(refused=row_rules.is_refused(wide)))["refused"].to_list() == [False, True]


@pytest.mark.parametrize(
    ("born", "age", "month"),
    [
        ("2014-09-30", 0, "2014-09"),
        ("2014-10-01", None, None),  # after the as-at date
        ("2013-09-30", 1, "2013-09"),  # the first birthday
        ("2013-10-01", 0, "2013-10"),  # the day before it
        ("1949-09-29", 65, "1949-09"),
        ("1949-09-30", 65, "1949-09"),
        ("1949-10-01", 64, "1949-10"),
        ("1949-12-31", 64, "1949-12"),
        ("1949-01-01", 65, "1949-01"),
        (None, None, None),
    ],
)
def test_somebody_is_a_year_older_on_the_birthday(born: str | None, age: int | None, month: str | None) -> None:
    frame = lazy(pl.DataFrame({"born": pl.Series([born], dtype=pl.String)}))
    given = frame.select(age=coarse_values.age(nw.col("born"), AS_AT), month=coarse_values.birth_month(nw.col("born"), AS_AT))
    assert sorted_rows(given, "age", "month") == [(age, month)]


@pytest.mark.parametrize(("as_at", "age"), [(date(2013, 2, 28), 0), (date(2013, 3, 31), 1), (date(2016, 2, 29), 4)])
def test_who_was_born_on_29_february_is_a_year_older_after_it(as_at: date, age: int) -> None:
    assert sorted_rows(lazy(pl.DataFrame({"born": ["2012-02-29"]})).select(age=coarse_values.age(nw.col("born"), as_at)), "age") == [(age,)]


def test_two_deciles_are_a_quintile() -> None:
    lookup = pl.DataFrame({"postcode": [f"so14{n}aa" for n in range(10)], "lsoa": ["E01"] * 10, "deprivation_decile": [str(n) for n in range(1, 11)]})
    found = sorted_rows(coarse_values.build_areas(lazy(lookup)), "postcode", "deprivation_quintile")
    assert [quintile for _, quintile in found] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [postcode for postcode, _ in found][:2] == ["SO14 0AA", "SO14 1AA"]


@pytest.mark.parametrize(
    ("written", "canonical"), [("m11ae", "M1 1AE"), ("SO140AA", "SO14 0AA"), (" s o 1 4 0 a a ", "SO14 0AA"), ("AAA", "AAA"), ("AAAA", "A AAA")]
)
def test_a_postcode_has_a_space_before_its_last_three_characters(written: str, canonical: str) -> None:
    assert sorted_rows(lazy(pl.DataFrame({"p": [written]})).select(p=coarse_values.canonical_postcode(nw.col("p"))), "p") == [(canonical,)]

"""Every bad delivery gets one clear line and an exit code. Nothing is published in part, and the previous publication stays as it is."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import CommandResult

Spoil = Callable[[Path], None]


def landing(workspace: Path, extract: str) -> Path:
    return workspace / "landing" / extract / f"{extract}.csv"


def rewrite_file(extract: str, change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(workspace: Path) -> None:
        file = landing(workspace, extract)
        file.write_bytes(change(file.read_bytes()))

    return spoil


def remove_file(extract: str) -> Spoil:
    return lambda workspace: landing(workspace, extract).unlink()


def deliver_twice(workspace: Path) -> None:
    file = landing(workspace, "emergency_care")
    shutil.copy(file, file.with_name("again.csv"))


def truncate_parquet(workspace: Path) -> None:
    file = landing(workspace, "outpatients")
    pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy").write_parquet(file.with_suffix(".parquet"))
    file.unlink()
    whole = file.with_suffix(".parquet").read_bytes()
    file.with_suffix(".parquet").write_bytes(whole[: len(whole) // 2])


def change_date_format(text: bytes) -> bytes:
    return re.sub(rb"\b(\d{4})-(\d{2})-(\d{2})\b", rb"\3/\2/\1", text)


def move_dates_back(text: bytes) -> bytes:
    return re.sub(rb"\b(201[234])-(\d{2})-(\d{2})\b", lambda m: str(int(m[1]) - 4).encode() + b"-" + m[2] + b"-" + m[3].replace(b"29", b"28"), text)


CASES: dict[str, tuple[Spoil, int, str]] = {
    "a missing file": (remove_file("gp_events"), 2, r"landing/gp_events.*no (file|delivery)"),
    "an empty file": (rewrite_file("gp_events", lambda text: b""), 2, r"gp_events\.csv.*empty"),
    "a header and nothing else": (rewrite_file("outpatients", lambda text: text.split(b"\n")[0] + b"\n"), 2, r"outpatients\.csv.*(empty|no rows)"),
    "a column missing": (rewrite_file("emergency_care", lambda text: text.replace(b"arrival_date", b"arrived", 1)), 2, r"emergency_care\.csv.*arrival_date"),
    "an unknown column": (rewrite_file("emergency_care", lambda text: text.replace(b"sex", b"shoe_size", 1)), 2, r"emergency_care\.csv.*shoe_size"),
    "another delimiter": (rewrite_file("outpatients", lambda text: text.replace(b",", b";")), 2, r"outpatients\.csv.*(delimiter|separat|semicolon)"),
    "another encoding": (
        rewrite_file("hospital_admissions", lambda text: text.decode("utf-8", "replace").encode("utf-16")),
        2,
        r"hospital_admissions\.csv.*UTF-16",
    ),
    "a truncated Parquet": (truncate_parquet, 2, r"outpatients\.parquet.*(truncated|not.*Parquet|whole)"),
    "dates in another format": (rewrite_file("emergency_care", change_date_format), 1, r"emergency_care\.csv.*YYYY-MM-DD"),
    "the wrong period": (rewrite_file("emergency_care", move_dates_back), 1, r"emergency_care\.csv.*period"),
    "the same file twice": (deliver_twice, 2, r"emergency_care.*(again\.csv|emergency_care\.csv).*same"),
}


def file_digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def identifying_values(workspace: Path, extract: str) -> set[str]:
    with landing(workspace, extract).open(encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))[:200]
    kinds = ("nhs_number", "family_name", "address_line_1", "postcode", "date_of_birth")
    return {row[kind] for row in rows for kind in kinds if row.get(kind) and len(row[kind]) > 4}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line_and_changes_nothing(name: str, published: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    spoil, code, words = CASES[name]
    workspace = Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))
    values = identifying_values(workspace, "emergency_care") | identifying_values(workspace, "outpatients")
    spoil(workspace)
    before = file_digests(workspace / "published")

    result = bcf("run", workspace, "--as-at", "2014-09-30", "--no-prefect")

    assert result.code == code, result.err
    refusal = [line for line in result.err.splitlines() if line.startswith("refused:")]
    assert len(refusal) == 1
    assert re.search(words, refusal[0], re.IGNORECASE), refusal[0]
    assert "Traceback" not in result.err + result.out
    assert not {value for value in values if value in result.err + result.out}
    assert file_digests(workspace / "published") == before
    assert not [p for p in (workspace / "pseudonymised").iterdir() if p.name not in {q.name for q in (published / "pseudonymised").iterdir()}]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "{workspace}", "--as-at", "2014-09-29", "--no-prefect"), 2, "last day of a month"),
        (("run", "{workspace}", "--as-at", "30/09/2014", "--no-prefect"), 2, "as-at"),
        (("run", "nowhere", "--as-at", "2014-09-30", "--no-prefect"), 2, "no such file"),
        (("schema", "gp_visits"), 2, "no extract gp_visits"),
        (("check", "gp_events", "nowhere.csv"), 2, "no such file"),
        (("cohort", "{workspace}", "astronauts"), 2, "no cohort astronauts"),
        (("query", "{workspace}", "select * from nothing"), 2, "the tables are"),
        (("query", "{workspace}", "select * from read_csv('{workspace}/landing/gp_events/gp_events.csv')"), 2, "refused"),
        (("query", "{workspace}", "drop table risk_bands"), 2, "refused"),
        (("synth", "atlantis", "--out", "x"), 2, "southampton"),
        (("init", "{workspace}"), 2, "a workspace already"),
        (("demo", "--out", "{workspace}/landing"), 2, "no earlier demo"),
    ],
)
def test_a_wrong_request_is_refused(published: Path, bcf: Callable[..., CommandResult], arguments: tuple[str, ...], code: int, words: str) -> None:
    result = bcf(*(a.format(workspace=published) for a in arguments))
    assert result.code == code, result.err
    assert words in " ".join(result.err.split())
    assert "Traceback" not in result.err

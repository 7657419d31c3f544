"""Every bad delivery gets one clear line and an exit code; nothing is half-published and the publication before it stands."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import Said

Spoil = Callable[[Path], None]


def landing(workspace: Path, extract: str) -> Path:
    return workspace / "landing" / extract / f"{extract}.csv"


def rewritten(extract: str, change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(workspace: Path) -> None:
        file = landing(workspace, extract)
        file.write_bytes(change(file.read_bytes()))

    return spoil


def removed(extract: str) -> Spoil:
    return lambda workspace: landing(workspace, extract).unlink()


def delivered_twice(workspace: Path) -> None:
    file = landing(workspace, "emergency_care")
    shutil.copy(file, file.with_name("again.csv"))


def truncated_parquet(workspace: Path) -> None:
    file = landing(workspace, "outpatients")
    pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy").write_parquet(file.with_suffix(".parquet"))
    file.unlink()
    whole = file.with_suffix(".parquet").read_bytes()
    file.with_suffix(".parquet").write_bytes(whole[: len(whole) // 2])


def another_date_format(text: bytes) -> bytes:
    return re.sub(rb"\b(\d{4})-(\d{2})-(\d{2})\b", rb"\3/\2/\1", text)


def two_years_earlier(text: bytes) -> bytes:
    return re.sub(rb"\b(201[234])-(\d{2})-(\d{2})\b", lambda m: str(int(m[1]) - 4).encode() + b"-" + m[2] + b"-" + m[3].replace(b"29", b"28"), text)


CASES: dict[str, tuple[Spoil, int, str]] = {
    "a missing file": (removed("gp_events"), 2, r"landing/gp_events.*no (file|delivery)"),
    "an empty file": (rewritten("gp_events", lambda text: b""), 2, r"gp_events\.csv.*empty"),
    "a header and nothing else": (rewritten("outpatients", lambda text: text.split(b"\n")[0] + b"\n"), 2, r"outpatients\.csv.*(empty|no rows)"),
    "a column missing": (rewritten("emergency_care", lambda text: text.replace(b"arrival_date", b"arrived", 1)), 2, r"emergency_care\.csv.*arrival_date"),
    "an unknown column": (rewritten("emergency_care", lambda text: text.replace(b"sex", b"shoe_size", 1)), 2, r"emergency_care\.csv.*shoe_size"),
    "another delimiter": (rewritten("outpatients", lambda text: text.replace(b",", b";")), 2, r"outpatients\.csv.*(delimiter|separat|semicolon)"),
    "another encoding": (
        rewritten("hospital_admissions", lambda text: text.decode("utf-8", "replace").encode("utf-16")),
        2,
        r"hospital_admissions\.csv.*UTF-16",
    ),
    "a truncated Parquet": (truncated_parquet, 2, r"outpatients\.parquet.*(truncated|not.*Parquet|whole)"),
    "dates in another format": (rewritten("emergency_care", another_date_format), 1, r"emergency_care\.csv.*YYYY-MM-DD"),
    "the wrong period": (rewritten("emergency_care", two_years_earlier), 1, r"emergency_care\.csv.*period"),
    "the same file twice": (delivered_twice, 2, r"emergency_care.*(again\.csv|emergency_care\.csv).*same"),
}


def every_byte(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def values_of(workspace: Path, extract: str) -> set[str]:
    with landing(workspace, extract).open(encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))[:200]
    kinds = ("nhs_number", "family_name", "address_line_1", "postcode", "date_of_birth")
    return {row[kind] for row in rows for kind in kinds if row.get(kind) and len(row[kind]) > 4}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line_and_changes_nothing(name: str, published: Path, tmp_path: Path, bcf: Callable[..., Said]) -> None:
    spoil, code, words = CASES[name]
    workspace = Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))
    values = values_of(workspace, "emergency_care") | values_of(workspace, "outpatients")
    spoil(workspace)
    before = every_byte(workspace / "published")

    said = bcf("run", workspace, "--as-at", "2014-09-30", "--no-prefect")

    assert said.code == code, said.err
    refusal = [line for line in said.err.splitlines() if line.startswith("refused:")]
    assert len(refusal) == 1
    assert re.search(words, refusal[0], re.IGNORECASE), refusal[0]
    assert "Traceback" not in said.err + said.out
    assert not {value for value in values if value in said.err + said.out}
    assert every_byte(workspace / "published") == before
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
        (("init", "{workspace}"), 2, "a workspace here already"),
        (("demo", "--out", "{workspace}/landing"), 2, "no earlier demo"),
    ],
)
def test_a_wrong_request_is_refused(published: Path, bcf: Callable[..., Said], arguments: tuple[str, ...], code: int, words: str) -> None:
    said = bcf(*(a.format(workspace=published) for a in arguments))
    assert said.code == code, said.err
    assert words in " ".join(said.err.split())
    assert "Traceback" not in said.err

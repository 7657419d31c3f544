"""A search of every byte that a run leaves outside landing and the vault, in clean, faulty and failing runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.end_to_end.leaks import Identifiers, identifiers_of, leaks

BCF = Path(sys.executable).with_name("bcf")
ROOT = Path(__file__).parents[2]
SEARCHED = ("published", "pseudonymised", "audit", "logs", "prefect")
CANARY = "Quexzibarth"
PREFECT = Path(str(find_spec("prefect").origin)).parent  # type: ignore[union-attr]
PACKAGES = ("bcf_linkage", "expectations", "pipelines", "synthetic/profiles")


def ours() -> tuple[set[str], set[str]]:
    """Dates and words that stand in our own code and reference data, or in what every Prefect database starts with: finding those proves nothing."""
    files = [p for package in PACKAGES for p in (ROOT / package).rglob("*") if p.suffix in (".py", ".csv", ".toml")]
    text = "\n".join(p.read_text(encoding="utf-8") for p in (*files, PREFECT / "server" / "collection_blocks_data.json"))
    calendar = {f"{year}-{month:02d}-{day:02d}" for year in range(2012, 2027) for month in range(1, 13) for day in (1, 28, 29, 30, 31)}
    return set(re.findall(r"\d{4}-\d{2}-\d{2}", text)) | calendar, {word.lower() for word in re.findall(r"[^\W\d_][\w'’-]*", text)}


def plant_canary(workspace: Path) -> None:
    """Give the first records of every file with names a family name that no word list holds."""
    for file in (workspace / "landing").glob("*/*.csv"):
        lines = file.read_bytes().split(b"\n")
        header = lines[0].decode().split(",")
        if "family_name" not in header:
            continue
        for n in range(1, 40):
            fields = lines[n].split(b",")
            if len(fields) == len(header) and b'"' not in lines[n]:
                fields[header.index("family_name")] = CANARY.encode()
                lines[n] = b",".join(fields)
        file.write_bytes(b"\n".join(lines))


def run(workspace: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (workspace / "logs").mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")} | {"PREFECT_HOME": str(workspace / "prefect")}
    done = subprocess.run(
        [BCF, "run", workspace, "--as-at", "2014-09-30", *options], capture_output=True, text=True, check=False, env=environment, timeout=300, cwd=workspace
    )
    (workspace / "logs" / "screen.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return done


def found(workspace: Path, identifiers: Identifiers) -> dict[str, int]:
    return {f"{folder}/{name}": n for folder in SEARCHED if (workspace / folder).exists() for name, n in leaks(workspace / folder, identifiers).items()}


def identifiers(workspace: Path) -> Identifiers:
    return identifiers_of(workspace, *ours())


def test_the_search_itself_finds_what_it_looks_for(workspace: Path) -> None:
    plant_canary(workspace)
    sought = identifiers(workspace)
    assert CANARY in sought.names
    assert len(sought.numbers) > 1_000
    assert len(sought.postcodes) > 100
    hits = leaks(workspace / "landing", sought)
    assert all(any(name.startswith(extract) for name in hits) for extract in ("gp_registrations", "gp_events", "adult_social_care"))
    number, postcode, day = min(sought.numbers), min(sought.postcodes), min(sought.dates)
    spaced = f"x {number[:3]} {number[3:6]} {number[6:]} y {postcode[:-3]} {postcode[-3:]}, {day} {CANARY}".encode()
    assert len(sought.found_in(spaced)) == 4


def test_a_run_with_prefect_on_faulty_files_leaves_no_identifier(workspace: Path) -> None:
    plant_canary(workspace)
    sought = identifiers(workspace)
    done = run(workspace)
    assert done.returncode == 0, done.stderr
    assert (workspace / "prefect" / "prefect.db").exists()
    assert found(workspace, sought) == {}


@pytest.mark.parametrize("extract", ["gp_registrations", "adult_social_care"])
def test_a_run_that_is_refused_leaves_no_identifier(workspace: Path, extract: str) -> None:
    plant_canary(workspace)
    sought = identifiers(workspace)
    file = workspace / "landing" / extract / f"{extract}.csv"
    file.write_bytes(re.sub(rb"\b(\d{4})-(\d{2})-(\d{2})\b", rb"\3/\2/\1", file.read_bytes()))
    done = run(workspace, "--no-prefect")
    assert done.returncode == 1
    assert found(workspace, sought) == {}

"""Search every byte that a run writes outside landing and the vault, and all that it prints, for identifiers.

The runs are clean, faulty, refused, crashing and killed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.leaks import Identifiers
from pipelines.admin.leaks import IDENTIFIABLE_FOLDERS, collect_identifiers, files_below, find_leaks
from pipelines.cli.demo import write_synthetic_workspace
from pipelines.cli.screens import Screen
from tests.clean_locality import clean_extracts
from tests.conftest import SEED

BCF = (str(Path(sys.executable).with_name("bcf")),)
ROOT = Path(__file__).parents[2]
FEW_PEOPLE = 500
CANARY = "Quexzibarth"
PREFECT = Path(str(find_spec("prefect").origin)).parent  # type: ignore[union-attr]
PACKAGES = ("bcf_linkage", "expectations", "pipelines", "synthetic/profiles")

CRASHES = {
    "while a delivery is received": """
from pipelines.receive import receive
def crash(rows):
    quoted = rows.people.head(3).to_dicts()
    try:
        raise KeyError(str(quoted))
    except KeyError:
        raise ValueError(f"conversion failed for {quoted}")
receive.assign_outcomes = crash
""",
    "killed while people are linked": """
import os, signal
from pipelines import stratify
stratify.build_contacts = lambda rows: os.kill(os.getpid(), signal.SIGKILL)
""",
}
"""Code that a process runs first, so that it ends in the middle of a run with whole records in memory."""


def allowed_dates_and_words() -> tuple[set[str], set[str]]:
    """Return the dates and words of our own code and reference data, and of every new Prefect database: to find those proves nothing."""
    files = [p for package in PACKAGES for p in (ROOT / package).rglob("*") if p.suffix in (".py", ".csv", ".toml")]
    text = "\n".join(p.read_text(encoding="utf-8") for p in (*files, PREFECT / "server" / "collection_blocks_data.json"))
    calendar = {f"{year}-{month:02d}-{day:02d}" for year in range(2012, 2027) for month in range(1, 13) for day in (1, 28, 29, 30, 31)}
    return set(re.findall(r"\d{4}-\d{2}-\d{2}", text)) | calendar, {word.lower() for word in re.findall(r"[^\W\d_][\w'’-]*", text)}


def plant_canary(workspace: Path) -> None:
    """Give the first records of every file with names a family name that is in no word list."""
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


def planted_identifiers(workspace: Path) -> Identifiers:
    """Collect the identifiers of the deliveries and the keys, without dates and words that the run itself writes."""
    dates, words = allowed_dates_and_words()
    identifiers = collect_identifiers({folder.name: sorted(folder.iterdir()) for folder in (workspace / "landing").iterdir()})
    names = frozenset(name for name in identifiers.names if name.lower() not in words and name != name.lower())
    keys = tuple(bytes.fromhex(file.read_text()) for file in sorted((workspace / "vault" / "keys").glob("*.key")))
    return replace(identifiers, dates=identifiers.dates - dates, names=names, secrets=keys)


def run(workspace: Path, *options: str, command: tuple[str, ...] = BCF) -> subprocess.CompletedProcess[str]:
    """Run with home, temporary files, Prefect and screen in the workspace, so that they are searched with it."""
    for folder in ("logs", "home", "tmp"):
        (workspace / folder).mkdir(exist_ok=True)
    own_folders = {"PREFECT_HOME": str(workspace / "prefect"), "HOME": str(workspace / "home"), "TMPDIR": str(workspace / "tmp")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")} | own_folders
    arguments = [*command, "run", str(workspace), "--as-at", "2014-09-30", *options]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment, timeout=300, cwd=workspace)
    (workspace / "logs" / "screen.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return done


def leaks_in(workspace: Path, sought: Identifiers) -> dict[str, Counter[str]]:
    return find_leaks(files_below(workspace, *IDENTIFIABLE_FOLDERS), sought)


def test_the_search_finds_planted_identifiers(workspace: Path) -> None:
    plant_canary(workspace)
    sought = planted_identifiers(workspace)
    assert CANARY in sought.names
    assert len(sought.numbers) > 1_000
    assert len(sought.postcodes) > 100
    hits = find_leaks(files_below(workspace / "landing"), sought)
    assert all(any(name.startswith(extract) for name in hits) for extract in ("gp_registrations", "gp_events", "adult_social_care"))
    assert set(find_leaks(files_below(workspace / "vault"), sought)) == {"keys/pseudonym-1.key", "keys/register-1.key"}
    assert leaks_in(workspace, sought) == {}


def test_a_clean_run_leaves_no_identifier(tmp_path: Path) -> None:
    workspace = tmp_path / "southampton"
    write_synthetic_workspace("southampton", FEW_PEOPLE, SEED, workspace, "csv", Screen(as_json=True))
    for name, records in clean_extracts(FEW_PEOPLE, "southampton", SEED).items():
        records.select(EXTRACTS[name].names).write_csv(workspace / "landing" / name / f"{name}.csv")
    plant_canary(workspace)
    sought = planted_identifiers(workspace)
    done = run(workspace, "--no-prefect")
    assert done.returncode == 0, done.stderr
    assert leaks_in(workspace, sought) == {}


def test_a_run_with_prefect_on_faulty_files_leaves_no_identifier(workspace: Path) -> None:
    plant_canary(workspace)
    sought = planted_identifiers(workspace)
    done = run(workspace)
    assert done.returncode == 0, done.stderr
    assert (workspace / "prefect" / "prefect.db").exists()
    assert leaks_in(workspace, sought) == {}


@pytest.mark.parametrize("extract", ["gp_registrations", "adult_social_care"])
def test_a_run_that_is_refused_leaves_no_identifier(workspace: Path, extract: str) -> None:
    plant_canary(workspace)
    sought = planted_identifiers(workspace)
    file = workspace / "landing" / extract / f"{extract}.csv"
    file.write_bytes(re.sub(rb"\b(\d{4})-(\d{2})-(\d{2})\b", rb"\3/\2/\1", file.read_bytes()))
    done = run(workspace, "--no-prefect")
    assert done.returncode == 1
    assert leaks_in(workspace, sought) == {}


@pytest.mark.parametrize(
    ("name", "option", "code"),
    [
        ("while a delivery is received", "--prefect", 3),
        ("killed while people are linked", "--no-prefect", -signal.SIGKILL),
    ],
)
def test_a_run_that_ends_in_the_middle_leaves_no_identifier(name: str, option: str, code: int, workspace: Path) -> None:
    plant_canary(workspace)
    sought = planted_identifiers(workspace)
    command = (sys.executable, "-c", f"{CRASHES[name]}\nfrom pipelines.cli.command_line import main\nmain()")
    done = run(workspace, option, command=command)
    assert done.returncode == code, done.stderr
    if code == 3:
        assert "its message is withheld" in done.stderr
    assert leaks_in(workspace, sought) == {}
    left = {path.name for path in workspace.iterdir()}
    assert (".staging" in left and any((workspace / ".staging").iterdir())) is (code < 0), "a killed run leaves its staging folder, which is searched too"

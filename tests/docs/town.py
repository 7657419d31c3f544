"""The made-up town that pages are run on, and what other people do between two commands of a page: fill in, send, answer, sign."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.docs.command_line import Answer

REGISTER = Path("landing/gp_registrations/gp_registrations.csv")


@dataclass(frozen=True)
class Town:
    """The workspace that the tutorial's own command makes, and what the command printed."""

    workspace: Path
    command: str
    answer: Answer

    def lay_out(self, folder: Path, *names: str) -> Path:
        """Copies of the workspace under these names, in a folder that a page may spoil."""
        for name in names:
            shutil.copytree(self.workspace, folder / name, symlinks=True)
        return folder


def current_run(workspace: Path) -> str:
    """The name of the run whose publication is the newest."""
    return (workspace / "published" / "current").resolve().name


# --- what people do before a command --------------------------------------------------------------------------------------------------


def supplier_sends_a_file(folder: Path) -> None:
    shutil.copy(next((folder / "southampton" / "landing" / "hospital_admissions").glob("*.csv")), folder / "sus.csv")


def clients_to_trace(folder: Path) -> None:
    """A register without lines that are cut short, and some of its people as clients."""
    renamed = {"gp_patient_id": "record_id", "date_of_birth": "birth_date"}
    with (folder / "southampton" / REGISTER).open(encoding="utf-8", errors="replace", newline="") as file:
        header, *lines = list(csv.reader(file))
    whole = list({line[0]: line for line in lines if len(line) == len(header) and line[0]}.values())
    columns = [renamed.get(name, name) for name in header]
    kept = ("record_id", "nhs_number", "given_name", "family_name", "birth_date", "sex", "postcode", "address_line_1")
    for name, rows in (("register.csv", whole), ("clients.csv", whole[:60])):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, kept, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(dict(zip(columns, row, strict=True)) for row in rows)


def real_legal_bases(folder: Path) -> None:
    """The national data opt-out holds against real legal bases, and not against that of made-up people."""
    file = folder / "southampton" / "locality.toml"
    text = file.read_text(encoding="utf-8").replace('legal_basis = "made up"', 'legal_basis = "pseudonymised third party"')
    file.write_text(re.sub(r"\[opt_outs\]\n(.+\n)*", "", text) + '\n[opt_outs]\nmailbox = "8HQ50OT001"\n', encoding="utf-8")


def national_service_answers_on_opt_outs(folder: Path) -> None:
    asked = max((folder / "southampton" / "vault").rglob("*.dat"), key=lambda file: file.stat().st_mtime)
    allowed = asked.read_text(encoding="ascii").splitlines(keepends=True)[3:]
    (folder / "answer.dat").write_text("".join(allowed), encoding="ascii", newline="")


def letters_of_objection(folder: Path) -> None:
    numbers = [line[:10] for line in (folder / "answer.dat").read_text(encoding="ascii").splitlines()[:2]]
    (folder / "letters.txt").write_text("".join(f"{number}\n" for number in numbers), encoding="ascii", newline="")


def national_service_finds_nobody(folder: Path) -> None:
    request = max((folder / "southampton" / "vault").rglob("*national-trace*.csv"), key=lambda file: file.stat().st_mtime)
    with request.open(encoding="utf-8", newline="") as file:
        asked = [row["UNIQUE REFERENCE"] for row in csv.DictReader(file)]
    columns = ("UNIQUE REFERENCE", "ERROR/SUCCESS_CODE", "MATCHED_NHS_NO", "MATCHED_ALGORITHM_INDICATOR", "MATCHED_CONFIDENCE_PERCENTAGE")
    with (folder / "answer.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows((reference, "97", "0000000000", "0", "0") for reference in asked)


def reviewer_fills_in_the_sheet(folder: Path) -> None:
    sheet = max((folder / "southampton" / "vault").rglob("*clerical-review*.csv"), key=lambda file: file.stat().st_mtime)
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "reviewed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "verdict": "same"} for row in rows)


BEFORE: dict[str, Callable[[Path], None]] = {
    "bcf check hospital_admissions sus.csv": supplier_sends_a_file,
    "bcf trace clients.csv": clients_to_trace,
    "bcf opt-outs export": real_legal_bases,
    "bcf opt-outs import southampton answer.dat": national_service_answers_on_opt_outs,
    "bcf opt-outs import southampton letters.txt": letters_of_objection,
    "bcf national-trace import": national_service_finds_nobody,
    "bcf clerical-review import": reviewer_fills_in_the_sheet,
}
"""By the beginning of a command, what somebody else does before it."""


def others_act(command: str, folder: Path) -> None:
    """Whatever other people do before a command."""
    for beginning, act in BEFORE.items():
        if command.startswith(beginning):
            act(folder)

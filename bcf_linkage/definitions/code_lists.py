"""National code lists, kept as data in `reference/code_lists.csv` with their source and how well each is known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

REFERENCE = files("bcf_linkage.definitions") / "reference"


@dataclass(frozen=True)
class CodeList:
    """A named list of codes: code to meaning, in the list's own order."""

    name: str
    meanings: tuple[tuple[str, str], ...]
    source: str

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes alone."""
        return tuple(code for code, _ in self.meanings)

    def meaning(self, code: str) -> str:
        """What a code stands for. Raises KeyError."""
        return dict(self.meanings)[code]


def reference_rows(file: str) -> list[dict[str, str]]:
    """The rows of a CSV file of the reference folder, as text."""
    return list(csv.DictReader((REFERENCE / file).read_text(encoding="utf-8").splitlines()))


@cache
def _lists() -> dict[str, CodeList]:
    rows = reference_rows("code_lists.csv")
    names = dict.fromkeys(row["list"] for row in rows)
    return {
        name: CodeList(
            name,
            tuple((row["code"], row["meaning"]) for row in rows if row["list"] == name),
            next(row["source"] for row in rows if row["list"] == name),
        )
        for name in names
    }


def code_list(name: str) -> CodeList:
    """The code list of that name. Raises KeyError naming the lists there are."""
    if name not in _lists():
        raise KeyError(f"no code list {name}; there are {', '.join(sorted(_lists()))}")
    return _lists()[name]

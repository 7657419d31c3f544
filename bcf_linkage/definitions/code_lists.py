"""National code lists, kept in `reference/code_lists.csv` with the source of each code and how well it is known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

REFERENCE = files("bcf_linkage.definitions") / "reference"


@dataclass(frozen=True)
class CodeList:
    """A named list of (code, meaning), in the order of the source."""

    name: str
    meanings: tuple[tuple[str, str], ...]
    source: str

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes alone."""
        return tuple(code for code, _ in self.meanings)

    def meaning(self, code: str) -> str:
        """Return the meaning of a code. Raises KeyError."""
        return dict(self.meanings)[code]


def reference_rows(file: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of the reference folder, every value as text."""
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
    """Return the code list of that name. Raises KeyError with the names of all lists."""
    if name not in _lists():
        raise KeyError(f"no code list {name}; the lists are {', '.join(sorted(_lists()))}")
    return _lists()[name]


@cache
def _synonyms() -> dict[str, dict[str, str]]:
    rows = reference_rows("code_synonyms.csv")
    return {name: {row["written"]: row["code"] for row in rows if row["list"] == name} for name in dict.fromkeys(row["list"] for row in rows)}


def code_synonyms(name: str) -> dict[str, str]:
    """Other words for codes of the list of that name -> the code, from `reference/code_synonyms.csv`; empty if there are none."""
    return _synonyms().get(name, {})

"""The glossary names what is in the code: each name in its last column is a name, a column, a file or a command."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.docs.command_line import leaf_commands
from tests.docs.documents import ROOT

GLOSSARY = ROOT / "GLOSSARY.md"
PACKAGES = ("bcf_linkage", "expectations", "pipelines", "synthetic")
ROW = re.compile(r"^\| \*\*(?P<term>[^*]+)\*\* \| (?P<meaning>.+) \| (?P<names>.+) \|$", re.MULTILINE)
SECTIONS = re.compile(r"^## (.+)$", re.MULTILINE)


def entries() -> Iterator[tuple[str, str]]:
    """Each term with each name in backticks in its last column."""
    for row in ROW.finditer(GLOSSARY.read_text(encoding="utf-8")):
        for name in re.findall(r"`([^`]+)`", row["names"]):
            yield row["term"], name


@cache
def names_in_code() -> frozenset[str]:
    """What the code defines and declares: functions, classes, arguments, fields, constants, and texts that are one word, such as a column."""
    found: set[str] = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    found.add(node.name)
                elif isinstance(node, ast.arg):
                    found.add(node.arg)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found.add(node.id)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.-]+", node.value):
                    found.add(node.value)
    return frozenset(found)


@cache
def names_in_data() -> frozenset[str]:
    """Keys and codes of the reference files, and the headings of their CSV files."""
    found: set[str] = set()
    for file in (ROOT / "bcf_linkage" / "definitions" / "reference").iterdir():
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".toml":
            found |= set(re.findall(r"(?<![\w\"])(\w+) = ", text)) | set(re.findall(r'^(?:code|name) = "(.+)"$', text, re.MULTILINE))
            found |= {part for name in re.findall(r"^\[+([\w.]+)\]+$", text, re.MULTILINE) for part in name.split(".")}
        else:
            found |= set(text.partition("\n")[0].split(","))
    return frozenset(found)


@cache
def files() -> frozenset[str]:
    return frozenset(file.name for package in PACKAGES for file in (ROOT / package).rglob("*") if file.suffix in (".py", ".toml", ".csv"))


def is_in_the_code(name: str) -> bool:
    if name.startswith("bcf "):
        words = tuple(name.split()[1:])
        return any(command[: len(words)] == words for command, _ in leaf_commands())
    if section := re.fullmatch(r"\[(\w+)(?:\.(\w+))?\]", name):
        return all(part in names_in_code() for part in section.groups() if part)
    if (ROOT / name).exists():
        return True
    return all(part in names_in_code() | names_in_data() | files() for part in name.split("/"))


@pytest.mark.parametrize(("term", "name"), sorted(set(entries())), ids=lambda text: text)
def test_a_name_of_the_glossary_is_in_the_code(term: str, name: str) -> None:
    assert is_in_the_code(name), f"GLOSSARY.md, {term}: `{name}` is neither a name, a column, a file nor a command of the code"


def test_every_line_of_a_table_is_read_and_no_term_stands_twice() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    terms = [row["term"] for row in ROW.finditer(text)]
    assert len(terms) == len(re.findall(r"^\| \*\*", text, re.MULTILINE)) > 80
    assert len(terms) == len(set(terms))
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        found = [row["term"].lower() for row in ROW.finditer(section)]
        assert found == sorted(found), section.partition("\n")[0]


def test_the_fields_terms_come_before_ours() -> None:
    assert SECTIONS.findall(GLOSSARY.read_text(encoding="utf-8"))[-1] == "Words of this project"


def test_a_name_that_is_nowhere_is_found_out() -> None:
    assert not is_in_the_code("match_ladder")
    assert not is_in_the_code("bcf climb")
    assert not is_in_the_code("ladder.csv")

"""Names are the field's own words, and a name has one meaning."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import PSEUDONYMISED, received_table
from bcf_linkage.definitions.published_tables import PUBLISHED

ROOT = Path(__file__).parents[2]
PACKAGES = ("bcf_linkage", "expectations", "pipelines", "synthetic")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FILES = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
TOMLS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.toml"))

# Names of the private dialect that the code was once written in. CHANGELOG.md maps old names to new ones.
REPLACED_NAMES = frozenset(
    """
    told held place settling settled ended deed recording noting note_numbers judging bench judged hold weigh climb climbed rung choosing comparable
    nationally by_number company guarded few world besides experiments harder plainly lanes opened custody at_work desk carefully perform telling heard_by
    in_words made borne or_refused requestrefused datarefused environmentrefused maypass
    """.split()  # noqa: SIM905 - forty words in quotes are harder to read
)
REPLACED_CLASSES = frozenset({"Entry", "Refusal"})
"""`entry` and `refusal` are ordinary words for a variable; as classes they had several meanings."""
REPLACED_FUNCTIONS = frozenset({"note"})
REPLACED_MODULES = REPLACED_NAMES | {"places", "note", "entry"}
CONTRACT_COLUMNS = frozenset({"rung"})
"""A column of the file that `bcf trace` writes. It keeps its name, so it may be a keyword argument of a frame's method."""

# Public functions that have the same name in several modules because they do the same thing there.
SAME_MEANING = {
    "main": "runs a program from the command line",
    "read_header": "reads the column names of a file, of CSV and of Parquet",
    "record": "returns the extract of one synthetic service",
    "scan": "opens the rows of a file lazily, of CSV and of Parquet",
}


def is_replaced(name: str) -> bool:
    return name.strip("_").lower() in REPLACED_NAMES


@cache
def parse_file(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def identifiers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a module defines, imports or uses, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.keyword(arg=str(name)) if name not in CONTRACT_COLUMNS:
                yield name, node.value.lineno
            case ast.alias(name=name, asname=alias):
                yield (alias or name).split(".")[-1], node.lineno
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name, node.lineno


def toml_keys(value: Any) -> Iterator[str]:
    """Every key of a parsed TOML file, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from toml_keys(inner)
    if isinstance(value, list):
        for inner in value:
            yield from toml_keys(inner)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_identifier_is_a_replaced_name(path: Path) -> None:
    assert path.stem not in REPLACED_MODULES
    assert [f"line {line}: {name}" for name, line in identifiers(parse_file(path)) if is_replaced(name)] == []


def test_no_class_and_no_function_has_a_replaced_name() -> None:
    nodes = [(path, node) for path in FILES for node in ast.walk(parse_file(path))]
    classes = [f"{path}: {node.name}" for path, node in nodes if isinstance(node, ast.ClassDef) and node.name.strip("_") in REPLACED_CLASSES]
    functions = [f"{path}: {node.name}" for path, node in nodes if isinstance(node, ast.FunctionDef) and node.name.strip("_") in REPLACED_FUNCTIONS]
    assert classes + functions == []


def test_no_table_and_no_column_has_a_replaced_name() -> None:
    tables = [*PUBLISHED.values(), *PSEUDONYMISED.values(), *map(received_table, EXTRACTS.values())]
    assert len(tables) > 20
    assert [table.name for table in tables if is_replaced(table.name)] == []
    assert [f"{table.name}.{column}" for table in tables for column in table.names if is_replaced(column)] == []


@pytest.mark.parametrize("path", TOMLS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_key_of_reference_data_is_a_replaced_name(path: Path) -> None:
    assert [key for key in toml_keys(tomllib.loads(path.read_text(encoding="utf-8"))) if is_replaced(key)] == []


def test_no_two_classes_have_the_same_name() -> None:
    modules = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(parse_file(path)):
            if isinstance(node, ast.ClassDef):
                modules[node.name.strip("_")].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


def test_no_two_public_functions_have_the_same_name_with_different_meanings() -> None:
    """Commands of the command line are left out: a command is named as it is typed."""
    modules = defaultdict(list)
    for path in SOURCES:
        if path.parent.name != "commands":
            for node in parse_file(path).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    modules[node.name].append(str(path.relative_to(ROOT)))
    repeated = {name: paths for name, paths in modules.items() if len(paths) > 1}
    assert {name: paths for name, paths in repeated.items() if name not in SAME_MEANING} == {}
    assert set(SAME_MEANING) <= set(repeated), "the list names only functions that share a name"


def test_a_replaced_name_is_found_wherever_it_is_written() -> None:
    text = "import a as told\nclass Held: ...\ndef f(made): x.few = held\nfor place in y: g(ended=1, rung=2)\nmatch z:\n    case {'a': world}: ...\n"
    found = {name for name, _ in identifiers(ast.parse(text)) if is_replaced(name)}
    assert found == {"told", "Held", "made", "few", "held", "place", "ended", "world"}

"""The structure of the four packages: no import cycle, short paths from a run to its stages, small folders, short functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = ("bcf_linkage", "expectations", "pipelines", "synthetic")
WINGS = ("bcf_linkage.identifiable", "bcf_linkage.pseudonymised", "bcf_linkage.published")

MAX_PATH = 8
"""Modules on the longest import path from `pipelines.refresh` to the first module of a wing, both ends counted."""

MAX_FILES = 15
"""Python files in one folder of `pipelines`, without those of its subfolders."""

MAX_LINES = 40
"""Lines of one function, with its docstring."""

LONG_FUNCTIONS: dict[str, int] = {}
"""Functions that may be longer, as `path:name` -> lines. Only shorten or remove an entry, never add one."""


@cache
def imports() -> dict[str, set[str]]:
    """Module -> the modules that it imports, at the top of the file or within a function."""
    graph = grimp.build_graph(*PACKAGES)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def is_in_wing(module: str) -> bool:
    return any(module == wing or module.startswith(f"{wing}.") for wing in WINGS)


def longest_path_to_a_wing(graph: dict[str, set[str]], start: str) -> list[str]:
    """The longest import path from a module through modules of `pipelines` to the first module of a wing."""
    longest: dict[str, list[str]] = {}
    for module in TopologicalSorter(graph).static_order():
        if is_in_wing(module):
            longest[module] = [module]
        elif module.partition(".")[0] == "pipelines":
            paths = [longest[imported] for imported in graph[module] if imported in longest]
            if paths:
                longest[module] = [module, *max(paths, key=len)]
    return longest[start]


def functions() -> Iterator[tuple[str, int]]:
    """Every function as `path:name`, with its number of lines."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                    yield f"{path.relative_to(ROOT).as_posix()}:{node.name}", node.end_lineno - node.lineno + 1


def test_imports_form_no_cycle() -> None:
    # graphlib raises CycleError, with the modules of the cycle.
    assert len(list(TopologicalSorter(imports()).static_order())) == len(imports())


def test_imports_within_functions_count() -> None:
    assert "pipelines.cli.doctor" in imports()["pipelines.cli.command_line"], "`bcf doctor` imports its module within the command"


def test_the_longest_path_from_a_run_to_a_stage_is_short() -> None:
    path = longest_path_to_a_wing(imports(), "pipelines.refresh")
    assert len(path) <= MAX_PATH, " -> ".join(path)


def test_the_longest_path_is_found_in_a_small_graph() -> None:
    graph = {
        "pipelines.refresh": {"pipelines.a", "bcf_linkage.published.x"},
        "pipelines.a": {"pipelines.b", "bcf_linkage.storage.s"},
        "pipelines.b": {"bcf_linkage.identifiable.y"},
        "bcf_linkage.identifiable.y": {"bcf_linkage.identifiable.z"},
        "bcf_linkage.identifiable.z": set(),
        "bcf_linkage.published.x": set(),
        "bcf_linkage.storage.s": set(),
    }
    assert longest_path_to_a_wing(graph, "pipelines.refresh") == ["pipelines.refresh", "pipelines.a", "pipelines.b", "bcf_linkage.identifiable.y"]


def test_no_folder_of_pipelines_has_too_many_files() -> None:
    folders = {path.parent for path in (ROOT / "pipelines").rglob("*.py")}
    assert {folder.name: count for folder in folders if (count := len(list(folder.glob("*.py")))) > MAX_FILES} == {}


def test_no_function_is_too_long() -> None:
    too_long = {name: lines for name, lines in functions() if lines > max(MAX_LINES, LONG_FUNCTIONS.get(name, 0))}
    assert too_long == {}


def test_every_exception_for_a_long_function_is_still_needed() -> None:
    lines = dict(functions())
    assert {name for name, allowed in LONG_FUNCTIONS.items() if lines.get(name, 0) != allowed} == set()

"""Runs `bcf` commands in this process, as a shell block of a page writes them."""

from __future__ import annotations

import contextlib
import importlib
import io
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.docs.documents import ROOT

WITH_PREFECT = ("run", "demo")
"""Commands that run as a Prefect flow unless told not to. Pages are run without, as a server takes most of a minute to start."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@cache
def entry_point() -> Any:
    """The module behind `bcf`, as pyproject.toml names it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return importlib.import_module(project["scripts"]["bcf"].partition(":")[0])


def run(arguments: list[str], folder: Path) -> Answer:
    """Run one command in a folder."""
    if arguments[0] in WITH_PREFECT and not {"--prefect", "--no-prefect"} & set(arguments):
        arguments = [*arguments, "--no-prefect"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            entry_point().main(arguments)
        except SystemExit as exit_error:
            code = int(exit_error.code or 0)
        else:
            code = 0
    return Answer(code, out.getvalue(), err.getvalue())


def run_line(line: str, folder: Path) -> Answer:
    """Run one line of a shell block that starts with `bcf`, with its redirection to a file if it has one."""
    words = shlex.split(line, comments=True)
    target = None
    if len(words) > 2 and words[-2] == ">":
        target, words = words[-1], words[:-2]
    answer = run(words[1:], folder)
    if target:
        (folder / target).write_text(answer.out, encoding="utf-8")
    return answer


def leaf_commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the application, with the words that call it."""
    from typer.main import get_command

    def walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        if hasattr(command, "commands"):
            for name, below in command.commands.items():
                yield from walk((*words, name), below)
        else:
            yield words, command

    return walk((), get_command(entry_point().app))

"""Errors without their words. What a library says of an error may quote the value that it stumbled on, so nobody gets to read it.

A Refusal is written by us and holds no value: it passes as it is. Any other error becomes one that tells its type and the
line at which it arose, and that no longer carries the error itself, as a traceback or a log would print it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from bcf_linkage.definitions.errors import EnvironmentRefused, MayPass, Refusal

T = TypeVar("T")

_OURS = {"bcf_linkage", "expectations", "pipelines", "synthetic"}


class Unforeseen(EnvironmentRefused):
    """An error that no one of us wrote: its type and place, never its words."""


def scrubbed(error: BaseException) -> Refusal:
    """The error as a Refusal that anybody may read. A Refusal is given back as it is, but without the error that led to it."""
    if isinstance(error, Refusal):
        error.__cause__ = error.__context__ = None
        return error
    if isinstance(error, OSError):
        return MayPass(f"{_where(error)}: {_cause(error)}; look at the disk and at the right to read and write, then run again")
    return Unforeseen(f"{_where(error)} was not foreseen; its own words are withheld, as they may quote a person's value; report this line")


def carefully(step: Callable[..., T], *arguments: Any) -> T:
    """Call a step. Whatever goes wrong in it is raised as a Refusal. Signals (the keyboard, a cancelled run) pass as they are."""
    try:
        return step(*arguments)
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        refusal = scrubbed(error)
    # Raised out here, where no error is being handled that Python would tie to it.
    raise refusal


def _where(error: BaseException) -> str:
    """The error's type, and the line at which it arose: the innermost of ours, or of all if none is ours."""
    return f"{_type(error)} at {_place(error.__traceback__)}"


def _is_panic(error: BaseException) -> bool:
    """Whether compiled code gave up. Such an error is no Exception to Python, but its words are as free."""
    return type(error).__module__ == "pyo3_runtime"


def _type(error: BaseException) -> str:
    module, name = type(error).__module__, type(error).__qualname__
    return name if module == "builtins" else f"{module}.{name}"


def _place(trace: TracebackType | None) -> str:
    places = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(trace)]
    ours = [(module, line) for module, line in places if module.partition(".")[0] in _OURS and module != __name__]
    return "{}:{}".format(*(ours or places or [("an unknown module", 0)])[-1])


def _cause(error: OSError) -> str:
    """What the operating system says of the error's number, and the path that our code asked for."""
    cause = os.strerror(error.errno) if error.errno else "no reason given"
    return f"{cause}, {error.filename}" if error.filename else cause

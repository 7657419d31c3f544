"""Removes messages that may hold a person's value. A library may quote in its error the value that caused it, so its message is never shown.

The message of a BcfError is our own and holds no value, so it stays. Any other error becomes a BcfError with the type of the error and
the line that raised it. The original error is detached, because a traceback or a log would print it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault, TransientError

P = ParamSpec("P")
T = TypeVar("T")

_OWN_PACKAGES = {"bcf_linkage", "expectations", "pipelines", "synthetic"}


class UnexpectedError(EnvironmentFault):
    """An error of a library or a bug: its type and line, never its message."""


def sanitised(error: BaseException) -> BcfError:
    """Return the error as a BcfError that anybody may read. A BcfError is returned itself, without the error that caused it."""
    if isinstance(error, BcfError):
        error.__cause__ = error.__context__ = None
        return error
    if isinstance(error, OSError):
        return TransientError(f"{_error_location(error)}: {_os_error_cause(error)}; check the disk and the right to read and write, then run again")
    return UnexpectedError(f"{_error_location(error)} is unexpected; its message is withheld, as it may hold a person's value; report this line")


def sanitise_errors(step: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a step and return its result. Raise any error as a BcfError. Signals (the keyboard, a cancelled run) pass unchanged."""
    try:
        return step(*arguments, **named)
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        sanitised_error = sanitised(error)
    # Raised outside the except block, where Python would attach the original error to it.
    raise sanitised_error


def _error_location(error: BaseException) -> str:
    """Return the error's type and the line that raised it: the innermost line of our own code, or of all code if none is ours."""
    return f"{_error_type(error)} at {_code_location(error.__traceback__)}"


def _is_panic(error: BaseException) -> bool:
    """Whether compiled code panicked. Python does not count that as an Exception, but its message may hold a value too."""
    return type(error).__module__ == "pyo3_runtime"


def _error_type(error: BaseException) -> str:
    module, name = type(error).__module__, type(error).__qualname__
    return name if module == "builtins" else f"{module}.{name}"


def _code_location(trace: TracebackType | None) -> str:
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(trace)]
    own_frames = [(module, line) for module, line in frames if module.partition(".")[0] in _OWN_PACKAGES and module != __name__]
    return "{}:{}".format(*(own_frames or frames or [("an unknown module", 0)])[-1])


def _os_error_cause(error: OSError) -> str:
    """Return the operating system's text for the error number, and the path that our code used."""
    cause = os.strerror(error.errno) if error.errno else "no reason given"
    return f"{cause}, {error.filename}" if error.filename else cause

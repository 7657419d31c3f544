"""The three ways in which work is refused, each with the exit code that a scheduler sees.

A message says what is wrong, in which file, row, column and by which rule, and what to do. It never holds a person's value.
"""


class Refusal(Exception):
    """Work that cannot go on. The message is one line that a person can act on."""

    exit_code = 3


class DataRefused(Refusal):
    """The data failed a check."""

    exit_code = 1


class RequestRefused(Refusal):
    """The request is wrong: a missing file, an unknown key, a date that cannot be used."""

    exit_code = 2


class EnvironmentRefused(Refusal):
    """The machine or the workspace is not fit: no space, no key, no right to write."""

    exit_code = 3


class MayPass(EnvironmentRefused):
    """An input or output error. The same step may succeed a little later."""

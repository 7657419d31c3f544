"""The kinds of error, each with the exit code that a scheduler sees.

A message says what is wrong, in which file, row and column and by which rule, and what to do. It never contains a person's value.
"""


class BcfError(Exception):
    """An error that stops the work. Its message is one line that a person can act on."""

    exit_code = 3


class DataQualityError(BcfError):
    """An error in the data: a check failed."""

    exit_code = 1


class UsageError(BcfError):
    """An error in the request or the settings: a missing file, an unknown key, a date that cannot be used."""

    exit_code = 2


class EnvironmentFault(BcfError):
    """An error of the machine or the workspace: no space, no key, no permission to write."""

    exit_code = 3


class TransientError(EnvironmentFault):
    """An input or output error. The same step may succeed a little later."""

"""Environment variables that every process of this software needs: a faster allocator, and no usage statistics.

The command line, the flows and the validation worker call `prepare_environment`. Nothing is set at import.
"""

from __future__ import annotations

import os

ALLOCATOR = "_RJEM_MALLOC_CONF"
ENVIRONMENT = {
    # By default Polars' allocator returns memory to the system within half a second, and a run asks for the same memory again and again.
    # Polars reads this once, when it is first imported.
    ALLOCATOR: "background_thread:true,dirty_decay_ms:10000,muzzy_decay_ms:10000",
    # Neither Prefect's client nor Great Expectations sends usage statistics.
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
}


def prepare_environment() -> None:
    """Set every variable that is not set yet. Call before Polars, Prefect and Great Expectations are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def child_environment(**variables: str) -> dict[str, str]:
    """Return the environment for a child process: that of this process, the variables above where it has none, and further variables."""
    return {**ENVIRONMENT, **os.environ, **variables}

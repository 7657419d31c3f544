"""Prefect's settings. Prefect reads them once, when it is first imported: call `set_prefect_defaults` before that."""

from __future__ import annotations

import os

SETTINGS = {
    # Neither tool sends usage statistics. DO_NOT_TRACK is a switch of Prefect's client that the server's own switch does not cover.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    # Without a server at PREFECT_API_URL a run starts its own. On two cores that takes 8 to 20 seconds, and 30 the first time; by
    # default Prefect gives up after 20.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The result of a step is never pickled to disk. The flows state this too; here it also covers flows that are added later.
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # The log goes to Prefect, where it can be looked up. The terminal shows the run's own screen.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def set_prefect_defaults() -> None:
    """Set every variable that the environment does not set yet."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)

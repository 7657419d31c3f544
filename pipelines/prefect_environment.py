"""How Prefect behaves here. It reads its settings once, when it is first imported: call `prepare` before that."""

from __future__ import annotations

import os

SETTINGS = {
    # Neither tool sends usage statistics. DO_NOT_TRACK is the client's own switch, which the server's does not reach.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    # Without a server of one's own (PREFECT_API_URL) a run starts one for itself. On two cores that takes 8 to 20 seconds, and
    # half a minute the first time; Prefect by default gives up after 20.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # What a step returns is never pickled to disk. The flows say so too; this holds for whatever is added to them.
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # The log goes to Prefect, where the run can be looked up. The terminal belongs to the run's own screen.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def prepare() -> None:
    """Set what the environment leaves open. What somebody has set stands."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)

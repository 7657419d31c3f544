"""One run from the command line, watched on the screen: as a Prefect flow, or plainly."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path

from pipelines.prefect_environment import prepare
from pipelines.screens import Screen
from pipelines.scrub import carefully
from pipelines.summary import Summary


def run_once(workspace: Path, as_at: date, engine: str, with_prefect: bool, screen: Screen, why: str = "asked on the command line") -> Summary:
    """Run the river once. Raises a Refusal."""
    prepare()
    from pipelines.refresh import Request, refresh

    request = Request(workspace, as_at, engine, who=getpass.getuser(), why=why)
    with screen.progress():
        if not with_prefect:
            return carefully(refresh, request)
        from pipelines.flows import run_with_prefect

        return run_with_prefect(request)

"""One run from the command line with progress on the screen, as a Prefect flow or without Prefect."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path

from pipelines.cli.screens import Screen
from pipelines.support.prefect_environment import set_prefect_defaults
from pipelines.support.sanitise_errors import sanitise_errors
from pipelines.workspace.summary import Summary


def run_once(workspace: Path, as_at: date, engine: str, with_prefect: bool, screen: Screen, why: str = "requested on the command line") -> Summary:
    """Run and publish one period. Raises a BcfError; then the previous publication stays as it is."""
    # Prefect reads its settings when it is imported.
    set_prefect_defaults()
    from pipelines.refresh import Request, refresh

    request = Request(workspace=workspace, as_at=as_at, engine=engine, who=getpass.getuser(), why=why)
    with screen.show_progress():
        if not with_prefect:
            return sanitise_errors(refresh, request)
        from pipelines.flows import run_with_prefect

        return run_with_prefect(request)

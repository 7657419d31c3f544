"""`bcf reidentify`, `bcf work-list` and `bcf prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.commands.arguments import Json, Why, WorkspaceFolder

EXAMPLE = (
    'bcf reidentify southampton --practice J82901 --requester a.gp --approver c.guardian --purpose "direct care" '
    '--reason "team meeting of 14 October" --cohort high_risk_without_care_plan'
)


def reidentify(
    workspace: WorkspaceFolder,
    practice: Annotated[str, typer.Option(help="Code of the practice that requests its own patients.", show_default=False)],
    requester: Annotated[str, typer.Option(help="Person who requests, as named in locality.toml.", show_default=False)],
    approver: Annotated[str, typer.Option(help="Person who approves: a second person named in locality.toml.", show_default=False)],
    reason: Annotated[str, typer.Option(help="What the list is for, without a patient's name; recorded in the audit log.", show_default=False)],
    purpose: Annotated[str, typer.Option(help='"direct care": the only purpose allowed.', show_default=False)],
    cohort: Annotated[str, typer.Option(help="Name of a list, such as high_risk_without_care_plan.", show_default=False)] = "",
    pseudonyms: Annotated[list[str] | None, typer.Argument(help="Pseudonyms, instead of a list.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option(help="File of pseudonyms, one a line, instead of a list.", show_default=False)] = None,
    run: Annotated[str, typer.Option(help="Run that made the pseudonyms; the current publication by default.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Path of the list; in the vault by default.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Give a practice the NHS numbers of its own patients, for direct care. A second person approves. The audit log records every request."""
    from pipelines.admin import reidentification
    from pipelines.cli.screens import Screen

    people = reidentification.RequestedPeople(tuple(pseudonyms or ()), file, cohort)
    request = reidentification.ReidentificationRequest(
        practice=practice, requester=requester, approver=approver, purpose=purpose, reason=reason, people=people, run=run, out=out
    )
    reidentified = reidentification.reidentify(workspace, request)
    Screen(as_json).show_message(
        {"list": str(reidentified.path), "people": reidentified.people, "run": reidentified.run},
        f"{reidentified.path}: {reidentified.people:,} people. Only the requesting team may read it.",
    )


def work_list(
    workspace: WorkspaceFolder,
    extract: Annotated[str, typer.Argument(help="Source whose clients are listed, such as adult_social_care.", show_default=False)],
    why: Why,
    run: Annotated[str, typer.Option(help="Run that made the list; the current publication by default.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Path of the list; in the vault by default.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Give a source the list of its clients whose NHS number was found, has changed, conflicts or matches nobody, with what to do for each."""
    from pipelines.admin import work_lists
    from pipelines.cli.screens import Screen

    exported = work_lists.export_work_list(workspace, extract, why, run, out)
    words = ", ".join(f"{rows:,} {kind}" for kind, rows in exported.rows.items())
    Screen(as_json).show_message(
        {"list": str(exported.path), "run": exported.run, **exported.rows}, f"{exported.path}: {words}. Only {extract.replace('_', ' ')} may read it."
    )


def prune(
    workspace: WorkspaceFolder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what is past its retention limit in \\[retention] of locality.toml. The current publication and unpublished deliveries stay."""
    from pipelines.admin.retention import prune
    from pipelines.cli.screens import Screen

    removals = prune(workspace, dry_run)
    rows = [{"zone": removal.zone, "path": str(removal.path), "since": f"{removal.since:%Y-%m-%d}"} for removal in removals]
    if rows or as_json:
        Screen(as_json).show_table(rows)
    else:
        Screen(as_json).show_message({}, "Nothing is past its retention limit in [retention] of locality.toml.")

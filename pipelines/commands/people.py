"""`bcf reidentify`, `bcf work-list` and `bcf prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import Json, Why, Workspace

EXAMPLE = (
    'bcf reidentify southampton --practice J82901 --requester a.gp --approver c.guardian --purpose "direct care" '
    '--reason "team meeting of 14 October" --cohort high_risk_without_care_plan'
)


def reidentify(
    workspace: Workspace,
    practice: Annotated[str, typer.Option(help="The practice whose own patients are asked for.", show_default=False)],
    requester: Annotated[str, typer.Option(help="Who asks, as locality.toml names them.", show_default=False)],
    approver: Annotated[str, typer.Option(help="Who approves it: a second person.", show_default=False)],
    reason: Annotated[str, typer.Option(help="What the list is for, without naming a patient; it stands in the trail.", show_default=False)],
    purpose: Annotated[str, typer.Option(help='"direct care"; nothing else is a purpose.', show_default=False)],
    cohort: Annotated[str, typer.Option(help="A list by its name, such as high_risk_without_care_plan.", show_default=False)] = "",
    pseudonyms: Annotated[list[str] | None, typer.Argument(help="Pseudonyms, instead of a list.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option(help="A file of pseudonyms, one a line, instead of a list.", show_default=False)] = None,
    run: Annotated[str, typer.Option(help="The run whose pseudonyms these are; the current publication's unless named.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Where the list goes; unless named, into the vault.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Give a practice the NHS numbers of its own patients, for direct care. Needs a second person's approval; asked or given, it is in the trail."""
    from pipelines import reidentification
    from pipelines.screens import Screen

    wanted = reidentification.Wanted(tuple(pseudonyms or ()), file, cohort)
    asked = reidentification.Asked(practice, requester, approver, purpose, reason, wanted, run, out)
    given = reidentification.reidentify(workspace, asked)
    Screen(as_json).told({"list": str(given.path), "people": given.people, "run": given.run}, f"{given.path}: {given.people:,} people. For the team alone.")


def work_list(
    workspace: Workspace,
    extract: Annotated[str, typer.Argument(help="The source whose clients are on it, such as adult_social_care.", show_default=False)],
    why: Why,
    run: Annotated[str, typer.Option(help="The run whose list it is; the current publication's unless named.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Where the list goes; unless named, into the vault.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Give a source the list of its clients whose NHS number was found, has changed, conflicts or leads to nobody, and what to do about each."""
    from pipelines import work_lists
    from pipelines.screens import Screen

    given = work_lists.give(workspace, extract, why, run, out)
    words = ", ".join(f"{rows:,} {kind}" for kind, rows in given.rows.items())
    Screen(as_json).told({"list": str(given.path), "run": given.run, **given.rows}, f"{given.path}: {words}. For {extract.replace('_', ' ')} alone.")


def prune(
    workspace: Workspace,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and leave it.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what has been kept for as long as \\[retention] in locality.toml says. The current publication and unpublished deliveries stay."""
    from pipelines.retention import prune
    from pipelines.screens import Screen

    removals = prune(workspace, dry_run)
    rows = [{"zone": removal.zone, "path": str(removal.path), "since": f"{removal.since:%Y-%m-%d}"} for removal in removals]
    if rows or as_json:
        Screen(as_json).listed(rows)
    else:
        Screen(as_json).told({}, "Nothing is kept for longer than [retention] in locality.toml says.")

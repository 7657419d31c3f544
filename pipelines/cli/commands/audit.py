"""`bcf audit …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.commands.arguments import Json, WorkspaceFolder, command_group, example_help

app = command_group("Verify, show and export the audit log: every action in a workspace. Each line has the digest of the line before it.")


@app.command(
    epilog=example_help("bcf audit verify southampton", "bcf audit verify southampton --json > head.json", "bcf audit verify southampton --noted head.json")
)
def verify(
    workspace: WorkspaceFolder,
    noted: Annotated[
        Path | None, typer.Option(help="Earlier JSON output of this command, kept elsewhere: the audit log must still contain it.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that the audit log is unchanged since it was written, and report each line that is not. Exit 1 if any line was changed."""
    from pipelines.admin import audit
    from pipelines.cli.screens import Screen

    verification = audit.verify_trail(workspace, noted)
    faults = "\n".join(f"line {fault.line} {fault.words}" for fault in verification.faults)
    unchanged = (
        f"The audit log is unchanged: {verification.lines:,} lines.\n"
        f"Last line: {verification.head.line}, SHA-256 {verification.head.sha256}.\n"
        "Keep the output of --json outside this machine, and give it as --noted next time: it proves that no line was removed or replaced."
    )
    Screen(as_json).show_message(verification.as_json(), faults or unchanged)
    if verification.faults:
        raise typer.Exit(1)


@app.command(epilog=example_help("bcf audit show southampton", "bcf audit show southampton --what re-identification --last 100"))
def show(
    workspace: WorkspaceFolder,
    last: Annotated[int, typer.Option(min=1, help="Number of newest lines.")] = 20,
    what: Annotated[str, typer.Option(help="Only actions that begin with this: run, key, re-identification, prune.", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Show the newest lines of the audit log; with --json, all fields of each."""
    from pipelines.admin import audit
    from pipelines.cli.screens import Screen

    entries, screen = audit.list_entries(workspace, last, what), Screen(as_json)
    screen.show_table(list(entries) if as_json else [audit.summarise_entry(entry) for entry in entries])


@app.command(epilog=example_help("bcf audit export southampton --out trail.csv"))
def export(workspace: WorkspaceFolder, out: Annotated[Path, typer.Option(help="New file, .json or .csv.", show_default=False)], as_json: Json = False) -> None:
    """Write the whole audit log and the result of its check to a file, for an auditor. Exit 1 if the log was changed."""
    from pipelines.admin import audit
    from pipelines.cli.screens import Screen

    verification = audit.export_trail(workspace, out)
    Screen(as_json).show_message(verification.as_json(), f"{out}: {verification.lines:,} lines.")


@app.command(epilog=example_help("bcf audit promises southampton", "bcf audit promises southampton --json > promises.json"))
def promises(workspace: WorkspaceFolder, as_json: Json = False) -> None:
    """Check each of the fifteen promises on this workspace, with the evidence. Changes nothing. Exit 1 if a promise is broken."""
    from pipelines.admin.promises.check_promises import check_promises
    from pipelines.cli.screens import Screen

    results = tuple(check_promises(workspace))
    Screen(as_json).show_promises(results)
    if not all(result.is_kept for result in results):
        raise typer.Exit(1)

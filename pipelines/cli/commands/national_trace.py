"""`bcf national-trace …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.commands.arguments import Json, Why, WorkspaceFolder, command_group, example_help

app = command_group("Trace unlinked people with the Master Person Service (MPS): export a request, import the response. No value is ever shown.")

Extract = Annotated[str, typer.Argument(help="Source whose people are traced, such as adult_social_care.", show_default=False)]


@app.command(epilog=example_help('bcf national-trace export southampton adult_social_care --why "clients without a number"'))
def export(
    workspace: WorkspaceFolder,
    extract: Extract,
    why: Why,
    run: Annotated[str, typer.Option(help="Run that did not link them; the current publication by default.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Path of the request; in the vault by default.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Write a trace request: the people whom a run did not link and whose records have enough details to search by."""
    from pipelines.admin import national_trace
    from pipelines.cli.screens import Screen

    request = national_trace.export_trace_request(workspace, extract, why, run, out)
    document = {"file": str(request.path), "people": request.people, "run": request.run, "workflow": request.workflow}
    Screen(as_json).show_message(
        document, f"{request.path}: {request.people:,} people. Send it over MESH, workflow {request.workflow}; then import the response."
    )


@app.command("import", epilog=example_help('bcf national-trace import southampton adult_social_care answer.csv --why "answer of October"'))
def import_answer(
    workspace: WorkspaceFolder,
    extract: Extract,
    file: Annotated[Path, typer.Argument(help="The response to the last export of that source, unchanged.", show_default=False)],
    why: Why,
    as_json: Json = False,
) -> None:
    """Import the MPS response. The next run looks up each found number on the GP register. Remove the file afterwards."""
    from pipelines.admin import national_trace
    from pipelines.cli.screens import Screen

    answer = national_trace.import_trace_answer(workspace, extract, file, why)
    words = (
        f"{answer.people_found:,} of {answer.people:,} people were found; the next run looks them up on the GP register. "
        f"Now remove {file}: a sealed copy is in the vault."
    )
    Screen(as_json).show_message({"people": answer.people, "found": answer.people_found}, words)

"""`bcf opt-outs …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.commands.arguments import Json, Why, WorkspaceFolder, command_group, example_help

app = command_group("Check deliveries against the national data opt-out, and keep the list of local objections. No NHS number is ever shown.")


@app.command(epilog=example_help('bcf opt-outs export southampton --why "run of October"'))
def export(
    workspace: WorkspaceFolder,
    why: Why,
    out: Annotated[Path | None, typer.Option(help="Path of the file; in the vault by default.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Write the NHS numbers of all deliveries to the file that the national data opt-out service checks. Send it over MESH."""
    from pipelines.admin import opt_outs
    from pipelines.cli.screens import Screen

    exported = opt_outs.export_opt_out_check(workspace, why, out)
    route = f"over MESH, workflow {exported.workflow}, to {exported.recipient}"
    words = f"{exported.path}: {exported.numbers:,} numbers. Send it {route}; the response may be used until {exported.until}."
    document = {
        "file": str(exported.path),
        "numbers": exported.numbers,
        "workflow": exported.workflow,
        "recipient": exported.recipient,
        "until": str(exported.until),
    }
    Screen(as_json).show_message(document, words)


@app.command(
    "import",
    epilog=example_help(
        'bcf opt-outs import southampton answer.dat --why "run of October"', 'bcf opt-outs import southampton letters.txt --local --why "letters of October"'
    ),
)
def import_list(
    workspace: WorkspaceFolder,
    file: Annotated[
        Path, typer.Argument(help="The response, unchanged; with --local, the NHS numbers of all people who object, one a line.", show_default=False)
    ],
    why: Why,
    local: Annotated[bool, typer.Option("--local", help="The file is the list of local objections. It replaces the one before.")] = False,
    as_json: Json = False,
) -> None:
    """Import the response of the national service, or the list of local objections. Remove the file afterwards: a sealed copy is in the vault."""
    from pipelines.admin import opt_outs
    from pipelines.cli.screens import Screen

    imported = opt_outs.import_local(workspace, file, why) if local else opt_outs.import_national(workspace, file, why)
    until = f" The response may be used until {imported.until}." if imported.until else ""
    document = {"objection": str(imported.objection), "numbers": imported.numbers, "objecting": imported.objecting, "until": str(imported.until or "")}
    Screen(as_json).show_message(
        document, f"{imported.objecting:,} of {imported.numbers:,} numbers object.{until} Now remove {file}: a sealed copy is in the vault."
    )


@app.command(epilog=example_help('bcf opt-outs empty southampton --why "all letters were withdrawn"'))
def empty(workspace: WorkspaceFolder, why: Why, as_json: Json = False) -> None:
    """Empty the list of local objections; the next run counts everybody again. An import cannot do this: an empty file may be a truncated one."""
    from pipelines.admin import opt_outs
    from pipelines.cli.screens import Screen

    numbers = opt_outs.empty_local(workspace, why)
    Screen(as_json).show_message({"numbers": numbers}, f"The list of local objections is empty; {numbers:,} numbers were removed.")

"""`bcf opt-outs …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import Json, Why, Workspace, example, group

app = group("Who objects: the check against the national data opt-out, and the list of local objections. No number is ever shown.")


@app.command(epilog=example('bcf opt-outs export southampton --why "run of October"'))
def export(
    workspace: Workspace,
    why: Why,
    out: Annotated[Path | None, typer.Option(help="Where the file goes; unless named, into the vault.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Write the NHS numbers of all deliveries to the file that the national service checks, to be sent over MESH."""
    from pipelines import opt_outs
    from pipelines.screens import Screen

    given = opt_outs.export(workspace, why, out)
    way = f"over MESH, workflow {given.workflow}, to {given.recipient}"
    words = f"{given.path}: {given.numbers:,} numbers. Send it {way}; its answer may be used through {given.until}."
    told = {"file": str(given.path), "numbers": given.numbers, "workflow": given.workflow, "recipient": given.recipient, "until": str(given.until)}
    Screen(as_json).told(told, words)


@app.command(
    "import",
    epilog=example(
        'bcf opt-outs import southampton answer.dat --why "run of October"', 'bcf opt-outs import southampton letters.txt --local --why "letters of October"'
    ),
)
def take(
    workspace: Workspace,
    file: Annotated[Path, typer.Argument(help="The answer as it came, or with --local everybody who objects: one NHS number a line.", show_default=False)],
    why: Why,
    local: Annotated[bool, typer.Option("--local", help="The file is the list of local objections, in place of the one before it.")] = False,
    as_json: Json = False,
) -> None:
    """Take the answer of the national service, or the list of local objections. Afterwards remove the file: a sealed copy is in the vault."""
    from pipelines import opt_outs
    from pipelines.screens import Screen

    taken = opt_outs.import_local(workspace, file, why) if local else opt_outs.import_national(workspace, file, why)
    until = f" It may be used through {taken.until}." if taken.until else ""
    told = {"objection": str(taken.objection), "numbers": taken.numbers, "objecting": taken.objecting, "until": str(taken.until or "")}
    Screen(as_json).told(told, f"{taken.objecting:,} of {taken.numbers:,} numbers object.{until} Now remove {file}: a sealed copy is in the vault.")


@app.command(epilog=example('bcf opt-outs empty southampton --why "all letters were withdrawn"'))
def empty(workspace: Workspace, why: Why, as_json: Json = False) -> None:
    """Empty the list of local objections, which an import cannot do, as an empty file may be one that broke off. The next run counts everybody again."""
    from pipelines import opt_outs
    from pipelines.screens import Screen

    numbers = opt_outs.empty_local(workspace, why)
    Screen(as_json).told({"numbers": numbers}, f"The list of local objections is empty; it held {numbers:,} numbers.")

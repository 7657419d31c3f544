"""`bcf national-trace …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import Json, Why, Workspace, example, group

app = group("The national service: a request about people whom a run did not find, in the layout of MPS, and its answer. No value is ever shown.")

Extract = Annotated[str, typer.Argument(help="The source whose people are asked about, such as adult_social_care.", show_default=False)]


@app.command(epilog=example('bcf national-trace export southampton adult_social_care --why "clients without a number"'))
def export(
    workspace: Workspace,
    extract: Extract,
    why: Why,
    run: Annotated[str, typer.Option(help="The run that did not find them; the current publication's unless named.", show_default=False)] = "",
    out: Annotated[Path | None, typer.Option(help="Where the request goes; unless named, into the vault.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Write the people whom a run did not find, and who tell enough to be looked for, as a request to the national service."""
    from pipelines import national_trace
    from pipelines.screens import Screen

    given = national_trace.export(workspace, extract, why, run, out)
    told = {"file": str(given.path), "people": given.people, "run": given.run, "workflow": given.workflow}
    Screen(as_json).told(told, f"{given.path}: {given.people:,} people. Send it over MESH, workflow {given.workflow}; then import the answer.")


@app.command("import", epilog=example('bcf national-trace import southampton adult_social_care answer.csv --why "answer of October"'))
def take(
    workspace: Workspace,
    extract: Extract,
    file: Annotated[Path, typer.Argument(help="The response as it came, to the last export of that source.", show_default=False)],
    why: Why,
    as_json: Json = False,
) -> None:
    """Take the national service's answer. The next run puts each number that it found to the register. Afterwards remove the file."""
    from pipelines import national_trace
    from pipelines.screens import Screen

    taken = national_trace.take(workspace, extract, file, why)
    words = f"{taken.found:,} of {taken.people:,} people were found; the next run puts them to the register. Now remove {file}: a sealed copy is in the vault."
    Screen(as_json).told({"people": taken.people, "found": taken.found}, words)

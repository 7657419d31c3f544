"""`bcf audit …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import Json, Workspace, example, group

app = group("The trail: everything done in a workspace, each line holding the digest of the one before it.")


@app.command(
    epilog=example("bcf audit verify southampton", "bcf audit verify southampton --json > head.json", "bcf audit verify southampton --noted head.json")
)
def verify(
    workspace: Workspace,
    noted: Annotated[
        Path | None, typer.Option(help="An earlier answer of this command, kept elsewhere: the trail must still lead through it.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether the trail is as it was written, and if not, where. Exit 1 if it is not."""
    from pipelines import auditing
    from pipelines.screens import Screen

    verdict = auditing.verify(workspace, noted)
    lines = "\n".join(f"line {fault.line} {fault.words}" for fault in verdict.faults)
    Screen(as_json).told(verdict.as_json(), lines or f"The trail is whole: {verdict.lines:,} lines, head {verdict.head.line}, {verdict.head.sha256}.")
    if verdict.faults:
        raise typer.Exit(1)


@app.command(epilog=example("bcf audit show southampton", "bcf audit show southampton --what re-identification --last 100"))
def show(
    workspace: Workspace,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest lines.")] = 20,
    what: Annotated[str, typer.Option(help="Only what was done under words that begin so: run, key, re-identification, prune.", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Show the newest lines of the trail; with --json, all that each says."""
    from pipelines import auditing
    from pipelines.screens import Screen

    found, screen = auditing.entries(workspace, last, what), Screen(as_json)
    screen.listed(list(found) if as_json else [auditing.shown(entry) for entry in found])


@app.command(epilog=example("bcf audit export southampton --out trail.csv"))
def export(workspace: Workspace, out: Annotated[Path, typer.Option(help="A new file, .json or .csv.", show_default=False)], as_json: Json = False) -> None:
    """Write the whole trail and whether it holds, for somebody else to read. Exit 1 if it does not hold."""
    from pipelines import auditing
    from pipelines.screens import Screen

    verdict = auditing.export(workspace, out)
    Screen(as_json).told(verdict.as_json(), f"{out}: {verdict.lines:,} lines.")


@app.command(epilog=example("bcf audit promises southampton", "bcf audit promises southampton --json > promises.json"))
def promises(workspace: Workspace, as_json: Json = False) -> None:
    """Look whether this workspace keeps each of its fifteen promises, and on what evidence. Nothing in it is changed. Exit 1 if one is broken."""
    from pipelines.promises.checking import judged
    from pipelines.screens import Screen

    found = tuple(judged(workspace))
    Screen(as_json).promises(found)
    if not all(one.kept for one in found):
        raise typer.Exit(1)

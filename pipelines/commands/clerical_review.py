"""`bcf clerical-review …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import Json, Why, Workspace, example, group

app = group("Links for a person to read: a sample of those that no number confirmed, and what was found. Only counts are kept.")

Extract = Annotated[str, typer.Argument(help="The source whose links are read, such as adult_social_care.", show_default=False)]
Run = Annotated[str, typer.Option(help="The run whose links they are; the current publication's unless named.", show_default=False)]


@app.command(epilog=example('bcf clerical-review export southampton adult_social_care --why "review of October"'))
def export(
    workspace: Workspace,
    extract: Extract,
    why: Why,
    run: Run = "",
    out: Annotated[Path | None, typer.Option(help="Where the sheet goes; unless named, into the vault.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Write pairs of a record and the entry that it was linked to, each with a blank verdict to fill in: same, another, or cannot tell."""
    from pipelines import clerical
    from pipelines.screens import Screen

    sheet = clerical.export(workspace, extract, why, run, out)
    words = f"{sheet.path}: {sheet.pairs:,} pairs. Fill in each verdict (same, another, cannot tell), then import the sheet."
    Screen(as_json).told({"sheet": str(sheet.path), "pairs": sheet.pairs, "run": sheet.run}, words)


@app.command("import", epilog=example('bcf clerical-review import southampton adult_social_care sheet.csv --why "review of October"'))
def take(
    workspace: Workspace,
    extract: Extract,
    sheet: Annotated[Path, typer.Argument(help="The sheet, its verdicts filled in.", show_default=False)],
    why: Why,
    run: Run = "",
    as_json: Json = False,
) -> None:
    """Count the verdicts of a sheet, and record the counts. Afterwards remove the sheet."""
    from pipelines import clerical
    from pipelines.screens import Screen

    read = clerical.take(workspace, extract, sheet, why, run)
    judged = "" if read.right is None else " Right: {:.1%} ({:.1%} to {:.1%}).".format(*read.right)
    words = ", ".join(f"{pairs:,} {verdict}" for verdict, pairs in read.verdicts.items())
    Screen(as_json).told({**read.verdicts, "right": read.right}, f"{words}.{judged} Now remove {sheet}.")

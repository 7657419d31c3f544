"""`bcf clerical-review …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.commands.arguments import Json, Why, WorkspaceFolder, command_group, example_help

app = command_group("Clerical review: export a sample of links that no NHS number confirms, and import the verdicts. Only counts are kept.")

Extract = Annotated[str, typer.Argument(help="Source whose links are reviewed, such as adult_social_care.", show_default=False)]
Run = Annotated[str, typer.Option(help="Run that made the links; the current publication by default.", show_default=False)]


@app.command(epilog=example_help('bcf clerical-review export southampton adult_social_care --why "review of October"'))
def export(
    workspace: WorkspaceFolder,
    extract: Extract,
    why: Why,
    run: Run = "",
    out: Annotated[Path | None, typer.Option(help="Path of the sheet; in the vault by default.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Write a sheet of pairs: a record and the register entry it was linked to. A reviewer fills in each verdict: same, another, or cannot tell."""
    from pipelines.admin import clerical_review
    from pipelines.cli.screens import Screen

    sheet = clerical_review.export_review_sheet(workspace, extract, why, run, out)
    words = f"{sheet.path}: {sheet.pairs:,} pairs. Fill in each verdict (same, another, cannot tell), then import the sheet."
    Screen(as_json).show_message({"sheet": str(sheet.path), "pairs": sheet.pairs, "run": sheet.run}, words)


@app.command("import", epilog=example_help('bcf clerical-review import southampton adult_social_care sheet.csv --why "review of October"'))
def import_sheet(
    workspace: WorkspaceFolder,
    extract: Extract,
    sheet: Annotated[Path, typer.Argument(help="The sheet with its verdicts filled in.", show_default=False)],
    why: Why,
    run: Run = "",
    as_json: Json = False,
) -> None:
    """Count the verdicts of a sheet and record the counts in the audit log. Remove the sheet afterwards."""
    from pipelines.admin import clerical_review
    from pipelines.cli.screens import Screen

    review = clerical_review.import_review_sheet(workspace, extract, sheet, why, run)
    precision = "" if review.precision is None else " Right: {:.1%} ({:.1%} to {:.1%}).".format(*review.precision)
    words = ", ".join(f"{pairs:,} {verdict}" for verdict, pairs in review.verdicts.items())
    Screen(as_json).show_message({**review.verdicts, "precision": review.precision}, f"{words}.{precision} Now remove {sheet}.")

"""Arguments that several commands share, and the example in a command's help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
WorkspaceFolder = Annotated[Path, typer.Argument(help="Folder of the workspace, with its locality.toml.", show_default=False)]
Why = Annotated[str, typer.Option(help="Reason, recorded in the audit log.", show_default=False)]


def example_help(*lines: str) -> str:
    """Format the examples at the end of a command's help."""
    return "[bold]Example[/bold]\n\n" + "\n\n".join(f"  $ {line}" for line in lines)


def command_group(words: str) -> typer.Typer:
    """Make a group of commands with its help text."""
    return typer.Typer(
        help=words, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]}
    )

"""Arguments that many commands share, and how a command's help shows what to type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for a machine to read.")]
Workspace = Annotated[Path, typer.Argument(help="The workspace's folder, the one that holds locality.toml.", show_default=False)]
Why = Annotated[str, typer.Option(help="Why; it stands in the trail.", show_default=False)]


def example(*lines: str) -> str:
    """The epilogue of a command's help: what to type."""
    return "[bold]Example[/bold]\n\n" + "\n\n".join(f"  $ {line}" for line in lines)


def group(words: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        help=words, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]}
    )

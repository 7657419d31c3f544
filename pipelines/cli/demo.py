"""`bcf synth` makes a synthetic locality; `bcf demo` makes one and runs it. No live run imports this module."""

from __future__ import annotations

import shutil
from datetime import date
from itertools import count
from pathlib import Path
from typing import Literal

from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import make_folders_private
from pipelines.cli.run_once import run_once
from pipelines.cli.screens import Screen
from pipelines.support import progress
from pipelines.workspace.key_access import create_vault
from pipelines.workspace.settings import SETTINGS_FILE, read_settings
from pipelines.workspace.summary import Row, Summary

AS_AT = date(2014, 9, 30)
"""Last day of a synthetic locality's two years: six months after the start of the enhanced service that the BCF plans rely on."""


def write_synthetic_workspace(locality: str, people: int, seed: int, out: Path, file_format: Literal["csv", "parquet"], screen: Screen) -> list[Row]:
    """Write a synthetic workspace. Return one row per file written: its path, rows and megabytes.

    Raises UsageError if the folder is not empty, EnvironmentFault if it cannot be written.
    """
    from synthetic import locality_toml, profiles
    from synthetic.make_locality import STEPS, make_locality

    profile = profiles.load_profile(locality)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out}: is not empty; choose another folder")
    try:
        with screen.show_progress():
            step_numbers = count(1)
            files = make_locality(
                locality, people, seed, out, file_format, AS_AT, progress=lambda step: progress.announce(step, next(step_numbers), len(STEPS))
            )
        (out / SETTINGS_FILE).write_text(locality_toml.render_settings(profile), encoding="utf-8")
        create_vault(out)
        make_folders_private(Workspace(out))
    except OSError as error:
        raise EnvironmentFault(f"{out}: cannot be written ({error.strerror}); check the free space and the right to write") from None
    return [{"file": str(file.path), "rows": file.rows, "megabytes": file.size / 1e6} for file in files]


def run_demo(locality: str, people: int, seed: int, out: Path, with_prefect: bool, screen: Screen) -> Summary:
    """Make a synthetic locality and run it. Replace an earlier demo in the folder; raise UsageError for anything else there."""
    if out.exists() and any(out.iterdir()):
        _refuse_unless_synthetic(out)
        shutil.rmtree(out)
    write_synthetic_workspace(locality, people, seed, out, "csv", screen)
    return run_once(out, AS_AT, "polars", with_prefect, screen, why="demonstration")


def _refuse_unless_synthetic(out: Path) -> None:
    try:
        is_synthetic = (out / "truth").is_dir() and read_settings(out).kind == "synthetic"
    except UsageError:
        is_synthetic = False
    if not is_synthetic:
        raise UsageError(f"{out}: is not empty and is no earlier demo; choose another folder with --out")

"""The synthetic locality on the command line: made with `bcf synth`, made and run with `bcf demo`. No live run comes this way."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Literal

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import close_to_others
from pipelines import progress
from pipelines.custody import begin_vault
from pipelines.judging import bench
from pipelines.running import run_once
from pipelines.screens import Screen
from pipelines.settings import FILE, read_settings
from pipelines.summary import Row, Summary

AS_AT = date(2014, 9, 30)
"""The day on which a synthetic locality's two years end: six months into the enhanced service that the plans lean on."""


def synthesise(locality: str, people: int, seed: int, out: Path, file_format: Literal["csv", "parquet"], screen: Screen) -> list[Row]:
    """Write a synthetic workspace; gives back one row per file written. Raises RequestRefused where there is a workspace already."""
    from synthetic import locality_toml, profiles
    from synthetic.make import STEPS, make

    profile = profiles.load(locality)
    if out.exists() and any(out.iterdir()):
        raise RequestRefused(f"{out}: is there already and not empty; choose another folder")
    try:
        with screen.progress():
            told = iter(range(1, len(STEPS) + 1))
            made = make(locality, people, seed, out, file_format, AS_AT, progress=lambda step: progress.tell(step, next(told), len(STEPS)))
        (out / FILE).write_text(locality_toml.render(profile), encoding="utf-8")
        begin_vault(out)
        close_to_others(Workspace(out))
    except OSError as error:
        raise EnvironmentRefused(f"{out}: could not be written ({error.strerror}); look at the space and the right to write") from None
    return [{"file": str(file.path), "rows": file.rows, "megabytes": file.size / 1e6} for file in made]


def demonstrate(locality: str, people: int, seed: int, out: Path, with_prefect: bool, screen: Screen) -> Summary:
    """A synthetic locality, made and run. Replaces an earlier demo, and nothing else."""
    if out.exists() and any(out.iterdir()):
        _refuse_unless_synthetic(out)
        shutil.rmtree(out)
    bench()  # It takes seconds to begin, in which people are made up.
    synthesise(locality, people, seed, out, "csv", screen)
    return run_once(out, AS_AT, "polars", with_prefect, screen, why="demonstration")


def _refuse_unless_synthetic(out: Path) -> None:
    try:
        synthetic = (out / "truth").is_dir() and read_settings(out).kind == "synthetic"
    except RequestRefused:
        synthetic = False
    if not synthetic:
        raise RequestRefused(f"{out}: is there already and is no earlier demo; choose another folder with --out")

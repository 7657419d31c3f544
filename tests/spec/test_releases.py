"""Releases on disk: which came before which, what is kept of them, and the log."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.storage.releases import SUMMARY, TOLD, Release, before, log, read_release, told_by, write_release
from bcf_linkage.storage.store import Workspace

ACCOUNT = {"table": "t", "cells": 9, "shown": 6, "guarded": 2, "company": 1, "tried": 2, "fewest_possible": 7, "narrowed": 0}
ROW = ("a | practice | x | 2014", None, "area", None, 3, 1, 1 << 60, 1, 7, 0, 1 << 60)


def release(workspace: Workspace, run: str) -> Release:
    made = Release(run, date(2014, 9, 30), "hes7r5", before(workspace, run), (ACCOUNT,))
    workspace.audit(run).mkdir(parents=True, exist_ok=True)
    write_release(made, [ROW], workspace.audit(run))
    return made


def test_a_release_comes_after_those_that_are_out(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert [release(workspace, run).after for run in ("c", "a", "b")] == [(), ("c",), ("c", "a")]


def test_a_run_that_is_made_again_comes_after_what_came_before_it_the_first_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for run in ("c", "a", "b"):
        release(workspace, run)
    first = (workspace.audit("a") / SUMMARY).read_bytes(), (workspace.audit("a") / TOLD).read_bytes()
    assert release(workspace, "a").after == ("c",)
    assert ((workspace.audit("a") / SUMMARY).read_bytes(), (workspace.audit("a") / TOLD).read_bytes()) == first


def test_what_was_told_is_read_as_it_was_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = release(workspace, "a")
    assert told_by(workspace, "a") == [ROW]
    assert read_release(workspace.audit("a")) == made


@pytest.mark.parametrize("file", [SUMMARY, TOLD])
def test_without_what_a_release_told_nothing_can_be_protected_against_it(tmp_path: Path, file: str) -> None:
    workspace = Workspace(tmp_path)
    release(workspace, "a")
    (workspace.audit("a") / file).write_bytes(b"{")
    with pytest.raises(EnvironmentRefused, match="put it back from a copy"):
        [told_by(workspace, run) for run in before(workspace, "b")]


def test_the_log_has_a_line_each_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = release(workspace, "a")
    for _ in range(2):
        path = log(workspace, made, datetime(2014, 10, 1, tzinfo=UTC), {"tables/t.parquet": "ab", "csv/t.csv": "cd"})
    lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(lines) == 2
    assert lines[0] | {"run": "a", "cells": "9", "company": "1", "tables": "tables/t.parquet=ab"} == lines[0]

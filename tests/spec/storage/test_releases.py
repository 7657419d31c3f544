"""Releases on disk: which came before which, what is kept of them, and the log."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.storage.releases import (
    COUNTS_FILE,
    SUMMARY_FILE,
    ReleaseRecord,
    append_to_log,
    list_earlier_releases,
    read_release,
    read_released_counts,
    write_release,
)
from bcf_linkage.storage.store import Workspace

ACCOUNT = {"table": "t", "cells": 9, "shown": 6, "primary_suppressed": 2, "secondary_suppressed": 1, "attacked": 2, "fewest_possible": 7, "narrowed": 0}
ROW = ("a | practice | x | 2014", None, "area", None, 3, 1, 1 << 60, 1, 7, 0, 1 << 60)


def release(workspace: Workspace, run: str) -> ReleaseRecord:
    record = ReleaseRecord(run, date(2014, 9, 30), "hes7r5", list_earlier_releases(workspace, run), (ACCOUNT,))
    workspace.audit(run).mkdir(parents=True, exist_ok=True)
    write_release(record, [ROW], workspace.audit(run))
    return record


def test_a_release_comes_after_those_that_are_out(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert [release(workspace, run).after for run in ("c", "a", "b")] == [(), ("c",), ("c", "a")]


def test_a_run_that_is_made_again_comes_after_what_came_before_it_the_first_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for run in ("c", "a", "b"):
        release(workspace, run)
    first = (workspace.audit("a") / SUMMARY_FILE).read_bytes(), (workspace.audit("a") / COUNTS_FILE).read_bytes()
    assert release(workspace, "a").after == ("c",)
    assert ((workspace.audit("a") / SUMMARY_FILE).read_bytes(), (workspace.audit("a") / COUNTS_FILE).read_bytes()) == first


def test_what_was_told_is_read_as_it_was_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    record = release(workspace, "a")
    assert read_released_counts(workspace, "a") == [ROW]
    assert read_release(workspace.audit("a")) == record


@pytest.mark.parametrize("file", [SUMMARY_FILE, COUNTS_FILE])
def test_without_what_a_release_told_nothing_can_be_protected_against_it(tmp_path: Path, file: str) -> None:
    workspace = Workspace(tmp_path)
    release(workspace, "a")
    (workspace.audit("a") / file).write_bytes(b"{")
    with pytest.raises(EnvironmentFault, match="restore the file from a copy"):
        [read_released_counts(workspace, run) for run in list_earlier_releases(workspace, "b")]


def test_the_log_has_a_line_each_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    record = release(workspace, "a")
    for _ in range(2):
        path = append_to_log(workspace, record, datetime(2014, 10, 1, tzinfo=UTC), {"tables/t.parquet": "ab", "csv/t.csv": "cd"})
    lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(lines) == 2
    assert lines[0] | {"run": "a", "cells": "9", "secondary_suppressed": "1", "tables": "tables/t.parquet=ab"} == lines[0]

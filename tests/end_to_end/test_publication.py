"""The last step of a run, when the disk fails in the midst of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcf_linkage.definitions.errors import MayPass
from pipelines import disclosure, publish
from pipelines.refresh import Request, refresh
from tests.conftest import AS_AT


def test_a_publication_that_was_swapped_in_and_not_noted_is_finished_by_the_next_attempt(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note, attempts = disclosure.note, []

    def fails_at_first(*arguments: Any) -> None:
        attempts.append(arguments)
        if len(attempts) == 1:
            raise MayPass("the disk went away")
        note(*arguments)

    def until_it_succeeds(step: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return step(*arguments)
        except MayPass:
            assert step is publish.publish
            return step(*arguments)

    monkeypatch.setattr(disclosure, "note", fails_at_first)
    summary = refresh(Request(workspace, AS_AT), until_it_succeeds)
    assert len(attempts) == 2
    assert summary.published == (workspace / "published" / "current").resolve()
    assert (workspace / "audit" / "releases.csv").read_text().count(summary.run_id) == 1
    assert not list((workspace / ".staging").glob("*"))

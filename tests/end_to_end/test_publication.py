"""The last step of a run when the disk fails in the middle of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bcf_linkage.definitions.errors import TransientError
from pipelines.publish import disclosure
from pipelines.refresh import Request, refresh
from tests.conftest import AS_AT

T = TypeVar("T")


def test_a_publication_that_is_current_but_not_logged_is_finished_by_the_next_attempt(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_release, attempts = disclosure.log_release, []

    def fail_at_first(*arguments: Any) -> None:
        attempts.append(arguments)
        if len(attempts) == 1:
            raise TransientError("the disk went away")
        log_release(*arguments)

    def retry_publish(label: str, step: Callable[[], T]) -> T:
        try:
            return step()
        except TransientError:
            assert label == "publish"
            return step()

    monkeypatch.setattr(disclosure, "log_release", fail_at_first)
    summary = refresh(Request(workspace=workspace, as_at=AS_AT), retry_publish)
    assert len(attempts) == 2
    assert summary.published == (workspace / "published" / "current").resolve()
    assert (workspace / "audit" / "releases.csv").read_text().count(summary.run_id) == 1
    assert not list((workspace / ".staging").glob("*"))

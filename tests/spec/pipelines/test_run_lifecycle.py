"""The life of a run: its announced steps, what it drops from memory, and the lists that it removes. Every step, object and list is counted."""

from __future__ import annotations

import gc
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Lock
from typing import TypeVar, cast

import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.identifiable.vault import vault as vault_module
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, source_list_names, write_source_list
from bcf_linkage.storage.ledger import SCHEMA, write_ledger
from bcf_linkage.storage.store import Workspace
from pipelines.cli.demo import write_synthetic_workspace
from pipelines.cli.screens import Screen
from pipelines.receive import deliveries, validation_worker
from pipelines.receive.objections import Objections
from pipelines.receive.receive import ReceivedExtract, write_received_counts
from pipelines.receive.row_outcomes import LedgerEntry
from pipelines.receive.tokens import TokenCache
from pipelines.receive.validation_worker import ValidationWorker
from pipelines.refresh import Request, refresh
from pipelines.support.concurrency import run_concurrently
from pipelines.support.progress import StepRunner, subscribe, with_progress
from pipelines.support.sanitise_errors import sanitise_errors
from pipelines.workspace import settings as settings_module
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.run_context import RunContext, run_context
from pipelines.workspace.runs import Delivery
from pipelines.workspace.settings import read_settings
from tests.conftest import AS_AT, context_of

T = TypeVar("T")

Announcement = tuple[str, int, int]
"""The label of a step, its number and the number of steps."""

SOURCE = "adult_social_care"
UNKNOWN, PUBLISHED = "2014-07-31-aaaaaaaaaa", "2014-08-31-bbbbbbbbbb"
"""A run that was refused after it wrote its lists, and a published run, which has an audit folder."""

HOLDERS_OF_IDENTIFIERS = (Register, Objections, TokenCache)
"""Classes that contain identifiers while a run receives and validates deliveries."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic workspace of 300 people. Never changed by a test."""
    folder = tmp_path_factory.mktemp("small") / "southampton"
    write_synthetic_workspace("southampton", 300, 7, folder, "csv", Screen(as_json=True))
    return folder


@pytest.fixture
def workspace(small: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(small, tmp_path / "southampton", symlinks=True))


def without(workspace: Path, *extracts: str) -> None:
    """Remove sources from a workspace."""
    file = workspace / "locality.toml"
    text = file.read_text(encoding="utf-8")
    for extract in extracts:
        shutil.rmtree(workspace / "landing" / extract)
        text, changed = re.subn(rf"\[sources\.{extract}\]\n(?:.+\n)+", "", text)
        assert changed == 1
    file.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class FinishedRun:
    """The objects with identifiers left after a run, their number by class before they were dropped, the lists of a source, and the run's id."""

    counts: dict[type[object], int]
    left: tuple[object, ...]
    lists: dict[SourceListKind, tuple[str, ...]]
    run_id: str


def objects_with_identifiers(ignored: Sequence[object] = ()) -> list[object]:
    """Find every object in this process that contains identifiers of a run, except those given."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, HOLDERS_OF_IDENTIFIERS) and not any(each is other for other in ignored)]


@pytest.fixture(scope="module")
def ran(small: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run that receives the register and one source and balances the ledger. Its vault has lists of a refused and of a published run.

    The run stops there: the later steps hold no identifiers.
    """
    folder = Path(shutil.copytree(small, tmp_path_factory.mktemp("ran") / "southampton", symlinks=True))
    without(folder, "gp_events", "hospital_admissions", "emergency_care", "outpatients")
    file = folder / "locality.toml"
    passes = '"nhs_number: check_digit" = { tolerance_percent = 100, owner = "a test", reason = "few people" }\n'
    text, changed = re.subn(r"(\[gate\.adult_social_care\]\n)", rf"\g<1>{passes}", file.read_text(encoding="utf-8"))
    assert changed == 1
    file.write_text(text, encoding="utf-8")
    vault = vault_of(folder, read_settings(folder))
    Workspace(folder).audit(PUBLISHED).mkdir(parents=True)
    for kind in (SourceListKind.WORK_LISTS, SourceListKind.REQUESTS, SourceListKind.REVIEW_PAIRS, SourceListKind.ANSWERS):
        for run in (UNKNOWN, PUBLISHED):
            write_source_list(vault, kind, SOURCE, run, pl.DataFrame({"identity": ["a"], "national_number": ["9990000018"]}))
    before, counts, run_ids = objects_with_identifiers(), dict[type[object], int](), list[str]()
    with pytest.raises(DataQualityError, match="given up"):
        _receive_and_stop(Request(workspace=folder, as_at=AS_AT), before, counts, run_ids)
    return FinishedRun(
        counts=counts,
        left=tuple(objects_with_identifiers(before)),
        lists={kind: source_list_names(vault, kind, SOURCE) for kind in SourceListKind},
        run_id=run_ids[0],
    )


def _receive_and_stop(request: Request, before: Sequence[object], counts: dict[type[object], int], run_ids: list[str]) -> None:
    with run_context(request) as run:
        run_ids.append(run.run_id)
        for extract in run.extracts:
            deliveries.receive_extract(run, extract)
        for kind in HOLDERS_OF_IDENTIFIERS:
            counts[kind] = sum(isinstance(each, kind) for each in objects_with_identifiers(before))
        deliveries.balance_ledger(run)
        raise DataQualityError("given up: nothing is published")


# --- steps --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken_out", "steps"),
    [
        # Six extracts are received, then: ledger, link, register, stratify, count, manifest, publish. 6 + 7 steps.
        ((), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
        (("outpatients",), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (("outpatients", "emergency_care"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ],
)
def test_every_step_of_a_run_is_announced_once_and_numbered_to_the_last(taken_out: tuple[str, ...], steps: list[int], workspace: Path) -> None:
    """Each step is counted, not run."""
    without(workspace, *taken_out)
    announced: list[Announcement] = []
    counted, counting = [], Lock()

    def count_only(label: str, step: Callable[[], T]) -> T:
        with counting:
            counted.append(label)
            (run,) = (each.name for each in (workspace / ".staging").iterdir())
            audit = Workspace(workspace).audit(run)
            audit.mkdir(parents=True, exist_ok=True)
            write_ledger(pl.DataFrame(schema=SCHEMA), audit)
        return cast(T, None)

    with subscribe(lambda step, number, total: announced.append((step, number, total))):
        refresh(Request(workspace=workspace, as_at=AS_AT), count_only)
    assert sorted(number for _, number, _ in announced) == steps
    assert {total for _, _, total in announced} == {steps[-1]}
    assert len({step for step, _, _ in announced}) == len(counted) == steps[-1]
    assert announced[0][0] == "read, check and trace gp_registrations"
    assert [step for step, _, _ in announced][-7:] == [
        "check that every row is accounted for",
        "link records to people",
        "seal the re-identification register",
        "stratify people by cost and risk",
        "count cohorts and protect small numbers",
        "write the manifest",
        "publish",
    ]


def test_a_step_is_announced_before_it_runs_and_its_result_is_returned() -> None:
    events: list[object] = []

    def run_step(label: str, step: Callable[[], T]) -> T:
        events.append(f"run: {label}")
        return step()

    run_announced = with_progress(run_step, steps=2)
    with subscribe(lambda step, number, steps: events.append((step, number, steps))):
        assert [run_announced("the larger", partial(max, 1, 2)), run_announced("the smaller", partial(min, 1, 2))] == [2, 1]
    assert events == [("the larger", 1, 2), "run: the larger", ("the smaller", 2, 2), "run: the smaller"]


@pytest.mark.parametrize(("at_once", "meet"), [(2, True), (3, False)])
def test_at_most_two_calls_run_at_a_time(at_once: int, meet: bool) -> None:
    barrier = Barrier(at_once)

    def wait() -> bool:
        try:
            barrier.wait(timeout=1)
        except BrokenBarrierError:
            return False
        return True

    assert run_concurrently([wait] * at_once) == (meet,) * at_once


# --- what is dropped ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HOLDERS_OF_IDENTIFIERS)
def test_no_object_with_identifiers_is_left_once_the_ledger_is_balanced(kind: type[object], ran: FinishedRun) -> None:
    assert ran.counts[kind] > 0
    assert [type(each) for each in ran.left if isinstance(each, kind)] == []


@pytest.mark.parametrize(("read", "balanced"), [(2, False), (3, True), (4, False)])
def test_a_ledger_must_account_for_every_row_exactly_once(read: int, balanced: bool, small: Path, tmp_path: Path) -> None:
    entries = (LedgerEntry("a.csv", Outcome.LINKED, "cross_check", 2), LedgerEntry("a.csv", Outcome.UNREADABLE, "too_few_fields", 1))
    file = tmp_path / "a.csv"
    run = context_of(Path(shutil.copytree(small, tmp_path / "copy", symlinks=True)), "2014-09-30-aaaaaaaaaa", (Delivery("gp_events", file, ""),))
    run.staging.audit.mkdir(parents=True)
    write_received_counts(ReceivedExtract(extract="gp_events", rows_read=read, ledger=entries, rule_counts=(), path=file), run.staging.folder / "received")
    if balanced:
        deliveries.balance_ledger(run)
        return
    with pytest.raises(DataQualityError):
        deliveries.balance_ledger(run)


NUMBER_OF_STEPS = 13


@pytest.mark.parametrize("failing", range(1, NUMBER_OF_STEPS + 1))
def test_a_run_that_fails_at_a_step_leaves_no_identifier_in_memory_and_no_process(failing: int, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step runs, and the run fails right after the step of that number. Objects that it still holds would outlive it."""
    workers: list[ValidationWorker] = []

    def start_own(run: RunContext) -> ValidationWorker:
        workers.append(ValidationWorker())
        run.cache.call_on_close(workers[-1].close)
        return workers[-1]

    monkeypatch.setattr(validation_worker, "start_worker", start_own)
    # In 300 people, a few broken rows are more than a tolerance in percent allows.
    monkeypatch.setattr(deliveries, "find_breaches", lambda verdicts, tolerances: ())
    before, numbers = objects_with_identifiers(), count(1)

    def fail_after(label: str, step: Callable[[], T]) -> T:
        result = step()
        if next(numbers) == failing:
            raise DataQualityError(f"given up after: {label}")
        return result

    with pytest.raises(DataQualityError, match="given up after"):
        _refresh_sanitised(Request(workspace=workspace, as_at=AS_AT), fail_after)
    assert [type(each) for each in objects_with_identifiers(before)] == []
    assert workers
    assert all(worker.has_ended for worker in workers)
    assert not (workspace / ".staging").exists() or not list((workspace / ".staging").iterdir())


def _refresh_sanitised(request: Request, run_step: StepRunner) -> None:
    """Run a refresh as the command line does: its error has no frame of the run."""
    sanitise_errors(refresh, request, run_step)


def test_a_run_that_is_killed_leaves_no_process_of_its_own(workspace: Path) -> None:
    script = f"""
import os, signal
from datetime import date
from pathlib import Path
from pipelines.receive import deliveries, validation_worker
from pipelines.workspace.run_context import Request, run_context
with run_context(Request(Path({str(workspace)!r}), date(2014, 9, 30))) as run:
    print(run.once(validation_worker.start_worker)._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert wait_until(lambda: not Path(f"/proc/{process.stdout.strip()}").exists(), seconds=60)


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while not (is_true := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return is_true


def test_nothing_is_in_the_vault_of_an_extract_that_the_gate_refuses(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Extracts are received, then validated, then written: the vault is written to last."""
    before = {file for file in (workspace / "vault").rglob("*") if file.is_file()}

    def refuse(*_: object) -> None:
        raise DataQualityError("broken too often")

    monkeypatch.setattr(deliveries, "raise_on_breaches", refuse)
    with pytest.raises(DataQualityError, match="broken too often"):
        refresh(Request(workspace=workspace, as_at=AS_AT))
    assert {file for file in (workspace / "vault").rglob("*") if file.is_file()} == before


def test_a_run_parses_its_settings_once_and_fetches_each_key_once(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, fetched_keys = [], []
    read, fetch = settings_module.tomllib.loads, vault_module.fetch_key
    monkeypatch.setattr(settings_module.tomllib, "loads", lambda text: parsed.append(text) or read(text))
    monkeypatch.setattr(vault_module, "fetch_key", lambda source, key_id: fetched_keys.append(key_id) or fetch(source, key_id))
    monkeypatch.setattr(deliveries, "find_breaches", lambda verdicts, tolerances: ())
    refresh(Request(workspace=workspace, as_at=AS_AT))
    assert sum("[locality]" in text for text in parsed) == 1
    assert sorted(fetched_keys) == ["pseudonym-1", "register-1"]


# --- what is removed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [SourceListKind.WORK_LISTS, SourceListKind.REQUESTS, SourceListKind.REVIEW_PAIRS])
def test_lists_of_an_unpublished_run_are_removed_and_others_are_kept(listed: SourceListKind, ran: FinishedRun) -> None:
    assert ran.lists[listed] == (PUBLISHED, ran.run_id)


def test_answers_of_mps_belong_to_no_run_and_are_kept(ran: FinishedRun) -> None:
    assert ran.lists[SourceListKind.ANSWERS] == (UNKNOWN, PUBLISHED)

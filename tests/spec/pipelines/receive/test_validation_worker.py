"""The process that validates deliveries beside a run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import EnvironmentFault, TransientError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import open_deliveries
from expectations.rule_results import check_rows
from expectations.tally import KEY_VIEW, RuleTallies, tally_rows
from pipelines.receive import validation_worker
from pipelines.receive.reading import readable_text
from pipelines.receive.validation_worker import ValidationWorker, WorkerAnswer, validate
from tests.conftest import context_of
from tests.delivery_builder import sound_row, sound_rows, write_delivery

EMERGENCY = EXTRACTS["emergency_care"]


def tally_files(*files: Path) -> RuleTallies:
    return tally_rows(EMERGENCY, readable_text(open_deliveries(EMERGENCY, files)))


@pytest.fixture(scope="module")
def worker() -> Iterator[ValidationWorker]:
    new_worker = ValidationWorker()
    yield new_worker
    new_worker.close()


def test_the_worker_returns_the_same_verdicts_as_validating_here(worker: ValidationWorker, tmp_path: Path) -> None:
    file = write_delivery(tmp_path, EMERGENCY, [*sound_rows(EMERGENCY, 3), sound_row(EMERGENCY, 4, sex="7"), sound_row(EMERGENCY, 5, arrival_date="yesterday")])
    found = worker.verdicts(EMERGENCY.name, tally_files(file))
    assert found == check_rows(EMERGENCY, readable_text(open_deliveries(EMERGENCY, [file])))
    assert {(result.column, result.rule) for result in found if result.failed} >= {("sex", "one_of"), ("arrival_date", "typed")}


def test_two_questions_at_once_get_their_own_answers(worker: ValidationWorker, tmp_path: Path) -> None:
    questions = [tally_files(write_delivery(tmp_path / f"{rows}", EMERGENCY, sound_rows(EMERGENCY, rows))) for rows in (1, 2, 3, 4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda tallies: worker.verdicts(EMERGENCY.name, tallies), questions))
    assert [results[0].rows for results in answers] == [1, 2, 3, 4]


def test_a_tally_longer_than_a_pipe_buffers_arrives_whole(worker: ValidationWorker) -> None:
    values = pl.LazyFrame({name: [f"{name} {n}" for n in range(50_000)] for name in EMERGENCY.names})
    assert worker.verdicts(EMERGENCY.name, tally_rows(EMERGENCY, values)) == check_rows(EMERGENCY, values)


def test_what_cannot_be_validated_is_a_transient_error_without_a_value(worker: ValidationWorker) -> None:
    nothing = RuleTallies(1, {KEY_VIEW: pl.DataFrame({"9990000026": ["9990000026"]})})
    with pytest.raises(TransientError, match=r"^emergency_care: could not be validated \(\w+\); run `bcf doctor` to check the machine$"):
        worker.verdicts(EMERGENCY.name, nothing)


def test_an_error_of_the_worker_is_raised_as_its_own_class(worker: ValidationWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_answer", lambda number: WorkerAnswer(error="EnvironmentFault", message="no such rule"))
    with pytest.raises(EnvironmentFault, match="no such rule"):
        worker.verdicts(EMERGENCY.name, RuleTallies(0, {}))


def test_a_worker_that_was_killed_says_so_and_the_run_starts_another(workspace: Path, tmp_path: Path) -> None:
    tallies = tally_files(write_delivery(tmp_path, EMERGENCY, sound_rows(EMERGENCY, 1)))
    run = context_of(workspace, "2014-09-30-aaaaaaaaaa")
    killed = run.once(validation_worker.start_worker)
    killed._process.kill()
    killed._process.wait()
    with pytest.raises(TransientError, match="has ended; try again"):
        killed.verdicts(EMERGENCY.name, tallies)
    assert validate(run, EMERGENCY.name, tallies)[0].rows == 1
    assert run.once(validation_worker.start_worker) is not killed
    run.cache.close()

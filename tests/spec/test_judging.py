"""The process that judges deliveries beside a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import DataRefused, MayPass, RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import opened
from expectations.check import judge
from pipelines import runs
from pipelines.judging import Bench, begin, bench, verdicts
from pipelines.receive import readable
from pipelines.runs import Request
from tests.conftest import AS_AT
from tests.spec.delivered import sound_row, sound_rows, write

EMERGENCY = EXTRACTS["emergency_care"]


@pytest.fixture(scope="module")
def judging() -> Iterator[Bench]:
    own = Bench()
    yield own
    own.end()


def test_it_comes_to_what_judging_here_comes_to(judging: Bench, tmp_path: Path) -> None:
    file = write(tmp_path, EMERGENCY, [*sound_rows(EMERGENCY, 3), sound_row(EMERGENCY, 4, sex="7"), sound_row(EMERGENCY, 5, arrival_date="yesterday")])
    found = judging.verdicts(judging.ask(EMERGENCY.name, [file]))
    assert found == judge(EMERGENCY, readable(opened(EMERGENCY, [file])))
    assert {(one.column, one.rule) for one in found if one.failed} >= {("sex", "one_of"), ("arrival_date", "typed")}


def test_answers_may_be_taken_in_any_order(judging: Bench, tmp_path: Path) -> None:
    first = judging.ask(EMERGENCY.name, [write(tmp_path / "one", EMERGENCY, sound_rows(EMERGENCY, 1))])
    second = judging.ask(EMERGENCY.name, [write(tmp_path / "two", EMERGENCY, sound_rows(EMERGENCY, 2))])
    assert (judging.verdicts(second)[0].rows, judging.verdicts(first)[0].rows) == (2, 1)


def test_a_refusal_comes_back_as_one(judging: Bench, tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match=r"nothing\.csv"):
        judging.verdicts(judging.ask(EMERGENCY.name, [tmp_path / "nothing.csv"]))


def test_what_breaks_it_may_pass_and_is_told_without_a_value(judging: Bench) -> None:
    with pytest.raises(MayPass, match=r"^emergency_care: could not be judged \(\w+\)"):
        judging.verdicts(judging.ask(EMERGENCY.name, []))


def test_a_process_that_was_killed_is_begun_again() -> None:
    killed = bench()
    killed.end()
    number = killed.ask(EMERGENCY.name, [])
    with pytest.raises(MayPass, match="has ended; try again"):
        killed.verdicts(number)
    assert bench() is not killed
    assert not bench().ended


def judged_after_a_kill(workspace: Path) -> None:
    """A run that is given up once its second judge has answered."""
    with runs.opened(Request(workspace, AS_AT)) as run:
        begin(run)
        bench().end()
        with pytest.raises(MayPass, match="has ended; try again"):
            verdicts(run, "emergency_care")
        assert verdicts(run, "emergency_care")[0].rows
        raise DataRefused("given up: nothing is published")


def test_a_run_whose_judge_was_killed_is_told_so_and_is_judged_by_another(workspace: Path) -> None:
    with pytest.raises(DataRefused, match="given up"):
        judged_after_a_kill(workspace)

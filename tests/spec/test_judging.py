"""The process that judges deliveries beside a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataRefused, EnvironmentRefused, MayPass
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import opened
from expectations.check import judge
from expectations.tally import KEY, Tallied, tally
from pipelines import deliveries, runs
from pipelines.judging import Bench, bench, verdicts
from pipelines.receive import readable
from pipelines.runs import Request
from tests.conftest import AS_AT
from tests.spec.delivered import sound_row, sound_rows, write

EMERGENCY = EXTRACTS["emergency_care"]


def tallied(*files: Path) -> Tallied:
    return tally(EMERGENCY, readable(opened(EMERGENCY, files)))


@pytest.fixture(scope="module")
def judging() -> Iterator[Bench]:
    own = Bench()
    yield own
    own.end()


def test_it_comes_to_what_judging_here_comes_to(judging: Bench, tmp_path: Path) -> None:
    file = write(tmp_path, EMERGENCY, [*sound_rows(EMERGENCY, 3), sound_row(EMERGENCY, 4, sex="7"), sound_row(EMERGENCY, 5, arrival_date="yesterday")])
    found = judging.verdicts(judging.ask(EMERGENCY.name, tallied(file)))
    assert found == judge(EMERGENCY, readable(opened(EMERGENCY, [file])))
    assert {(one.column, one.rule) for one in found if one.failed} >= {("sex", "one_of"), ("arrival_date", "typed")}


def test_answers_may_be_taken_in_any_order(judging: Bench, tmp_path: Path) -> None:
    first = judging.ask(EMERGENCY.name, tallied(write(tmp_path / "one", EMERGENCY, sound_rows(EMERGENCY, 1))))
    second = judging.ask(EMERGENCY.name, tallied(write(tmp_path / "two", EMERGENCY, sound_rows(EMERGENCY, 2))))
    assert (judging.verdicts(second)[0].rows, judging.verdicts(first)[0].rows) == (2, 1)


def test_a_tally_longer_than_a_pipe_holds_is_told_whole(judging: Bench) -> None:
    values = pl.LazyFrame({name: [f"{name} {n}" for n in range(50_000)] for name in EMERGENCY.names})
    assert judging.verdicts(judging.ask(EMERGENCY.name, tally(EMERGENCY, values))) == judge(EMERGENCY, values)


def test_what_cannot_be_judged_may_pass_and_is_told_without_a_value(judging: Bench) -> None:
    nothing = Tallied(1, {KEY: pl.DataFrame({"9990000026": ["9990000026"]})})
    with pytest.raises(MayPass, match=r"^emergency_care: could not be judged \(\w+\); `bcf doctor` looks at the machine$"):
        judging.verdicts(judging.ask(EMERGENCY.name, nothing))


def test_a_refusal_comes_back_as_one(judging: Bench) -> None:
    judging._answered[0] = {"refused": "EnvironmentRefused", "message": "no such rule"}
    with pytest.raises(EnvironmentRefused, match="no such rule"):
        judging.verdicts(0)


def test_a_process_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    killed = bench()
    killed.end()
    number = killed.ask(EMERGENCY.name, tallied(write(tmp_path, EMERGENCY, sound_rows(EMERGENCY, 1))))
    with pytest.raises(MayPass, match="has ended; try again"):
        killed.verdicts(number)
    assert bench() is not killed
    assert not bench().ended


def judged_after_a_kill(workspace: Path) -> None:
    """A run that is given up once its second judge has answered."""
    with runs.opened(Request(workspace, AS_AT)) as run:
        for extract in ("gp_registrations", "emergency_care"):
            deliveries.receive_extract(run, extract)
        bench().end()
        with pytest.raises(MayPass, match="has ended; try again"):
            verdicts(run, "emergency_care")
        assert [verdicts(run, extract)[0].rows > 0 for extract in ("emergency_care", "gp_registrations")] == [True, True]
        raise DataRefused("given up: nothing is published")


def test_a_run_whose_judge_was_killed_is_told_so_and_is_judged_by_another(workspace: Path) -> None:
    with pytest.raises(DataRefused, match="given up"):
        judged_after_a_kill(workspace)

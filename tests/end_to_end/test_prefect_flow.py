"""The run as a Prefect flow: what is retried, what is shown, and what Prefect never stores."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pipelines.support import prefect_environment

prefect_environment.set_prefect_defaults()

from prefect import flow, get_client, task  # noqa: E402 - after its defaults are set
from prefect.client.schemas.objects import Artifact  # noqa: E402
from prefect.client.schemas.sorting import ArtifactSort  # noqa: E402
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402

from bcf_linkage.definitions.errors import BcfError, DataQualityError, EnvironmentFault, TransientError, UsageError  # noqa: E402
from bcf_linkage.storage.manifest import digests  # noqa: E402
from pipelines import flows  # noqa: E402
from pipelines.refresh import Request  # noqa: E402
from pipelines.support.progress import announce, subscribe  # noqa: E402
from pipelines.support.sanitise_errors import UnexpectedError, sanitise_errors, sanitised  # noqa: E402
from pipelines.workspace.summary import Summary  # noqa: E402

CANARY = "9434765919"
MARKER = "a word that only the positive control writes"
NO_DELAY = flows.TaskStepRunner(delays=(0, 0, 0))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Prefect server for these tests, with a home of its own. Yields the folder of its database."""
    with temporary_settings({PREFECT_HOME: tmp_path_factory.mktemp("prefect")}), prefect_test_harness(server_startup_timeout=120):
        yield Path(PREFECT_SERVER_DATABASE_CONNECTION_URL.value().removeprefix("sqlite+aiosqlite:///")).parent


def in_a_flow(step: Callable[[], Any], label: str = "a step") -> Any:
    """Run one step as a run does."""

    @flow(name="one step")
    def one_step() -> Any:
        return NO_DELAY(label, step)

    return one_step()


class Failing:
    """A step that fails a number of times before it succeeds, and counts its calls."""

    __name__ = "failing"

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


def test_an_input_or_output_error_is_retried(server: Path) -> None:
    step = Failing(OSError(5, "input/output error"), times=2)
    assert in_a_flow(step) == "done"
    assert step.calls == 3


def test_a_lasting_input_or_output_error_is_raised_after_three_retries(server: Path) -> None:
    step = Failing(OSError(5, "input/output error"), times=9)
    with pytest.raises(TransientError, match=r"^OSError at .+: Input/output error; "):
        in_a_flow(step)
    assert step.calls == 4


@pytest.mark.parametrize("error", [DataQualityError("late.csv: row 3"), UsageError("no such file"), EnvironmentFault("no key")])
def test_a_bcf_error_is_never_retried_and_raised_unchanged(server: Path, error: BcfError) -> None:
    step = Failing(error, times=1)
    with pytest.raises(type(error)) as caught:
        in_a_flow(step)
    assert caught.value is error
    assert step.calls == 1


def test_an_unexpected_error_is_not_retried(server: Path) -> None:
    step = Failing(KeyError(CANARY), times=1)
    with pytest.raises(UnexpectedError, match="KeyError"):
        in_a_flow(step)
    assert step.calls == 1


def test_prefect_never_stores_the_message_of_an_error(server: Path) -> None:
    """Errors that quote an NHS number leave no byte of it in the database. A foreign task proves that the search works."""

    def quotes_a_number() -> None:
        raise ValueError(f"could not parse {CANARY}")

    def refuses_because_of_it() -> None:
        try:
            quotes_a_number()
        except ValueError:
            raise DataQualityError("gp_events.csv: row 3, column nhs_number") from ValueError(CANARY)

    @task(name="not ours", persist_result=False)
    def not_ours() -> None:
        raise ValueError(MARKER)

    @flow(name="canaries")
    def canaries(number: str) -> None:
        for step in (Failing(OSError(CANARY), times=9), Failing(KeyError(CANARY), times=1), quotes_a_number, refuses_because_of_it):
            with pytest.raises(BcfError):
                NO_DELAY("a step", step)
        NO_DELAY("a step", partial(len, "a step's argument: " + CANARY))
        with pytest.raises(ValueError, match=MARKER):
            not_ours()

    canaries("only a name")
    kept = wait_for(lambda: found if (found := every_byte(server)).count(MARKER.encode()) >= 4 else b"")
    assert kept, "the search finds the marker"
    assert CANARY.encode() not in kept + every_pickle(PREFECT_HOME.value())
    assert b"gp_events.csv: row 3, column nhs_number" in kept


def test_prefect_pickles_only_the_sanitised_error(server: Path) -> None:
    """A flow that fails leaves its exception on disk, whatever the settings. It is the sanitised error, without its cause."""
    with pytest.raises(UnexpectedError):
        in_a_flow(Failing(KeyError(CANARY), times=1))
    pickles = every_pickle(PREFECT_HOME.value())
    assert b"KeyError at " in pickles
    assert CANARY.encode() not in pickles


def test_prefect_stores_no_result_of_a_step(server: Path) -> None:
    before = every_byte(PREFECT_HOME.value())
    assert in_a_flow(lambda: [CANARY]) == [CANARY]
    assert every_byte(PREFECT_HOME.value()) == before
    assert CANARY.encode() not in every_byte(server)


def test_a_step_is_named_by_its_label(server: Path) -> None:
    in_a_flow(lambda: None, "receive hospital_admissions")
    names = wait_for(lambda: [run.name for run in get_client(sync_client=True).read_task_runs(limit=100) if run.name.startswith("receive")])
    assert names == ["receive hospital_admissions"]


def test_a_run_completes_and_prefect_receives_only_a_path_and_a_date(server: Path, workspace: Path, published: Path) -> None:
    labels = []
    request = Request(workspace=workspace, as_at=date(2014, 9, 30), who="an analyst", why="to see")
    with subscribe(lambda step, number, steps: labels.append(step)):
        summary = flows.run_with_prefect(request)
    assert isinstance(summary, Summary)
    assert summary.as_at == request.as_at
    assert labels, "the screen shows the steps of a flow"

    run = next(run for run in get_client(sync_client=True).read_flow_runs(limit=100) if run.name == "refresh southampton as at 2014-09-30")
    assert run.parameters == {"workspace": str(workspace), "as_at": "2014-09-30", "engine": "polars"}
    assert run.state is not None
    assert run.state.is_completed()
    shown = {artifact.key: artifact for artifact in artifacts() if artifact.flow_run_id == run.id}
    assert set(shown) == {"progress", "risk-bands", "joint-assessment-condition", "published-files"}
    assert shown["progress"].data == 100
    assert digests(workspace / "published") == digests(published / "published"), "with and without Prefect the same bytes are published"
    assert person_tables(workspace) == person_tables(published)


def test_ctrl_c_stops_the_run_before_the_embedded_server(tmp_path: Path) -> None:
    """Ctrl-C goes to the whole process group. The run can still report to its server, so it ends at once and without a traceback."""
    script = """
import time
from datetime import date
from pathlib import Path
from pipelines.support.prefect_environment import set_prefect_defaults
set_prefect_defaults()
from pipelines import flows
def step():
    print("running", flush=True)
    time.sleep(100)
flows.refresh = lambda request, run_step: run_step("a step", step)
try:
    flows.run_with_prefect(flows.Request(workspace=Path("locality"), as_at=date(2014, 9, 30)))
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {"PREFECT_HOME": str(tmp_path)}
    run = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        assert run.stdout is not None
        assert run.stdout.readline() == "running\n"
        os.killpg(run.pid, signal.SIGINT)
        assert run.communicate(timeout=30)[0] == "stopped\n"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def test_a_server_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    with temporary_settings({PREFECT_HOME: tmp_path, PREFECT_API_URL: "http://127.0.0.1:9/api"}), pytest.raises(EnvironmentFault) as caught:
        flows.run_with_prefect(Request(workspace=tmp_path, as_at=date(2014, 9, 30)))
    assert "the server at PREFECT_API_URL" in str(caught.value)
    assert "--no-prefect" in str(caught.value)


def test_the_figures_are_shown_as_published(server: Path) -> None:
    day = date(2014, 9, 30)
    band = {"band": "Very High", "people": None, "share": None, "mean_cost": None, "total_cost": None, "status": "suppressed", "as_at": day}
    figure = {"measure": "adults", "measure_name": "Adults", "area_name": "Anytown", "numerator": 20_000, "denominator": 25_000, "value": 80.0}
    ledger_rows = ({"extract": "gp_events", "outcome": "linked", "rows": 1234567},)
    summary = Summary(
        locality="Anytown",
        run_id="run-1",
        as_at=day,
        period_start=day,
        period_end=day,
        published=Path("published/run-1"),
        outcomes=ledger_rows,
        linked=ledger_rows,
        risk_bands=(band,),
        condition=(figure | {"unit": "percent", "status": "shown"},),
        rule="0 is shown",
        disclosure=(),
    )
    flow(name="artifacts only")(flows.create_artifacts)(summary)
    shown = {artifact.key: str(artifact.data) for artifact in artifacts() if "Anytown" in (artifact.description or "")}
    assert '"people": null, "share": null, "mean_cost": null, "total_cost": null, "status": "suppressed"' in shown["risk-bands"]
    assert '"numerator": 20000, "denominator": 25000, "value": 80.0' in shown["joint-assessment-condition"]
    assert "published/run-1/cohorts.duckdb" in shown["published-files"]
    assert "1234567" not in "".join(shown.values()), "exact counts are not sent to Prefect"


def test_the_bar_moves_with_the_steps(server: Path) -> None:
    @flow(name="bar only")
    def bar_only() -> None:
        with flows._show_progress():
            announce("link", 3, 4)
            raise DataQualityError("stopped at the third of four")

    with pytest.raises(DataQualityError):
        bar_only()
    bar = next(artifact for artifact in artifacts() if artifact.key == "progress" and artifact.description == "link")
    assert bar.data == 50


@pytest.mark.parametrize(
    ("due", "month", "quarter"),
    [
        (date(2014, 10, 10), date(2014, 9, 30), date(2014, 9, 30)),
        (date(2014, 11, 30), date(2014, 10, 31), date(2014, 9, 30)),
        (date(2014, 12, 31), date(2014, 11, 30), date(2014, 9, 30)),
        (date(2015, 1, 1), date(2014, 12, 31), date(2014, 12, 31)),
        (date(2016, 3, 31), date(2016, 2, 29), date(2015, 12, 31)),
        (date(2016, 4, 1), date(2016, 3, 31), date(2016, 3, 31)),
    ],
)
def test_without_a_date_the_period_before_the_day_due_is_counted(due: date, month: date, quarter: date) -> None:
    assert flows.last_month_end(due) == month
    assert flows.last_quarter_end(due) == quarter


def test_the_day_due_is_the_day_in_england(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "flow_run", SimpleNamespace(scheduled_start_time=datetime(2014, 9, 30, 23, 30, tzinfo=UTC)))
    assert flows._day_due() == date(2014, 10, 1)


def test_a_sanitised_error_names_the_type_and_our_line() -> None:
    with pytest.raises(UnexpectedError) as caught:
        sanitise_errors(flows.last_month_end, CANARY)
    assert str(caught.value).startswith("TypeError at pipelines.flows:")
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.exit_code == 3


def test_sanitising_lets_signals_through() -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sanitise_errors(stopped)


def test_a_panic_of_compiled_code_is_sanitised_too() -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    def panics() -> None:
        raise panic(CANARY)

    with pytest.raises(UnexpectedError, match=r"pyo3_runtime\.PanicException"):
        sanitise_errors(panics)


def test_a_sanitised_error_has_the_path_and_the_systems_reason() -> None:
    error = sanitised(PermissionError(13, CANARY, "published/current"))
    assert "Permission denied, published/current" in str(error)
    assert CANARY not in str(error)


def test_prefect_defaults_do_not_replace_what_is_set(tmp_path: Path) -> None:
    script = """
from pipelines.support.prefect_environment import set_prefect_defaults
set_prefect_defaults()
from prefect.settings import get_current_settings
settings = get_current_settings()
server = settings.server
print(server.analytics_enabled, server.ephemeral.enabled, server.ephemeral.startup_timeout_seconds, settings.results.persist_by_default)
"""
    environment = {name: value for name, value in os.environ.items() if name not in prefect_environment.SETTINGS and not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "77"}
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True", "77", "False"]


def person_tables(workspace: Path) -> dict[str, int]:
    """Sum the row hashes of every person-level table. The sum does not depend on the order of rows."""
    files = (workspace / "pseudonymised").rglob("*.parquet")
    return {str(file.relative_to(workspace)): int(pl.read_parquet(file).hash_rows().sum()) for file in files}


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def every_pickle(home: Path) -> bytes:
    """Return everything that Prefect pickled. It stores pickles as base64."""
    return b"".join(base64.b64decode(path.read_bytes()) for path in (home / "storage").rglob("*") if path.is_file())


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for a result. Prefect writes its logs and events with a delay."""
    limit = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < limit:
        time.sleep(0.5)
    return answer


def artifacts() -> list[Artifact]:
    with get_client(sync_client=True) as client:
        return client.read_artifacts(sort=ArtifactSort.CREATED_DESC, limit=100)

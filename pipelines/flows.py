"""The story as Prefect flows: each step a task, retried where a disk or a share may come back, its progress and figures shown.

Prefect keeps what it is given, in the clear: parameters, names, logs, errors, artifacts. So it is given a path and a date, no
step's arguments or results, errors without their words, and published figures only.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, Literal, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_ENABLED

from bcf_linkage.definitions.errors import EnvironmentRefused, MayPass, Refusal
from pipelines.progress import heard_by, in_words
from pipelines.refresh import Request, refresh
from pipelines.scrub import carefully
from pipelines.summary import Row, Summary

T = TypeVar("T")

Engine = Literal["polars", "spark"]

BAND_COLUMNS = ("band", "people", "share", "mean_cost", "total_cost", "status")
CONDITION_COLUMNS = ("measure_name", "area_name", "numerator", "denominator", "value", "unit", "status")


def last_month_end(day: date) -> date:
    """The last day of the month before the day's own."""
    return day.replace(day=1) - timedelta(days=1)


def last_quarter_end(day: date) -> date:
    """The last day of the quarter (to March, June, September, December) before the day's own."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)


def _day_due() -> date:
    """The day in England on which the run was due: one that starts late still counts the period that it was meant for."""
    due = flow_run.scheduled_start_time.astimezone(ZoneInfo("Europe/London"))
    return date(due.year, due.month, due.day)


def _named(verb: str, period_end: Callable[[date], date]) -> Callable[[], str]:
    """Names a run by what it does, the workspace's folder and the as-at date."""

    def name() -> str:
        asked = flow_run.parameters
        return f"{verb} {Path(asked['workspace']).name} as at {asked.get('as_at') or period_end(_day_due())}"

    return name


@flow(name="refresh", flow_run_name=_named("refresh", last_month_end), persist_result=False, log_prints=False)
def monthly_refresh(workspace: str, as_at: date | None = None, engine: Engine = "polars") -> Summary:
    """Link, stratify, count and publish a workspace as at a month's end: the last one before the run was due, unless a date is given."""
    return _watched(Request(Path(workspace), as_at or last_month_end(_day_due()), engine, why="monthly refresh"))


@flow(name="profile risk", flow_run_name=_named("profile risk of", last_quarter_end), persist_result=False, log_prints=False)
def quarterly_risk_profile(workspace: str, as_at: date | None = None, engine: Engine = "polars") -> Summary:
    """The same as at a quarter's end: the quarterly risk profiling that the Directed Enhanced Service asks of practices."""
    why = "quarterly risk profiling, Directed Enhanced Service"
    return _watched(Request(Path(workspace), as_at or last_quarter_end(_day_due()), engine, why=why))


def run_with_prefect(request: Request) -> Summary:
    """Refresh as a flow in this process, on the server at PREFECT_API_URL or else on an embedded one. Raises the run's own Refusal.

    Call `prefect_environment.prepare` before this module is imported.
    """

    # A flow of this one request, as who asks and why are nothing that Prefect should keep as parameters.
    @flow(name="refresh", flow_run_name=_named("refresh", last_month_end), persist_result=False, log_prints=False)
    def asked(workspace: str, as_at: date, engine: str) -> Summary:
        return _watched(request)

    try:
        _start_embedded_server()
        return asked(str(request.workspace), request.as_at, request.engine)
    except Refusal:
        raise
    except Exception as error:
        # The story raises nothing but refusals, so this is Prefect's own trouble.
        trouble = type(error).__name__
    server = "the server at PREFECT_API_URL" if PREFECT_API_URL.value() else "its embedded server"
    raise EnvironmentRefused(f"Prefect could not see the run through on {server} ({trouble}); `bcf doctor` looks for the cause, --no-prefect runs without it")


def _start_embedded_server() -> None:
    """Start Prefect's embedded server, if it is wanted, where Ctrl-C does not reach it. Raises EnvironmentRefused if it does not come up.

    Ctrl-C goes to every process of the terminal. A server that it ended would leave the run to wait a minute and more for an answer.
    """
    if PREFECT_API_URL.value() or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        return
    # Imported here, as it takes seconds and a run on somebody's server does without.
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()

    def start() -> None:
        # A process inherits what the thread that starts it blocks. Windows has no such thing.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with suppress(Exception):
            server.start()

    starting = Thread(target=copy_context().run, args=(start,), daemon=True)
    starting.start()
    starting.join()
    if not server.running:
        raise EnvironmentRefused("Prefect's embedded server did not start; `bcf doctor` looks for the cause, --no-prefect runs without it")


def _watched(request: Request) -> Summary:
    """The story with its steps as tasks, its progress on a bar and its figures beside it."""
    with _progress():
        summary = carefully(refresh, request, AsTasks())
    carefully(artifacts, summary)
    return summary


@dataclass(frozen=True)
class AsTasks:
    """Performs each step as a Prefect task. Only an input or output error is tried again, after each of the delays in seconds."""

    delays: tuple[float, ...] = (5, 30, 120)

    def __call__(self, step: Callable[..., T], *arguments: Any) -> T:
        """Carry out a step. The task takes no arguments, so that there is nothing for Prefect to walk through, hash or keep."""
        name = in_words(step, *arguments)

        @task(
            name=name,
            task_run_name=name,
            retries=len(self.delays),
            retry_delay_seconds=list(self.delays),
            retry_condition_fn=_may_pass,
            persist_result=False,
            cache_policy=NO_CACHE,
            log_prints=False,
        )
        def watched() -> T:
            return carefully(step, *arguments)

        return watched()


# A plain function, as Prefect takes any other callable here for "never".
def _may_pass(_task: object, _task_run: object, state: State[Any]) -> bool:
    return isinstance(state.data, MayPass)


@contextmanager
def _progress() -> Iterator[None]:
    """A bar on the run's page, moved by every step that is told."""
    bar = cast(UUID, create_progress_artifact(0.0, key="progress", description="starting"))

    def move(step: str, number: int, steps: int) -> None:
        update_progress_artifact(bar, 100 * (number - 1) / steps, description=step)

    with heard_by(move):
        yield
    update_progress_artifact(bar, 100.0, description="published")


def artifacts(summary: Summary) -> None:
    """Put a run's published figures beside it. The keys stay, so that Prefect lines up one period's figures with the next's."""
    period = f"{summary.locality}, {summary.period_start} to {summary.period_end}"
    rounded = f"{summary.rule}."
    create_table_artifact(_cut(summary.risk_bands, BAND_COLUMNS), key="risk-bands", description=f"People by band of cost. {period}. {rounded}")
    create_table_artifact(
        _cut(summary.condition, CONDITION_COLUMNS),
        key="joint-assessment-condition",
        description=f"Joint assessment and accountable lead professional. {period}. {rounded}",
    )
    create_markdown_artifact(_files(summary), key="published-files", description=period)


def _cut(rows: Sequence[Row], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{column: row[column] for column in columns} for row in rows]


def _files(summary: Summary) -> str:
    published = summary.published
    return f"""Run `{summary.run_id}` counts people as at {summary.as_at}.

| where | what |
|---|---|
| `{published / "cohorts.duckdb"}` | every published table, for DuckDB |
| `{published / "csv"}` | the same as CSV |
| `{published / "tables"}` | the same as Parquet |
"""

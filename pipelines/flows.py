"""The run as Prefect flows. Each step is a task. A task is retried after an input or output error.

Prefect stores everything it receives, in the clear: parameters, names, logs, errors, artifacts. So it receives only a path and a
date, errors without the messages of libraries, and published figures. It receives no argument and no result of a step.
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

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault, TransientError
from pipelines.refresh import Request, refresh
from pipelines.support.process_environment import prepare_environment
from pipelines.support.progress import subscribe
from pipelines.support.sanitise_errors import sanitise_errors
from pipelines.workspace.summary import Row, Summary

T = TypeVar("T")

EngineName = Literal["polars", "spark"]

BAND_COLUMNS = ("band", "people", "share", "mean_cost", "total_cost", "status")
CONDITION_COLUMNS = ("measure_name", "area_name", "numerator", "denominator", "value", "unit", "status")


def last_month_end(day: date) -> date:
    """Return the last day of the month before the day's month."""
    return day.replace(day=1) - timedelta(days=1)


def last_quarter_end(day: date) -> date:
    """Return the last day of the quarter (to March, June, September or December) before the day's quarter."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)


def _day_due() -> date:
    """Return the day in England on which the run was due. A run that starts late still counts the period it was scheduled for."""
    due = flow_run.scheduled_start_time.astimezone(ZoneInfo("Europe/London"))
    return date(due.year, due.month, due.day)


def _run_name_for(verb: str, period_end: Callable[[date], date]) -> Callable[[], str]:
    """Make the function that names a run: the verb, the workspace's folder and the as-at date."""

    def name() -> str:
        parameters = flow_run.parameters
        return f"{verb} {Path(parameters['workspace']).name} as at {parameters.get('as_at') or period_end(_day_due())}"

    return name


@flow(name="refresh", flow_run_name=_run_name_for("refresh", last_month_end), persist_result=False, log_prints=False)
def monthly_refresh(workspace: str, as_at: date | None = None, engine: EngineName = "polars") -> Summary:
    """Link, stratify, count and publish a workspace as at a month's end: the last one before the due day, unless a date is given."""
    return _refresh_with_progress(Request(workspace=Path(workspace), as_at=as_at or last_month_end(_day_due()), engine=engine, why="monthly refresh"))


@flow(name="profile risk", flow_run_name=_run_name_for("profile risk of", last_quarter_end), persist_result=False, log_prints=False)
def quarterly_risk_profile(workspace: str, as_at: date | None = None, engine: EngineName = "polars") -> Summary:
    """Do the same as at a quarter's end, for the quarterly risk profiling that the Directed Enhanced Service requires of practices."""
    why = "quarterly risk profiling, Directed Enhanced Service"
    return _refresh_with_progress(Request(workspace=Path(workspace), as_at=as_at or last_quarter_end(_day_due()), engine=engine, why=why))


def run_with_prefect(request: Request) -> Summary:
    """Run the refresh as a flow in this process, on the server at PREFECT_API_URL or else on an embedded one.

    Call `prefect_environment.set_prefect_defaults` before this module is imported. Raises the run's own BcfError, and
    EnvironmentFault if Prefect itself fails.
    """

    # The flow is defined here, for one request: its requester and reason would be stored by Prefect if they were parameters.
    @flow(name="refresh", flow_run_name=_run_name_for("refresh", last_month_end), persist_result=False, log_prints=False)
    def requested_refresh(workspace: str, as_at: date, engine: str) -> Summary:
        return _refresh_with_progress(request)

    try:
        _start_embedded_server()
        return requested_refresh(str(request.workspace), request.as_at, request.engine)
    except BcfError:
        raise
    except Exception as error:
        # A run raises only BcfError, so this is an error of Prefect itself.
        error_type = type(error).__name__
    server = "the server at PREFECT_API_URL" if PREFECT_API_URL.value() else "its embedded server"
    raise EnvironmentFault(f"Prefect failed on {server} ({error_type}); run `bcf doctor` to find the cause, or run with --no-prefect")


def _start_embedded_server() -> None:
    """Start Prefect's embedded server, if one is needed, so that Ctrl-C does not reach it. Raises EnvironmentFault if it does not start.

    Ctrl-C goes to every process of the terminal. If it ended the server, the run would wait a minute or more for an answer.
    """
    if PREFECT_API_URL.value() or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        return
    # This import takes seconds, and a run on another server does not need it.
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()

    def start() -> None:
        # A process inherits the signals that the thread starting it blocks. Windows has no signal masks.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with suppress(Exception):
            server.start()

    thread = Thread(target=copy_context().run, args=(start,), daemon=True)
    thread.start()
    thread.join()
    if not server.running:
        raise EnvironmentFault("Prefect's embedded server did not start; run `bcf doctor` to find the cause, or run with --no-prefect")


def _refresh_with_progress(request: Request) -> Summary:
    """Run the refresh with its steps as tasks. Show its progress as a bar and its figures as artifacts."""
    prepare_environment()
    with _show_progress():
        summary = sanitise_errors(refresh, request, TaskStepRunner())
    sanitise_errors(create_artifacts, summary)
    return summary


@dataclass(frozen=True)
class TaskStepRunner:
    """Runs each step as a Prefect task. Only an input or output error is retried, after each of the delays in seconds."""

    delays: tuple[float, ...] = (5, 30, 120)

    def __call__(self, label: str, step: Callable[[], T]) -> T:
        """Run a step. The task takes no arguments, so Prefect has none to inspect, hash or store."""

        @task(
            name=label,
            task_run_name=label,
            retries=len(self.delays),
            retry_delay_seconds=list(self.delays),
            retry_condition_fn=_is_transient,
            persist_result=False,
            cache_policy=NO_CACHE,
            log_prints=False,
        )
        def run_task() -> T:
            return sanitise_errors(step)

        return run_task()


# A plain function: Prefect takes any other callable here to mean "never retry".
def _is_transient(_task: object, _task_run: object, state: State[Any]) -> bool:
    return isinstance(state.data, TransientError)


@contextmanager
def _show_progress() -> Iterator[None]:
    """Show a bar on the run's page. Each announced step moves it."""
    bar = cast(UUID, create_progress_artifact(0.0, key="progress", description="starting"))

    def update_bar(step: str, number: int, steps: int) -> None:
        update_progress_artifact(bar, 100 * (number - 1) / steps, description=step)

    with subscribe(update_bar):
        yield
    update_progress_artifact(bar, 100.0, description="published")


def create_artifacts(summary: Summary) -> None:
    """Attach a run's published figures as artifacts. The keys are fixed, so Prefect shows one period's figures beside the next."""
    period = f"{summary.locality}, {summary.period_start} to {summary.period_end}"
    rule_text = f"{summary.rule}."
    create_table_artifact(_select_columns(summary.risk_bands, BAND_COLUMNS), key="risk-bands", description=f"People by band of cost. {period}. {rule_text}")
    create_table_artifact(
        _select_columns(summary.condition, CONDITION_COLUMNS),
        key="joint-assessment-condition",
        description=f"Joint assessment and accountable lead professional. {period}. {rule_text}",
    )
    create_markdown_artifact(_published_files_text(summary), key="published-files", description=period)


def _select_columns(rows: Sequence[Row], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{column: row[column] for column in columns} for row in rows]


def _published_files_text(summary: Summary) -> str:
    """List the published files as Markdown."""
    published = summary.published
    return f"""Run `{summary.run_id}` counts people as at {summary.as_at}.

| path | contents |
|---|---|
| `{published / "cohorts.duckdb"}` | all published tables, for DuckDB |
| `{published / "csv"}` | the same tables as CSV |
| `{published / "tables"}` | the same tables as Parquet |
"""

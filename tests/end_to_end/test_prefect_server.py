"""A real Prefect server and a real worker: a schedule of the deployment in prefect.yaml falls due, and its run completes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.prefect_environment import SETTINGS

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).parent / "prefect"
AT_MOST_SECONDS = 140


@dataclass(frozen=True)
class Prefect:
    """A Prefect with a home, a port and a deadline of its own."""

    home: Path
    port: int
    deadline: float

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(self.deadline - time.monotonic(), 0.1)

    @property
    def environment(self) -> dict[str, str]:
        """Nobody's own Prefect, no statistics sent, and services that look more often than they need to in earnest."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        ours = {name: value for name, value in SETTINGS.items() if "LOGGING" not in name}
        return (
            inherited
            | ours
            | {
                "PREFECT_HOME": str(self.home),
                "PREFECT_API_URL": self.api,
                "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
                "PREFECT_WORKER_QUERY_SECONDS": "1",
            }
        )

    def command(self, *arguments: str) -> None:
        """Run one command of Prefect's, from the repository as its manual says."""
        done = subprocess.run([PREFECT, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=self.left, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Path]:
        """Keep a command running. It and all that it started are gone afterwards, however the block ends. Gives its log."""
        log = self.home / f"{arguments[0]}.log"
        with log.open("w") as written:
            process = subprocess.Popen(
                [PREFECT, *arguments], cwd=self.home, env=self.environment, stdout=written, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                yield log
            finally:
                end_group(process)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, self.api + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def wait_for(self, found: Callable[[], Any], log: Path) -> Any:
        """What is found once it is there, or a failure with the end of the log."""
        while not (answer := found()):
            if time.monotonic() > self.deadline:
                pytest.fail(f"not within {AT_MOST_SECONDS} s; the log ends:\n{log.read_text()[-4000:]}")
            time.sleep(0.5)
        return answer

    def is_up(self) -> bool:
        try:
            return httpx.get(self.api + "/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process and its children to end, and after ten seconds make them."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_scheduled_run_of_the_monthly_deployment_completes(small_workspace: Path, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(small_workspace, tmp_path / "locality"))
    shutil.rmtree(workspace / "published", ignore_errors=True)
    home = tmp_path / "prefect"
    home.mkdir()
    prefect = Prefect(home, free_port(), time.monotonic() + AT_MOST_SECONDS)

    with prefect.running("server", "start", "--host", "127.0.0.1", "--port", str(prefect.port)) as log:
        prefect.wait_for(prefect.is_up, log)
        prefect.command("work-pool", "create", "bcf-linkage", "--type", "process")
        prefect.command("--no-prompt", "deploy", "--name", "monthly-refresh", "--param", f"workspace={workspace}", "--param", "as_at=2014-09-30")

        deployment = prefect.ask("GET", "/deployments/name/refresh/monthly-refresh")
        assert [(s["schedule"]["cron"], s["schedule"]["timezone"]) for s in deployment["schedules"]] == [("0 5 10 * *", "Europe/London")]
        assert deployment["global_concurrency_limit"]["limit"] == 1

        due = datetime.now(UTC) + timedelta(seconds=5)
        soon = {"active": True, "schedule": {"interval": 86400, "anchor_date": due.isoformat()}}
        prefect.ask("POST", f"/deployments/{deployment['id']}/schedules", [soon])

        with prefect.running("worker", "start", "--pool", "bcf-linkage", "--limit", "1") as log:
            run = prefect.wait_for(lambda: ended(prefect, deployment["id"]), log)
            assert run["state"]["type"] == "COMPLETED", run["state"]["message"] + log.read_text()[-4000:]

    assert run["auto_scheduled"], "the schedule started it"
    assert abs(datetime.fromisoformat(run["expected_start_time"]) - due) < timedelta(seconds=1)
    assert run["name"] == "refresh locality as at 2014-09-30"
    assert run["parameters"] == {"workspace": str(workspace), "as_at": "2014-09-30"}
    assert (workspace / "published" / "current" / "cohorts.duckdb").is_file()


def ended(prefect: Prefect, deployment: str) -> Any:
    """The deployment's run that has come to an end, if there is one."""
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}}
    return next(iter(prefect.ask("POST", "/flow_runs/filter", wanted)), None)

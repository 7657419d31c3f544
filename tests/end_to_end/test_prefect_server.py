"""A real Prefect server and worker: a schedule of the deployment in prefect.yaml falls due, and its run completes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.support.prefect_environment import SETTINGS

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).parent / "prefect"
AT_MOST_SECONDS = 300


@dataclass(frozen=True)
class Prefect:
    """A Prefect installation with a home, a port and a deadline of its own."""

    home: Path
    port: int
    deadline: float

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return max(self.deadline - time.monotonic(), 0.1)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this Prefect: no other installation's settings, no statistics, and services that poll often."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        own_settings = {name: value for name, value in SETTINGS.items() if "LOGGING" not in name}
        return (
            inherited
            | own_settings
            | {
                "PREFECT_HOME": str(self.home),
                "PREFECT_API_URL": self.api,
                "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
                "PREFECT_WORKER_QUERY_SECONDS": "1",
            }
        )

    def command(self, *arguments: str) -> None:
        """Run one Prefect command from the repository, as docs/ say."""
        done = subprocess.run([PREFECT, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=self.seconds_left, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Keep a command running within the block. Afterwards it and its child processes are ended."""
        with (self.home / f"{arguments[0]}.log").open("w") as log:
            process = subprocess.Popen([PREFECT, *arguments], cwd=self.home, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                yield
            finally:
                end_group(process)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, self.api + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def wait_for(self, found: Callable[[], Any]) -> Any:
        """Wait for a result. Fail at the deadline."""
        while not (answer := found()):
            if time.monotonic() > self.deadline:
                pytest.fail(f"not within {AT_MOST_SECONDS} s\n{self.logs()}")
            time.sleep(0.5)
        return answer

    def logs(self) -> str:
        """Return the end of the logs of server and worker."""
        return "\n".join(f"{log.name}\n{log.read_text()[-4000:]}" for log in self.home.glob("*.log"))

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(self.api + path, timeout=5).is_success
        except httpx.TransportError:
            return False


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process group, and kill it after ten seconds."""
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


def test_a_scheduled_run_of_the_monthly_deployment_completes(workspace: Path, tmp_path: Path) -> None:
    home = tmp_path / "prefect"
    home.mkdir()
    prefect = Prefect(home, free_port(), time.monotonic() + AT_MOST_SECONDS)

    with prefect.running("server", "start", "--host", "127.0.0.1", "--port", str(prefect.port)):
        prefect.wait_for(lambda: prefect.answers("/health"))
        with prefect.running("worker", "start", "--pool", "bcf-linkage", "--type", "process", "--limit", "1"):
            prefect.wait_for(lambda: prefect.answers("/work_pools/bcf-linkage"))
            prefect.command("--no-prompt", "deploy", "--name", "monthly-refresh", "--param", f"workspace={workspace}", "--param", "as_at=2014-09-30")

            deployment = prefect.ask("GET", "/deployments/name/refresh/monthly-refresh")
            assert [(s["schedule"]["cron"], s["schedule"]["timezone"]) for s in deployment["schedules"]] == [("0 5 10 * *", "Europe/London")]
            assert deployment["global_concurrency_limit"]["limit"] == 1

            # A short interval: the scheduler does not start runs that were due before it looked.
            soon = {"active": True, "schedule": {"interval": 20, "anchor_date": datetime.now(UTC).isoformat()}}
            prefect.ask("POST", f"/deployments/{deployment['id']}/schedules", [soon])
            run = prefect.wait_for(lambda: finished_run(prefect, deployment["id"]))
            assert run["state"]["type"] == "COMPLETED", prefect.logs()

    assert run["auto_scheduled"]
    assert run["created_by"]["type"] == "SCHEDULE"
    assert run["name"] == "refresh southampton as at 2014-09-30"
    assert run["parameters"] == {"workspace": str(workspace), "as_at": "2014-09-30"}
    assert (workspace / "published" / "current" / "cohorts.duckdb").is_file()


def finished_run(prefect: Prefect, deployment: str) -> Any:
    """Return the finished run of the deployment, or None."""
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}}
    return next(iter(prefect.ask("POST", "/flow_runs/filter", wanted)), None)

"""A copy of the repository, owned by a made-up user of this machine, and its services, up from nothing."""

import os
import shutil
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.waiting import wait_until

HERE = Path(__file__).parents[2]
OWNER = 1234
PORTS = {"AIRFLOW_PORT": "18080", "PREFECT_PORT": "14200"}
LENDER = {"SIMULATE_MONTHS": "13", "SIMULATE_LOANS": "150"}
AIRFLOW = f"http://127.0.0.1:{PORTS['AIRFLOW_PORT']}"
PREFECT = f"http://127.0.0.1:{PORTS['PREFECT_PORT']}"


@dataclass
class Stack:
    """The services, the folder that they work in, and how long they took to come up."""

    folder: Path
    seconds: float = 0.0
    password: str = ""

    def compose(self, *words: str) -> str:
        """What docker-compose prints; an error shows it."""
        names = {**os.environ, **PORTS, **LENDER, "COMPOSE_PROJECT_NAME": "vintage-e2e"}
        command = ["docker-compose", "--ansi", "never", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=names, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-3000:]} {done.stderr[-3000:]}"
        return done.stdout

    def up(self) -> None:
        """Start all services; done when each is healthy and the links are printed."""
        began = time.monotonic()
        self.compose("up", "-d")
        wait_until(
            lambda: "Vintage is ready" in self.compose("logs", "links"),
            lambda: f"the links were never printed: {self.compose('ps')}",
            seconds=180,
        )
        self.seconds = time.monotonic() - began
        said = self.compose("logs", "links").split()
        self.password = said[len(said) - said[::-1].index("password")]

    def airflow(self, method: str, path: str, **body: Any) -> Any:
        """One call of Airflow's API."""
        login = {"username": "admin", "password": self.password}
        token = (
            httpx.post(f"{AIRFLOW}/auth/token", json=login, timeout=60)
            .raise_for_status()
            .json()["access_token"]
        )
        bearer = {"Authorization": f"Bearer {token}"}
        called = httpx.request(
            method, f"{AIRFLOW}/api/v2/{path}", json=body or None, headers=bearer, timeout=60
        )
        assert called.is_success, called.text
        return called.json()

    def trigger(self, dag: str, **params: Any) -> str:
        """Start a run by hand without a date; return its id."""
        return self.airflow("POST", f"dags/{dag}/dagRuns", logical_date=None, conf=params)["dag_run_id"]

    def wait_for_success(self, dag: str, run: str) -> None:
        """Wait until the run has ended, and fail if it failed."""

        def told() -> str:
            log = self.compose("logs", "--tail=40", "airflow-scheduler")
            return f"{dag} {run} is {self.state(dag, run)}: {log}"

        wait_until(lambda: self.state(dag, run) in ("success", "failed"), told, seconds=400)
        assert self.state(dag, run) == "success", told()

    def state(self, dag: str, run: str) -> str:
        """The state of a run."""
        return self.airflow("GET", f"dags/{dag}/dagRuns/{run}")["state"]

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """The state of each task of a run."""
        listed = self.airflow("GET", f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in listed}

    def log(self, dag: str, run: str, task: str) -> str:
        """What a task printed in its first try."""
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/1"
        return "\n".join(str(line.get("event", line)) for line in self.airflow("GET", path)["content"])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """All services, built and up from nothing; taken down with their volumes at the end."""
    folder = tmp_path_factory.mktemp("clone")
    folder.parent.parent.chmod(0o755)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=HERE, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (HERE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / name, folder / name)
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", folder], check=True)
    stack = Stack(folder)
    stack.compose("build")
    try:
        stack.up()
        yield stack
    finally:
        stack.compose("down", "-v", "--remove-orphans")

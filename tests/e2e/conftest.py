"""The submission of a made-up user, made, unzipped, built and brought up as a grader would, from nothing."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx
import pytest

from tests.e2e.browser import Page, chromium
from tests.e2e.waiting import wait_until

HERE = Path(__file__).parents[2]
PICTURES = HERE / "reports" / "e2e"
OWNER = 1234
PORTS = {"AIRFLOW_PORT": "18080", "PREFECT_PORT": "14200"}
AIRFLOW = f"http://127.0.0.1:{PORTS['AIRFLOW_PORT']}"
PREFECT = f"http://127.0.0.1:{PORTS['PREFECT_PORT']}"
BACKFILLS = "backfills?dag_id=vintage_monthly"
# The demo ends a month before; that month comes in before the containers run, so that they train too. Only
# the demo is told of the quick pace: later runs, in containers or not, read it from the record.
LAST = "2023-10-01"
QUICK = {
    "VINTAGE_FIRST_TRAINING_COHORTS": "3",
    "VINTAGE_RETRAIN_EVERY_COHORTS": "1",
    "VINTAGE_OOT_COHORTS": "1",
}


def container_commands() -> list[str]:
    """The commands of the README's container section, in its order."""
    section = (HERE / "README.md").read_text().partition("## In containers")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [" ".join(line.partition("#")[0].split()) for line in lines if line.strip()]


def vintage(home: Path, *words: str, **names: str) -> None:
    """Run the command line in a folder, for its data and its results."""
    environment = {**os.environ, **names, "PREFECT_HOME": str(home.parent / "prefect")}
    subprocess.run([sys.executable, "-m", "flows", *words], check=True, cwd=home, env=environment)


@dataclass
class Stack:
    """The services, and the folder that they work in."""

    folder: Path
    password: str = ""
    files: tuple[str, ...] = ()

    def run(self, command: str) -> str:
        """What a command of the README prints; an error shows it."""
        names = {**os.environ, **PORTS, "COMPOSE_PROJECT_NAME": "vintage-e2e"}
        of_files = "".join(f" -f {file}" for file in self.files)
        words = command.replace("docker-compose", f"docker-compose --ansi never{of_files}", 1)
        words = words.replace(" exec ", " exec -T ", 1)  # there is no terminal here
        done = subprocess.run(
            ["sh", "-c", words], cwd=self.folder, env=names, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]} {done.stderr[-3000:]}"
        return done.stdout

    def compose(self, *words: str) -> str:
        """What docker-compose prints; an error shows it."""
        return self.run(f"docker-compose {shlex.join(words)}")

    def up(self) -> None:
        """Start all services; done when all answer and the links are printed."""
        before = self.n_ready()
        self.compose("up", "-d")
        wait_until(
            lambda: self.n_ready() > before,
            lambda: f"the links were never printed: {self.compose('ps')} {self.compose('logs', '--tail=50')}",
            seconds=900,
        )
        said = self.compose("logs", "links").split()
        self.password = said[len(said) - said[::-1].index("password")]

    def n_ready(self) -> int:
        """How often the links were printed."""
        return self.compose("logs", "links").count("Vintage is ready")

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

        wait_until(lambda: self.state(dag, run) in ("success", "failed"), told, seconds=1200)
        assert self.state(dag, run) == "success", told()

    def wait_for_backfills(self) -> None:
        """Wait until Airflow has no backfill of the monthly DAG to do."""
        wait_until(
            lambda: all(one["completed_at"] for one in self.airflow("GET", BACKFILLS)["backfills"]),
            lambda: f"a backfill never ended: {self.airflow('GET', 'dags/vintage_monthly/dagRuns')}",
            seconds=1200,
        )

    def state(self, dag: str, run: str) -> str:
        """The state of a run."""
        return self.airflow("GET", f"dags/{dag}/dagRuns/{run}")["state"]

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """The state of each task of a run."""
        listed = self.airflow("GET", f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in listed}

    def log(self, dag: str, run: str, task: str, *, errors: bool = False) -> list[str]:
        """What a task, or what went wrong in it, printed in its first try."""
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/1"
        lines = self.airflow("GET", path)["content"]
        return [str(line["event"]) for line in lines if not errors or line.get("level") == "error"]

    @contextmanager
    def logged_in(self, home: Path) -> Generator[Page]:
        """A browser on Airflow's home page, by the printed login."""
        with chromium(home) as page:
            page.open(AIRFLOW)
            page.type("input[name=username]", "admin")
            page.type("input[name=password]", self.password)
            page.press_enter()
            page.wait_for_text("Dag Processor")
            yield page


def copy_of_the_code(folder: Path) -> Path:
    """A repository of what git would commit here."""
    git = ["git", "-c", "user.name=e2e", "-c", "user.email=e2e@example.org"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=HERE, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (HERE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / name, folder / name)
    subprocess.run([*git, "init", "--quiet"], cwd=folder, check=True)
    subprocess.run([*git, "add", "--all"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with a demo in it, and a month more in its data since."""
    home = copy_of_the_code(tmp_path_factory.mktemp("clone"))
    vintage(home, "simulate", "--out", "data", "--loans-per-month", "150", "--months", LAST[5:7])
    whole = {path: path.read_text() for path in (home / "data").glob("*.csv")}
    for path, text in whole.items():
        path.write_text("".join(line for line in text.splitlines(keepends=True) if LAST not in line))
    vintage(home, "demo", **QUICK)
    vintage(home, "submission", "--out", "submission.zip", "--repo-url", "https://example.org/vintage")
    for path, text in whole.items():
        path.write_text(text)
    return home


@pytest.fixture(scope="session")
def stack(clone: Path) -> Generator[Stack]:
    """All services, built and up from the submission, unzipped by another user; removed at the end.

    In a folder of its own: pytest closes those of all its sessions to other users whenever one begins.
    """
    place = Path(mkdtemp(prefix="grader-"))
    place.chmod(0o755)
    folder = place / "my submission"
    zipped = shutil.copy(clone / "submission.zip", place)
    as_owner = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups"]
    if os.getuid() == 0:
        shutil.chown(place, OWNER, OWNER)
    else:
        as_owner = []
    subprocess.run([*as_owner, "unzip", "-q", zipped, "-d", folder], check=True)
    new = [path for path in (clone / "data").glob("*.csv") if (folder / "data" / path.name).exists()]
    for path in new:
        shutil.copyfile(path, folder / "data" / path.name)
    stack = Stack(folder)
    try:
        stack.run(container_commands()[0])
        stack.up()
        yield stack
    finally:
        stack.compose("down", "-v", "--remove-orphans", "--rmi", "local")
        shutil.rmtree(place, ignore_errors=True)

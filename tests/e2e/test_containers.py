"""The containers as those meet them who grade and operate: one test goes on where the last ended."""

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import httpx
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.storage.registry import load_registry
from tests.builders import all_tables
from tests.e2e.browser import chromium
from tests.e2e.conftest import AIRFLOW, HERE, PREFECT, Stack
from tests.e2e.waiting import wait_until
from tests.test_secrets import find_secrets

pytestmark = pytest.mark.e2e
PICTURES = HERE / "reports" / "e2e"
FIRST, LAST = date(2023, 1, 1), date(2024, 1, 1)


def settings_of(home: Path, data: Path) -> Settings:
    return Settings(data=data, datamart=home / "datamart", model_store=home / "model_store")


def registry(settings: Settings) -> list[tuple[str, str, str]]:
    return [(entry.effective_from, entry.model_id, entry.state) for entry in load_registry(settings).entries]


def assert_same_results(one: Settings, other: Settings) -> None:
    ours, theirs = all_tables(one, until=LAST), all_tables(other, until=LAST)
    for name, table in ours.items():
        assert_frame_equal(table, theirs[name], check_exact=False)
    assert registry(one) == registry(other) != []
    charts = sorted(path.name for path in (other.datamart / "charts").iterdir())
    assert sorted(path.name for path in (one.datamart / "charts").iterdir()) == charts != []


@pytest.fixture(scope="module")
def one_click(stack: Stack) -> str:
    """The run that a click on the DAG of all months starts."""
    return stack.trigger("vintage_backfill")


@pytest.fixture(scope="module")
def by_command_line(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same months of the same data by `vintage backfill` on this machine."""
    home = tmp_path_factory.mktemp("by_command_line")
    settings = settings_of(home, stack.folder / "data")
    places = ["--data", settings.data, "--datamart", settings.datamart, "--model-store", settings.model_store]
    span = ["--start", str(FIRST), "--end", str(LAST)]
    command = [sys.executable, "-m", "flows", "backfill", *span, *places]
    names = {**os.environ, "PREFECT_HOME": str(home / "prefect")}
    subprocess.run(command, check=True, cwd=stack.folder, env=names)
    return settings


def test_it_comes_up_within_two_minutes(stack: Stack) -> None:
    assert stack.seconds < 120


def test_a_wrong_password_does_not_get_in(stack: Stack) -> None:
    login = {"username": "admin", "password": "wrong"}
    assert httpx.post(f"{AIRFLOW}/auth/token", json=login).status_code == 401
    assert httpx.get(f"{AIRFLOW}/api/v2/dags").status_code == 401
    assert httpx.post(f"{PREFECT}/api/flow_runs/filter", json={}).status_code == 401
    wrong = httpx.post(f"{PREFECT}/api/flow_runs/filter", json={}, auth=("admin", "wrong"))
    assert wrong.status_code == 401


def test_the_printed_login_opens_both_pages(stack: Stack, tmp_path: Path) -> None:
    with chromium(tmp_path) as page:
        page.open(AIRFLOW)
        page.type("input[name=username]", "admin")
        page.type("input[name=password]", stack.password)
        page.press_enter()
        page.wait_for_text("Dag Processor")
        page.picture(PICTURES / "airflow_home.png")
        page.open(f"{AIRFLOW}/dags")
        page.wait_for_text("vintage_backfill")
        page.picture(PICTURES / "airflow_dags.png")
        page.open(PREFECT)
        page.type("input[type=password]", f"admin:{stack.password}")
        page.press_enter()
        page.wait_for_text("Logout")
        page.picture(PICTURES / "prefect_home.png")


def test_one_click_runs_all_months_and_equals_the_command_line(
    stack: Stack, one_click: str, by_command_line: Settings
) -> None:
    stack.wait_for_success("vintage_backfill", one_click)  # it went on beside the command line's
    assert_same_results(settings_of(stack.folder, stack.folder / "data"), by_command_line)
    log = stack.log("vintage_backfill", one_click, "backfill")
    assert f"{PREFECT.replace('127.0.0.1', 'localhost')}/runs/flow-run/" in log
    login = ("admin", stack.password)
    wanted = {"flow_runs": {"tags": {"all_": [one_click]}}}
    found = httpx.post(f"{PREFECT}/api/flow_runs/filter", json=wanted, auth=login, timeout=60).json()
    assert {"features-2023-01-01", "monitoring-2024-01-01"} <= {flow_run["name"] for flow_run in found}


def test_what_was_made_belongs_to_the_hosts_user(stack: Stack) -> None:
    owner = stack.folder.stat().st_uid
    made = [path for room in ("datamart", "model_store") for path in (stack.folder / room).rglob("*")]
    assert made
    assert {path.stat().st_uid for path in made} == {owner}
    assert stack.folder.joinpath("data", "lms_loan_daily.csv").stat().st_uid == owner


def test_a_month_again_changes_nothing_and_skips_what_has_nothing_to_do(
    stack: Stack, by_command_line: Settings
) -> None:
    stack.airflow("PATCH", "dags/vintage_monthly", is_paused=False)
    run = "scheduled__2023-01-01T00:00:00+00:00"
    wait_until(
        lambda: stack.airflow("GET", "dags/vintage_monthly/dagRuns")["total_entries"],
        lambda: "catch-up never began",
        seconds=180,
    )
    stack.wait_for_success("vintage_monthly", run)
    stack.airflow("PATCH", "dags/vintage_monthly", is_paused=True)
    assert stack.tasks("vintage_monthly", run) == {
        "features": "success",
        "training": "skipped",
        "inference": "skipped",
        "monitoring": "skipped",
    }
    assert_same_results(settings_of(stack.folder, stack.folder / "data"), by_command_line)


def test_a_killed_scheduler_goes_on_where_it_was(stack: Stack, by_command_line: Settings) -> None:
    run = stack.trigger("vintage_backfill", start=str(LAST), end=str(LAST))
    wait_until(
        lambda: stack.tasks("vintage_backfill", run).get("backfill") == "running",
        lambda: f"the task never began: {stack.tasks('vintage_backfill', run)}",
        seconds=180,
    )
    time.sleep(3)
    stack.compose("kill", "-s", "KILL", "airflow-scheduler")
    stack.compose("up", "-d", "--no-deps", "airflow-scheduler")
    stack.wait_for_success("vintage_backfill", run)
    assert_same_results(settings_of(stack.folder, stack.folder / "data"), by_command_line)


def test_down_and_up_again_loses_nothing(stack: Stack) -> None:
    runs, password = stack.airflow("GET", "dags/~/dagRuns")["total_entries"], stack.password
    stack.compose("down")
    stack.up()
    assert stack.password == password
    assert stack.airflow("GET", "dags/~/dagRuns")["total_entries"] == runs


def test_nothing_runs_as_root_and_no_door_is_open(stack: Stack) -> None:
    for container in stack.compose("ps", "-q").split():
        top = docker("top", container, "-o", "pid,uid,args")
        assert {line.split()[1] for line in top.splitlines()[1:]} & {"0"} == set(), top
        ports = docker("port", container)
        assert all("-> 127.0.0.1:" in line for line in ports.splitlines()), ports


def docker(*words: str) -> str:
    """What docker prints; nothing for a container that has ended."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("service", "host", "port"),
    [
        ("prefect", "airflow-apiserver", "8080"),
        ("airflow-dag-processor", "prefect", "4200"),
    ],
)
def test_services_do_not_reach_what_they_need_not(stack: Stack, service: str, host: str, port: str) -> None:
    tried = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    with pytest.raises(AssertionError, match=r"gaierror|TimeoutError"):
        stack.compose("exec", "-T", service, "python3", "-c", tried, host, port)


def test_what_runs_the_pipeline_has_no_secret_in_its_environment(stack: Stack) -> None:
    assert stack.password not in stack.compose("exec", "-T", "airflow-scheduler", "env")
    with pytest.raises(AssertionError, match="No such file"):
        stack.compose("exec", "-T", "airflow-scheduler", "cat", "/keys/postgres/password")


def test_the_image_holds_no_secret_no_compiler_and_no_cache(stack: Stack) -> None:
    look = (
        "ls -d /root/.cache /root/.config /home/* /etc/pip.conf /opt/*/pip.conf 2>/dev/null; which gcc cc uv"
    )
    assert docker("run", "--rm", "vintage", "sh", "-c", look) == ""
    ours = "cat $(find /opt/app /opt/bin /opt/airflow_dags -type f ! -name '*.pyc')"
    text = docker("run", "--rm", "vintage", "sh", "-c", ours)
    assert (
        find_secrets(docker("history", "--no-trunc", "vintage") + docker("inspect", "vintage") + text) == []
    )

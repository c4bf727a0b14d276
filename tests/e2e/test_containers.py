"""The containers as those meet them who grade and operate: one test goes on where the last ended."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.registry.history import load_registry
from tests.builders import all_tables
from tests.e2e.browser import chromium
from tests.e2e.conftest import (
    AIRFLOW,
    LAST,
    PICTURES,
    PREFECT,
    Stack,
    container_commands,
    vintage,
)
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.e2e
MONTHS = [f"2023-{month:02}" for month in range(1, int(LAST[5:7]) + 1)]
FIRST = f"{MONTHS[0]}-01"
MONTHLY = "vintage_monthly"
# Sends a signal to each process of the pipeline in the container and prints how many there were.
SIGNAL = """
import os, sys
from contextlib import suppress
from pathlib import Path
n = 0
for path in Path("/proc").glob("[0-9]*"):
    with suppress(OSError):
        if b"-m\\0flows" in path.joinpath("cmdline").read_bytes():
            os.kill(int(path.name), int(sys.argv[1]))
            n += 1
print(n)
"""


def settings_of(home: Path) -> Settings:
    return Settings(data=home / "data", datamart=home / "datamart", model_store=home / "model_store")


def registry(settings: Settings) -> list[tuple[str, str, str]]:
    entries = load_registry(settings).entries
    return [(entry.effective_from, entry.model_id, entry.state) for entry in entries]


def assert_same_results(one: Settings, other: Settings) -> None:
    ours, theirs = (
        all_tables(one, until=date.fromisoformat(LAST)),
        all_tables(other, until=date.fromisoformat(LAST)),
    )
    for name, table in ours.items():
        assert_frame_equal(table, theirs[name], check_exact=False)
    assert registry(one) == registry(other) != []
    charts = sorted(path.name for path in (other.datamart / "charts").iterdir())
    assert sorted(path.name for path in (one.datamart / "charts").iterdir()) == charts != []


@pytest.fixture(scope="module")
def one_click(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run that a click on Trigger starts, and one on the Trigger of the form that opens."""
    with stack.logged_in(tmp_path_factory.mktemp("browser")) as page:
        page.picture(PICTURES / "airflow_home.png")
        page.open(f"{AIRFLOW}/dags/vintage_backfill")
        page.click("[data-testid=trigger-dag-button]")
        page.wait_for_text("First month")
        page.picture(PICTURES / "airflow_form.png")
        page.click("[data-testid=trigger-dag-submit]:not([disabled])")
        wait_until(
            lambda: stack.airflow("GET", "dags/vintage_backfill/dagRuns")["total_entries"],
            lambda: f"the click started nothing; the page says: {page.text()[:500]}",
            seconds=120,
        )
    return stack.airflow("GET", "dags/vintage_backfill/dagRuns")["dag_runs"][0]["dag_run_id"]


@pytest.fixture(scope="module")
def by_command_line(clone: Path) -> Settings:
    """The same months of the same data by `vintage backfill` where the demo ran."""
    vintage(clone, "backfill", "--start", FIRST, "--end", LAST)
    return settings_of(clone)


def test_a_wrong_password_does_not_get_in(stack: Stack) -> None:
    login = {"username": "admin", "password": "wrong"}
    assert httpx.post(f"{AIRFLOW}/auth/token", json=login).status_code == 401
    assert httpx.get(f"{AIRFLOW}/api/v2/dags").status_code == 401
    assert httpx.post(f"{PREFECT}/api/flow_runs/filter", json={}).status_code == 401
    wrong = httpx.post(f"{PREFECT}/api/flow_runs/filter", json={}, auth=("admin", "wrong"))
    assert wrong.status_code == 401


def test_one_click_runs_all_months_and_equals_the_command_line(
    stack: Stack, one_click: str, by_command_line: Settings
) -> None:
    stack.wait_for_success("vintage_backfill", one_click)  # it went on beside the command line's
    states = stack.tasks("vintage_backfill", one_click)
    assert states == dict.fromkeys(["choose", *MONTHS, "all_months"], "success")
    assert_same_results(settings_of(stack.folder), by_command_line)
    assert any(model.startswith(LAST) for _, model, _ in registry(by_command_line))
    assert stack.airflow("GET", f"dags/{MONTHLY}/dagRuns")["total_entries"] == 0  # nothing is caught up on


def test_each_flow_of_the_run_is_found_in_prefect(stack: Stack, one_click: str) -> None:
    address = f"{PREFECT.replace('127.0.0.1', 'localhost')}/runs/flow-run/"
    assert address in "\n".join(stack.log("vintage_backfill", one_click, MONTHS[0]))
    wanted = {"flow_runs": {"tags": {"all_": [one_click]}}}
    login = ("admin", stack.password)
    found = httpx.post(f"{PREFECT}/api/flow_runs/filter", json=wanted, auth=login, timeout=60).json()
    assert {f"features-{FIRST}", f"monitoring-{LAST}"} <= {flow_run["name"] for flow_run in found}


def test_the_pages_show_it(stack: Stack, one_click: str, tmp_path: Path) -> None:
    with stack.logged_in(tmp_path / "airflow") as page:
        page.open(f"{AIRFLOW}/dags/vintage_backfill/runs/{one_click}")
        page.wait_for_text(MONTHS[-1])
        page.picture(PICTURES / "airflow_months.png")
        page.open(f"{AIRFLOW}/assets")
        page.wait_for_text("gold.predictions")
    with chromium(tmp_path / "prefect") as page:
        page.open(PREFECT)
        page.type("input[type=password]", f"admin:{stack.password}")
        page.press_enter()
        page.wait_for_text("Logout")
        page.picture(PICTURES / "prefect_home.png")


def test_the_links_stay_on_the_screen(stack: Stack) -> None:
    logs = stack.compose("logs", "--no-color", "-t").splitlines()
    stamped = [found for line in logs if (found := re.search(r"\| +(\d{4}-\d\d-\d\dT\S+Z) ?(.*)", line))]
    said = [line[2] for line in sorted(stamped, key=lambda found: found[1])]
    ready = next(number for number, line in enumerate(said) if "Vintage is ready" in line)
    assert len(said[ready:]) < 30, said[ready:]


def test_all_parts_of_airflow_are_healthy(stack: Stack) -> None:
    parts = stack.airflow("GET", "monitor/health")
    assert {part["status"] for part in parts.values()} == {"healthy"}
    assert parts.keys() == {"metadatabase", "scheduler", "triggerer", "dag_processor"}


def test_what_was_made_belongs_to_the_hosts_user_and_is_written_by_nobody_else(stack: Stack) -> None:
    owner = stack.folder.stat().st_uid
    made = [path for room in ("datamart", "model_store") for path in (stack.folder / room).rglob("*")]
    assert made
    assert {path.stat().st_uid for path in made} == {owner}
    assert [path for path in made if path.stat().st_mode & 0o002] == []
    assert stack.folder.joinpath("data", "lms_loan_daily.csv").stat().st_uid == owner


def test_every_command_of_the_readme_works_and_down_and_up_loses_nothing(
    stack: Stack, by_command_line: Settings
) -> None:
    build, up, *others, down = container_commands()
    assert (build, up, down) == ("docker-compose build", "docker-compose up", "docker-compose down")
    for command in others:
        stack.run(command)
        stack.wait_for_backfills()
    runs, password = stack.airflow("GET", "dags/~/dagRuns")["total_entries"], stack.password
    stack.run(down)
    stack.up()
    assert stack.password == password
    assert stack.airflow("GET", "dags/~/dagRuns")["total_entries"] == runs
    assert_same_results(settings_of(stack.folder), by_command_line)


def test_the_backfill_of_the_readme_ran_month_by_month_and_skipped_what_has_nothing_to_do(
    stack: Stack,
) -> None:
    runs = stack.airflow("GET", f"dags/{MONTHLY}/dagRuns?order_by=start_date")["dag_runs"]
    assert [run["dag_run_id"][:21] for run in runs] == ["backfill__2023-01-01T", "backfill__2023-02-01T"]
    assert runs[0]["end_date"] <= runs[1]["start_date"]
    assert stack.tasks(MONTHLY, runs[0]["dag_run_id"]) == {
        "features": "success",
        "training": "skipped",
        "inference": "skipped",
        "monitoring": "skipped",
    }


def test_the_backfill_of_the_page_runs_one_month_alone(stack: Stack) -> None:
    day = f"{MONTHS[4]}-01T00:00:00Z"
    # What the form of the page sends when nothing but the dates is filled in.
    form: dict[str, Any] = {"reprocess_behavior": "none", "max_active_runs": 1, "run_backwards": False}
    stack.airflow("POST", "backfills", dag_id=MONTHLY, from_date=day, to_date=day, **form)
    stack.wait_for_backfills()
    assert stack.state(MONTHLY, f"backfill__{MONTHS[4]}-01T00:00:00+00:00") == "success"


def test_a_deployment_started_in_prefect_does_its_work(stack: Stack, by_command_line: Settings) -> None:
    with httpx.Client(base_url=f"{PREFECT}/api", auth=("admin", stack.password), timeout=60) as prefect:
        served = "deployments/name/features/vintage"
        wait_until(lambda: prefect.get(served).is_success, lambda: "nothing is served", seconds=300)
        path = f"deployments/{prefect.get(served).json()['id']}/create_flow_run"
        run = prefect.post(path, json={"parameters": {"snapshot_date": FIRST}}).raise_for_status().json()

        def state() -> str:
            return prefect.get(f"flow_runs/{run['id']}").json()["state_type"]

        ended = ("COMPLETED", "FAILED", "CRASHED")
        wait_until(lambda: state() in ended, lambda: f"it is {state()} still", seconds=300)
        assert state() == "COMPLETED"
        of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
        tasks = prefect.post("task_runs/filter", json=of_run).raise_for_status().json()
    ended_well = {task["name"] for task in tasks if task["state_type"] == "COMPLETED"}
    assert ended_well >= {f"{step} {FIRST}" for step in ("ingest", "build labels", "build feature store")}
    assert_same_results(settings_of(stack.folder), by_command_line)


def test_a_broken_file_lets_airflow_open_and_is_the_error_of_the_task(
    stack: Stack, by_command_line: Settings, tmp_path: Path
) -> None:
    loans = stack.folder / "data" / "lms_loan_daily.csv"
    whole = loans.read_bytes()
    loans.write_bytes(b"")
    stack.up()
    run = stack.trigger(MONTHLY, month=FIRST)
    wait_until(lambda: stack.state(MONTHLY, run) == "failed", lambda: "it never failed", seconds=600)
    assert stack.airflow("GET", f"dags/{MONTHLY}/dagRuns/{run}/taskInstances/features")["try_number"] == 1
    sentence, told = stack.log(MONTHLY, run, "features", errors=True)
    assert sentence == (
        "vintage: /vintage/data/lms_loan_daily.csv is empty (0 bytes). Ask the sender for the file again."
    )
    assert told == "Task exited"
    with stack.logged_in(tmp_path) as page:
        page.open(f"{AIRFLOW}/dags/{MONTHLY}/runs/{run}/tasks/features")
        page.wait_for_text("Ask the sender for the file again.")
        page.picture(PICTURES / "airflow_refusal.png")
        assert "Traceback" not in page.text()
    loans.write_bytes(whole)
    stack.airflow("POST", f"dags/{MONTHLY}/dagRuns/{run}/clear", dry_run=False)
    stack.wait_for_success(MONTHLY, run)
    assert_same_results(settings_of(stack.folder), by_command_line)


def test_a_killed_command_and_a_killed_scheduler_are_tried_again(
    stack: Stack, by_command_line: Settings
) -> None:
    run = stack.trigger("vintage_backfill", start=LAST, end=LAST)
    task = f"dags/vintage_backfill/dagRuns/{run}/taskInstances/{MONTHS[-1]}"

    def signalled(number: int) -> bool:
        as_owner = ["exec", "airflow-scheduler", "as-owner", "python3", "-c", SIGNAL]
        return int(stack.compose(*as_owner, str(number)) or 0) > 0

    wait_until(lambda: signalled(9), lambda: f"it never began: {stack.airflow('GET', task)}", seconds=300)
    wait_until(
        lambda: stack.airflow("GET", task)["try_number"] > 1 and signalled(0),
        lambda: f"it was not tried again: {stack.airflow('GET', task)}",
        seconds=300,
    )
    tried = stack.airflow("GET", task)["try_number"]
    stack.compose("kill", "-s", "KILL", "airflow-scheduler")
    stack.compose("up", "-d", "--no-deps", "airflow-scheduler")
    stack.wait_for_success("vintage_backfill", run)
    assert stack.airflow("GET", task)["try_number"] == tried + 1
    assert_same_results(settings_of(stack.folder), by_command_line)

"""Airflow with two Celery workers, and tables and models on an S3 server: docker/scale.yaml, for real.

Run by hand, with Docker: pytest -m slow -n 0 tests/e2e/test_scale.py
"""

import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from polars.testing import assert_frame_equal

from flows.backfill import run_backfill
from tasks.config import Settings
from tests.builders import all_tables, month, months, write_book
from tests.e2e.conftest import Stack, copy_of_the_code

FILES = ("docker-compose.yaml", "docker/scale.yaml")
BACKFILL = "vintage_backfill"
N_MONTHS = 2
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("docker-compose"), reason="needs Docker and docker-compose"),
]


@pytest.fixture(scope="module")
def scaled() -> Generator[Stack]:
    """All services of both files, built and up; removed at the end."""
    place = Path(mkdtemp(prefix="scale-"))
    place.chmod(0o755)
    folder = copy_of_the_code(place)
    write_book(folder / "data", n_months=N_MONTHS, loans_per_month=40)
    stack = Stack(folder, files=FILES)
    try:
        stack.compose("build")
        stack.up()
        yield stack
    finally:
        stack.compose("down", "-v", "--remove-orphans", "--rmi", "local")
        shutil.rmtree(place, ignore_errors=True)


def containers(stack: Stack, service: str) -> list[str]:
    return stack.compose("ps", "-q", service).split()


def run_month(stack: Stack, number: int) -> str:
    """Run the features of a month by Airflow; the host on which its task ran."""
    day, flows = str(month(number)), ["features"]
    run = stack.trigger(BACKFILL, start=day, end=day, flows=flows)
    stack.wait_for_success(BACKFILL, run)
    return stack.airflow("GET", f"dags/{BACKFILL}/dagRuns/{run}/taskInstances/{day[:7]}")["hostname"]


def test_months_are_run_by_workers_of_which_one_may_die_and_equal_the_command_line(
    scaled: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = containers(scaled, "airflow-worker")
    assert len(workers) == 2
    host = run_month(scaled, 0)
    (ran,) = [worker for worker in workers if worker.startswith(host)]
    subprocess.run(["docker", "rm", "--force", ran], check=True, capture_output=True)
    other = run_month(scaled, 1)
    workers.remove(ran)
    assert workers[0].startswith(other)

    here = Settings(
        data=scaled.folder / "data", datamart=tmp_path / "datamart", model_store=tmp_path / "models"
    )
    run_backfill(months(N_MONTHS), ["features"], here, step=lambda _day, _flow: None)
    (server,) = containers(scaled, "object-store")
    where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    look = ["docker", "inspect", "--format", where, server]
    address = subprocess.run(look, check=True, capture_output=True, text=True).stdout.strip()
    names = {"ENDPOINT_URL": f"http://{address}:9000", "ALLOW_HTTP": "true", "REGION": "us-east-1"}
    for name, value in {**names, "ACCESS_KEY_ID": "any", "SECRET_ACCESS_KEY": "any"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    there = Settings.model_validate(
        {"datamart": "s3://lake/datamart", "model_store": "s3://lake/model_store"}
    )
    expected, found = (all_tables(one, until=month(N_MONTHS)) for one in (here, there))
    assert expected["gold.feature_store"].height
    for table, rows in expected.items():
        assert_frame_equal(found[table], rows)
    assert not (scaled.folder / "datamart" / "gold").exists()


def test_the_dag_asks_for_the_months_itself(scaled: Stack) -> None:
    write_book(scaled.folder / "more", n_months=N_MONTHS + 1, loans_per_month=40)
    for file in (scaled.folder / "more").glob("*.csv"):
        shutil.copyfile(file, scaled.folder / "data" / file.name)
    run = scaled.trigger("vintage_months")
    scaled.wait_for_success("vintage_months", run)
    kept = scaled.airflow("GET", "variables/vintage_months")["value"]
    assert kept == f"{month(0)} {month(N_MONTHS)}"

"""A Prefect work pool: what `vintage deploy --pool` leaves to it runs in a worker, as on the command line."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import server
from flows.backfill import FLOWS, run_backfill
from tasks.config import Settings
from tests.builders import all_tables, month, months, quick_settings, write_book

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
VINTAGE = (sys.executable, "-m", "flows")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """That of processes which find a Prefect server of the tests' own."""
    home = tmp_path_factory.mktemp("prefect")
    with temporary_settings({PREFECT_HOME: home}):
        api_url = server.start()
        yield {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": api_url}
        server.stop()


def run(environment: dict[str, str], *words: str | Path, cwd: Path = ROOT) -> str:
    """What a command says; an error shows it."""
    done = subprocess.run(
        words, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_pool_that_is_not_there_is_named_with_what_makes_it(
    environment: dict[str, str],
) -> None:
    done = subprocess.run(
        [*VINTAGE, "deploy", "--pool", "none"], env=environment, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no work pool none. Make it with: prefect work-pool create none" in done.stderr


def test_a_worker_makes_the_tables_of_the_command_line(environment: dict[str, str], tmp_path: Path) -> None:
    data = write_book(tmp_path / "data", n_months=2, loans_per_month=30)
    here, there = (quick_settings(data, tmp_path / name) for name in ("here", "there"))
    run_backfill(months(2), FLOWS, here, step=lambda _day, _flow: None)
    run(environment, PREFECT, "work-pool", "create", "lenders", "--type", "process")
    places = ("--data", data, "--datamart", there.datamart, "--model-store", there.model_store)
    run(environment, *VINTAGE, "deploy", "--pool", "lenders", *places)
    asked = (f"start={month(0)}", "--param", f"end={month(1)}")
    run(environment, PREFECT, "deployment", "run", "backfill/vintage", "--param", *asked)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    worker = ("worker", "start", "--pool", "lenders", "--type", "process", "--run-once")
    said = run(environment, PREFECT, *worker, cwd=elsewhere)
    assert states(environment) == {"backfill-2023-01-01-2023-02-01": "Completed"}, said
    assert_same(here, there)


def states(environment: dict[str, str]) -> dict[str, str | None]:
    """The state of each run that a deployment began."""
    with (
        temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        return {one.name: one.state_name for one in client.read_flow_runs() if one.deployment_id}


def assert_same(one: Settings, other: Settings) -> None:
    expected, found = (all_tables(settings, until=month(2)) for settings in (one, other))
    assert expected["gold.feature_store"].height
    for name, table in expected.items():
        assert_frame_equal(found[name], table)

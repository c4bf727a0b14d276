"""The same flows as Prefect runs, on a real server that `vintage ui` starts."""

import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from datetime import date
from pathlib import Path

import pytest
from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun
from prefect.context import TaskRunContext
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import server
from flows.backfill import FLOWS, run_backfill
from flows.dask_cluster import scheduler
from flows.engine import monthly_flow, run_flow
from flows.features import features
from tasks.config import Settings
from tasks.errors import BadInputError, NothingToDoError
from tasks.prefect import all_sent
from tasks.store import tables
from tests.book import build_book, without_applications
from tests.builders import month, months, quick_settings, write_book

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Prefect's home with a server that answers."""
    home = tmp_path_factory.mktemp("prefect")
    with temporary_settings({PREFECT_HOME: home}):
        server.start()
        yield home
        server.stop()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return quick_settings(write_book(home / "data", n_months=2, loans_per_month=30), home)


@pytest.fixture(scope="module")
def client(prefect_home: Path) -> Generator[SyncPrefectClient]:
    with (
        temporary_settings({PREFECT_API_URL: server.address_of_ours()}),
        get_client(sync_client=True) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def recorded(settings: Settings, client: SyncPrefectClient) -> dict[str, FlowRun]:
    run_backfill(months(2), ["features", "inference"], settings, step=lambda _day, _flow: None)
    assert all_sent(seconds=60)
    return {run.name: run for run in client.read_flow_runs()}


def test_every_flow_of_every_date_is_a_named_and_tagged_run(recorded: dict[str, FlowRun]) -> None:
    assert set(recorded) == {
        "backfill-2023-01-01-2023-02-01",
        *(f"{flow}-2023-0{i}-01" for flow in ("features", "inference") for i in (1, 2)),
    }
    assert set(recorded["features-2023-02-01"].tags) == {"vintage", "2023-02", "backfill"}


def test_nothing_to_do_is_completed_and_named_skipped(recorded: dict[str, FlowRun]) -> None:
    states = {name: run.state_name for name, run in recorded.items()}
    assert states["features-2023-01-01"] == "Completed"
    assert states["inference-2023-01-01"] == "Skipped"


def test_every_task_is_a_run_with_a_name_that_says_what_and_when(
    recorded: dict[str, FlowRun], client: SyncPrefectClient
) -> None:
    flows = {run.id for run in recorded.values()}
    runs = [run for run in client.read_task_runs() if run.flow_run_id in flows]
    steps = {"ingest": "Completed", "build labels": "Completed", "build feature store": "Completed"}
    assert Counter((run.name, run.state_name) for run in runs) == {
        (f"{step} {day}", state): 1
        for step, state in {**steps, "score day": "Skipped"}.items()
        for day in months(2)
    }


@pytest.mark.usefixtures("recorded")
def test_a_flow_has_one_artifact_key_and_begins_with_what_came_out(client: SyncPrefectClient) -> None:
    found = client.read_artifacts()
    assert Counter(artifact.key for artifact in found) == {"features": 2, "backfill": 1}
    newest = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["features"])))[
        0
    ]
    assert str(newest.data).startswith("**Features of 2023-0")


def test_the_log_of_a_run_holds_what_became_of_the_rows(
    recorded: dict[str, FlowRun], client: SyncPrefectClient
) -> None:
    run = recorded["features-2023-02-01"]
    logs = client.request(
        "POST", "/logs/filter", json={"logs": {"flow_run_id": {"any_": [str(run.id)]}}}
    ).json()
    said = [line["message"] for line in logs if line["name"] == "vintage"]
    assert any(line.startswith("Features of 2023-02-01: 30 applications") for line in said)
    assert any(line.startswith("loans: ") and line.endswith("in quarantine") for line in said)


@pytest.mark.usefixtures("recorded")
def test_an_error_reaches_the_caller_as_it_was_raised(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is missing"):
        run_flow(features, month(0), Settings(data=tmp_path, datamart=tmp_path / "datamart"))


@pytest.mark.usefixtures("recorded")
def test_a_backfill_goes_on_after_a_month_without_applications(tmp_path: Path) -> None:
    data = without_applications(build_book(months=3, loans_per_month=30), 1).write(tmp_path / "data")
    settings = quick_settings(data, tmp_path).model_copy(update={"allow_volume": True})
    run_backfill(months(3), ["features", "inference"], settings, step=lambda _day, _flow: None)
    assert tables.snapshot_dates("gold.feature_store", settings) == [month(0), month(2)]


@pytest.mark.usefixtures("recorded")
def test_a_backfill_of_months_that_have_not_come_in_has_nothing_to_do(settings: Settings) -> None:
    steps: list[tuple[date, str]] = []
    with pytest.raises(NothingToDoError, match=f"No rows of {month(31)}"):
        run_backfill([month(30), month(31)], FLOWS, settings, step=lambda *step: steps.append(step))
    assert steps == [(month(30), "features"), (month(31), "features")]


@pytest.mark.usefixtures("recorded")
def test_tasks_carry_no_tag_for_which_prefect_would_ask_the_server_for_a_limit() -> None:
    seen: list[set[str]] = []

    @task
    def look() -> None:
        context = TaskRunContext.get()
        assert context is not None
        seen.append(set(context.task_run.tags))

    @monthly_flow("looking")
    def looking(_day: date, _settings: Settings) -> None:
        look()

    run_flow(looking, month(0), Settings())
    assert seen == [set()]


@pytest.mark.usefixtures("recorded")
def test_months_on_workers_are_tasks_of_the_backfill_and_runs_of_their_own(
    settings: Settings, client: SyncPrefectClient, tmp_path: Path
) -> None:
    apart = settings.model_copy(update={"datamart": tmp_path, "run_tag": "on-workers"})
    with scheduler(2, None) as them:
        run_backfill(months(2), ["features"], apart, step=lambda _day, _flow: None, workers=them)
    assert all_sent(seconds=60)
    runs = {run.name: run for run in client.read_flow_runs() if "on-workers" in run.tags}
    of_month = {f"features-{day}" for day in months(2)}
    assert {name for name, run in runs.items() if run.state_name == "Completed"} >= of_month
    backfill = runs["backfill-2023-01-01-2023-02-01"].id
    handed = [run for run in client.read_task_runs() if run.flow_run_id == backfill]
    expected = {(f"features {day}", "Completed"): 1 for day in months(2)}
    assert Counter((run.name, run.state_name) for run in handed) == expected


def test_two_backfills_at_once_of_different_datamarts_are_recorded_in_one_server(
    prefect_home: Path,
    settings: Settings,
    client: SyncPrefectClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(prefect_home))
    words = ["backfill", "--start", "2023-01-01", "--end", "2023-02-01", "--flows", "features"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "flows", *words, "--data", settings.data, "--datamart", tmp_path / name],
            env=None,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in ("one", "two")
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    names = Counter(run.name for run in client.read_flow_runs() if run.state_name == "Completed")
    assert names["backfill-2023-01-01-2023-02-01"] >= 2


def test_a_server_that_runs_is_found_and_not_started_twice(prefect_home: Path) -> None:
    assert server.start() == server.address_of_ours()

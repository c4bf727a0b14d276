"""The same flows as Prefect runs, on a real local server."""

from collections import Counter
from collections.abc import Generator
from datetime import date
from pathlib import Path

import pytest
from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import TaskRunContext
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.backfill import FLOWS, run_backfill
from flows.engine import local_server, monthly_flow, run_flow, starting_server
from flows.features import features
from tasks.config import Settings
from tasks.errors import BadInputError, NothingToDoError, VintageError
from tasks.storage import tables
from tests.builders import month, months, quick_settings, write_book
from tests.faults.book import build_book, without_applications


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return quick_settings(write_book(home / "data", n_months=2, loans_per_month=30), home)


@pytest.fixture(scope="module")
def recorded(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, FlowRun]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        with starting_server(), local_server():
            run_backfill(months(2), ["features", "inference"], settings, step=lambda _day, _flow: None)
        with local_server(), get_client(sync_client=True) as client:
            yield {run.name: run for run in client.read_flow_runs()}


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


def test_what_became_of_every_task_outlives_the_server(recorded: dict[str, FlowRun]) -> None:
    flows = {run.id for run in recorded.values()}
    with get_client(sync_client=True) as client:
        runs = [run for run in client.read_task_runs() if run.flow_run_id in flows]
    left = Counter((run.name.split("-")[0], run.state_name) for run in runs)
    assert left == {
        ("ingest", "Completed"): 2,
        ("build_labels", "Completed"): 2,
        ("build_feature_store", "Completed"): 2,
        ("score_day", "Skipped"): 2,
    }


@pytest.mark.usefixtures("recorded")
def test_a_run_leaves_a_summary_and_a_table() -> None:
    with get_client(sync_client=True) as client:
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert {"features-2023-01-01", "features-2023-01-01-table", "backfill"} <= keys


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
        run_backfill([month(30), month(31)], list(FLOWS), settings, step=lambda *step: steps.append(step))
    assert steps == [(month(30), "features"), (month(31), "features")]


def test_a_server_that_does_not_answer_is_named_with_what_to_do(settings: Settings) -> None:
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(VintageError, match=r"1:9/api does not answer .* unset PREFECT_API_URL"),
    ):
        run_flow(features, month(0), settings)


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

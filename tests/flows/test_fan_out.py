"""Months on Dask workers give what they give in one process, whoever is killed on the way."""

import signal
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

from flows import dask_cluster
from flows.backfill import FLOWS, run_backfill
from flows.dask_cluster import Scheduler, scheduler
from flows.fan_out import plain_values
from tasks.config import Settings, checked_settings
from tasks.errors import BadInputError, NothingToDoError, PassingError, UsageError
from tasks.registry.history import load_registry
from tasks.store import tables
from tasks.store.folders import remove_folder
from tests.book import build_book
from tests.builders import all_tables, month, months, quick_settings, write_book
from tests.faults.shop import first_of

N_MONTHS = 9


def settings_of(data: Path, home: Path) -> Settings:
    """Labels at MOB 2, so that there is a champion soon."""
    return quick_settings(data, home).model_copy(update={"label_mob": 2})


def ignore(_day: date, _flow: str) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("alone")
    settings = settings_of(write_book(home / "data", n_months=N_MONTHS, loans_per_month=80), home)
    run_backfill(months(N_MONTHS), FLOWS, settings, step=ignore)
    return settings


def assert_same_tables(ours: Settings, theirs: Settings) -> None:
    expected, found = (all_tables(one, until=month(N_MONTHS)) for one in (ours, theirs))
    assert expected["gold.predictions"].height
    for name, table in expected.items():
        assert_frame_equal(found[name], table, check_exact=True)


def assert_same_features(ours: Settings, theirs: Settings) -> None:
    expected, found = (all_tables(one, until=month(N_MONTHS)) for one in (ours, theirs))
    for name in ("silver.loans", "gold.feature_store", "gold.label_store"):
        assert_frame_equal(found[name], expected[name], check_exact=True)


def artefacts(settings: Settings) -> list[tuple[str, str, str]]:
    return [(one.model_id, one.state, one.sha256) for one in load_registry(settings).entries]


@pytest.mark.integration
def test_two_workers_give_the_tables_and_models_of_one_process(alone: Settings, tmp_path: Path) -> None:
    settings = settings_of(alone.data, tmp_path)
    with scheduler(2, None) as them:
        run_backfill(months(N_MONTHS), FLOWS, settings, step=ignore, workers=them)
        assert_same_tables(alone, settings)
        assert artefacts(settings) == artefacts(alone)
        built = tables.version_of("gold.feature_store", settings)
        remove_folder(tables.path_of("gold.predictions", settings))
        run_backfill(months(N_MONTHS), ["features", "inference"], settings, step=ignore, workers=them)
    assert_same_tables(alone, settings)
    assert tables.version_of("gold.feature_store", settings) == built


@pytest.mark.slow
def test_what_is_wrong_with_a_month_is_raised_in_its_turn(tmp_path: Path) -> None:
    """Two months built at once hold the same loan_id: the later one is refused, the earlier one is not."""
    book = build_book(months=3, loans_per_month=30)
    first, third = (book.frames["loans"].filter(first_of(n, mob=0))["loan_id"].item() for n in (0, 2))
    over = (pl.col("loan_id") == first) & (pl.col("snapshot_date") >= str(month(1)))
    name = pl.col("loan_id").replace({third: first})
    again = book.change("loans", lambda rows: rows.filter(~over).with_columns(loan_id=name))
    settings = settings_of(again.write(tmp_path / "data"), tmp_path)
    steps: list[tuple[date, str]] = []
    run = partial(run_backfill, months(3), FLOWS, settings, step=lambda *one: steps.append(one))
    with scheduler(2, None) as them, pytest.raises(BadInputError, match=f"The loan_id {first} is that"):
        run(workers=them)
    assert steps[-1] == (month(2), "features")
    assert {month(0), month(1)} <= {*tables.snapshot_dates("gold.feature_store", settings)}
    assert month(2) not in tables.snapshot_dates("gold.feature_store", settings)


@pytest.mark.integration
def test_months_that_have_not_come_in_are_nothing_to_do(alone: Settings) -> None:
    with scheduler(2, None) as them, pytest.raises(NothingToDoError, match=f"No rows of {month(31)}"):
        run_backfill([month(30), month(31)], ["features"], alone, step=ignore, workers=them)


def begin(alone: Settings, home: Path) -> "subprocess.Popen[str]":
    """A backfill by two workers in a process of its own, in which the first month's features are awaited."""
    places = ["--data", alone.data, "--datamart", home / "datamart", "--model-store", home / "model_store"]
    words = ["backfill", "--start", str(month(0)), "--end", str(month(N_MONTHS - 1)), "--workers", "2"]
    words += ["--flows", "features"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", *words, *places], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == f"{month(0):%Y-%m} features\n"
    return process


@pytest.fixture
def same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of this module for processes of their own."""
    for name in ("first_training_cohorts", "retrain_every_cohorts", "trials", "label_mob"):
        value = getattr(settings_of(Path(), Path()), name)
        monkeypatch.setenv(f"VINTAGE_{name.upper()}", str(value))


@pytest.mark.slow
@pytest.mark.usefixtures("same_environment")
def test_a_worker_that_is_killed_costs_no_month(alone: Settings, tmp_path: Path) -> None:
    process = begin(alone, tmp_path)
    spawned = [
        one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())
    ]
    assert len(spawned) == 2
    spawned[0].kill()
    said = process.communicate()[1]
    assert process.returncode == 0, said
    assert_same_features(alone, settings_of(alone.data, tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("same_environment")
def test_a_command_that_is_killed_with_its_scheduler_is_run_again(alone: Settings, tmp_path: Path) -> None:
    process = begin(alone, tmp_path)
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    settings = settings_of(alone.data, tmp_path)
    psutil.wait_procs(workers, timeout=60)  # workers whose command is gone end by themselves
    assert not [one for one in workers if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    with scheduler(2, None) as them:
        run_backfill(months(N_MONTHS), ["features"], settings, step=ignore, workers=them)
    assert_same_features(alone, settings)


@pytest.mark.slow
def test_a_scheduler_that_runs_elsewhere_is_used(alone: Settings, tmp_path: Path) -> None:
    from distributed import LocalCluster

    settings = settings_of(alone.data, tmp_path)
    with LocalCluster(
        n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address: str = cluster.scheduler_address
        with scheduler(1, address) as them:
            run_backfill(months(2), ["features"], settings, step=ignore, workers=them)
    assert tables.snapshot_dates("gold.feature_store", settings) == months(2)


@pytest.mark.integration
def test_a_scheduler_that_does_not_answer_is_one_sentence(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.1)
    nobody = Scheduler("tcp://127.0.0.1:9")
    with pytest.raises(PassingError, match=r"at tcp://127.0.0.1:9 does not answer"):
        run_backfill(months(1), ["features"], alone, step=ignore, workers=nobody)


def test_one_worker_is_this_process() -> None:
    with scheduler(1, None) as them:
        assert them is None


@pytest.mark.parametrize(
    ("workers", "cluster", "words"),
    [(2, "tcp://host:8786", "give one of them"), (1, "host", "write it as tcp://host:8786")],
)
def test_workers_that_cannot_be_are_wrong_usage(workers: int, cluster: str, words: str) -> None:
    with pytest.raises(UsageError, match=words), scheduler(workers, cluster):
        pass


def test_without_the_extra_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pip install '\.\[scale\]'"), scheduler(2, None):
        pass


@pytest.mark.integration
def test_without_workers_nothing_of_dask_is_imported(alone: Settings, tmp_path: Path) -> None:
    code = (
        "import sys; from flows.cli.main import command\ntry: command()\nfinally: print(sorted("
        "{'dask', 'distributed', 'prefect_dask'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    places = ["--data", alone.data, "--datamart", tmp_path / "datamart", "--model-store", tmp_path / "models"]
    words = ["backfill", "--start", "2023-01-01", "--end", "2023-01-01", *places]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_settings_reach_a_worker_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VINTAGE_SEED", "7")
    sent = checked_settings({"data": tmp_path, "datamart": tmp_path / "datamart", "cutoff_pd": 0.2})
    monkeypatch.delenv("VINTAGE_SEED")
    received = checked_settings(plain_values(sent))
    assert received == sent


def test_a_relative_folder_is_sent_as_it_is_found_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = plain_values(checked_settings({"datamart": "here", "model_store": "s3://lake/models"}))
    assert sent["datamart"] == str(tmp_path / "here")
    assert sent["model_store"] == "s3://lake/models"

"""A dry run says what the backfill then does, and leaves everything as it was."""

from pathlib import Path

import polars as pl
import pytest

from flows.cli.main import command
from tasks.config import Settings
from tasks.registry.history import load_registry
from tasks.reporting.backfill_plan import plan_backfill
from tasks.store import tables
from tests.builders import FLOWS, month, months, quick_settings, run_months, write_book

pytestmark = pytest.mark.integration

NAMES = [flow.name for flow in FLOWS]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return quick_settings(write_book(home / "data", n_months=11), home)


def steps(settings: Settings, first: int, last: int) -> pl.DataFrame:
    return plan_backfill([month(number) for number in range(first, last + 1)], NAMES, settings)


def test_the_plan_is_what_then_runs(settings: Settings) -> None:
    planned = steps(settings, 0, 10).filter(flow="training", runs="yes")["month"].to_list()
    perhaps = steps(settings, 0, 10).filter(flow="inference", runs="perhaps")["month"].to_list()
    run_months(settings, months(11))
    trained = {
        entry.effective_from for entry in load_registry(settings).entries if entry.state == "challenger"
    }
    assert {str(day) for day in planned} <= trained
    assert set(tables.snapshot_dates("gold.predictions", settings)) <= set(perhaps)
    again = steps(settings, 0, 10)
    assert again.filter(flow="training", runs="yes").is_empty()
    assert set(again.filter(flow="inference", runs="yes")["month"]) == set(
        tables.snapshot_dates("gold.predictions", settings)
    )


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_book(tmp_path / "data", n_months=2, loans_per_month=20)
    places = {"data": data, "datamart": tmp_path / "datamart", "model-store": tmp_path / "model_store"}
    words = ["backfill", "--start", str(month(0)), "--end", str(month(1)), "--dry-run"]
    with pytest.raises(SystemExit) as end:
        command([*words, *(word for name, place in places.items() for word in (f"--{name}", str(place)))])
    assert end.value.code == 0
    assert "6 more cohorts must ripen" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]

"""A month's economics as the flow writes them, recomputed from the raw files and the scores."""

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.cli.main import command
from tasks.config import Settings
from tasks.economics.tasks import measure_economics
from tasks.schemas.economics import keep_economics
from tasks.store import tables
from tests.builders import month, months, quick_settings, run_months, write_book
from tests.policies import POLICY


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store whose first scored cohorts are ripe."""
    home = tmp_path_factory.mktemp("economics")
    chosen = quick_settings(write_book(home / "data", n_months=17, loans_per_month=60), home)
    run_months(chosen, months(17))
    return chosen


def economics(settings: Settings, day: date) -> pl.DataFrame:
    return tables.read("gold.economics", settings, on=day)


def test_the_loss_given_default_is_what_the_raw_file_leaves_unpaid(settings: Settings) -> None:
    raw = pl.read_csv(settings.data / "lms_loan_daily.csv", try_parse_dates=True)
    known = raw.filter(pl.col("snapshot_date") <= month(16))
    bad = known.filter(pl.col("installment_num") == 6, pl.col("overdue_amt") > 0)["loan_id"]
    ended = known.filter(pl.col("installment_num") == 10, pl.col("loan_id").is_in(bad.implode()))
    (lgd,) = keep_economics(economics(settings, month(16)), "lgd").to_dicts()
    assert (lgd["basis"], lgd["n"]) == ("measurement", ended.height)
    assert lgd["value"] == pytest.approx(ended["balance"].sum() / ended["loan_amt"].sum())


def test_realised_profit_is_the_margin_of_the_good_less_the_loss_of_the_bad(settings: Settings) -> None:
    rows = economics(settings, month(16))
    scored = tables.read("gold.predictions", settings, on=month(10))
    labels = tables.read("gold.label_store", settings, on=month(16))
    approved = scored.filter(pl.col("pd") <= POLICY.cutoff_pd).join(labels, on="loan_id")
    lgd = keep_economics(rows, "lgd")["value"][0]
    n_bad = approved["label"].sum()
    profit = 10_000 * (POLICY.economics.margin * (approved.height - n_bad) - lgd * n_bad)
    found = keep_economics(rows, "profit", window=f"cohort {month(10):%Y-%m}", path="all")
    assert found["value"].to_list() == [pytest.approx(profit)]


def test_measured_again_the_rows_are_the_same_whatever_came_later(settings: Settings) -> None:
    before = economics(settings, month(14))
    measure_economics(month(14), settings)
    assert economics(settings, month(14)).equals(before)


def test_the_champion_is_compared_with_the_one_before(settings: Settings) -> None:
    found = keep_economics(economics(settings, month(16)), "value_over_former", basis="expected")
    assert found["status"].to_list() in (["measured"], [])


def test_the_command_prints_figures_with_their_basis(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--datamart", str(settings.datamart)]
    with pytest.raises(SystemExit) as end:
        command(["economics", *places])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "margin of a good loan" in shown
    assert "assumption" in shown
    with pytest.raises(SystemExit):
        command(["economics", "--date", str(month(16)), "--json", *places])
    assert {row["figure"] for row in json.loads(capsys.readouterr().out)} >= {"profit", "lgd", "best_cutoff"}


def test_a_date_that_was_not_measured_names_the_command(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        command(["economics", "--date", str(month(1)), "--datamart", str(settings.datamart)])
    assert end.value.code == 1
    assert f"vintage run monitoring --date {month(1)}" in capsys.readouterr().err


def test_a_datamart_of_older_code_gets_the_table(settings: Settings, tmp_path: Path) -> None:
    older = settings.model_copy(update={"datamart": tmp_path / "datamart"})
    shutil.copytree(settings.datamart, older.datamart)
    shutil.rmtree(older.datamart / "gold" / "economics")
    measure_economics(month(16), older)
    kept = pl.col("figure") != "path_cost"
    assert economics(older, month(16)).filter(kept).equals(economics(settings, month(16)).filter(kept))

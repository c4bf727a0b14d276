"""The four invariants of time, on the real flows and every table."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.engine import run_flow
from flows.features import features
from flows.inference import inference
from tasks.config import Settings
from tasks.registry.history import load_registry, record
from tasks.registry.records import Change
from tasks.registry.registered_files import read_card
from tasks.schemas.catalog import TABLES
from tasks.store import tables
from tests.builders import (
    all_tables,
    month,
    months,
    quick_settings,
    registry_until,
    rewrite,
    run_months,
    take_in,
    write_book,
)

pytestmark = pytest.mark.integration
N_MONTHS = 12
CUT = month(10)


def law_settings(data: Path, home: Path) -> Settings:
    """Labels at MOB 3, so that scored cohorts ripen within the book; two trials, so that one is drawn."""
    sooner = {"label_mob": 3, "retrain_every_cohorts": 4, "trials": 2}
    return quick_settings(data, home).model_copy(update=sooner)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("book"), n_months=N_MONTHS)


@pytest.fixture(scope="module")
def replayed(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = law_settings(book, tmp_path_factory.mktemp("replayed"))
    run_months(settings, months(N_MONTHS))
    return settings


def assert_same(left: Settings, right: Settings) -> None:
    ours, theirs = (all_tables(settings, until=CUT) for settings in (left, right))
    for name, table in ours.items():
        assert_frame_equal(table, theirs[name])
    assert registry_until(left, CUT) == registry_until(right, CUT)


def test_the_book_has_models_predictions_and_figures(replayed: Settings) -> None:
    filled = {name for name, table in all_tables(replayed, until=CUT).items() if table.height}
    assert filled >= {"gold.feature_store", "gold.label_store", "gold.predictions", "gold.monitoring"}
    trained = [e.effective_from for e in load_registry(replayed).entries if e.state == "challenger"]
    assert [day for day in trained if day <= str(CUT)] == [str(month(5)), str(month(9))]
    figures = tables.scan("gold.monitoring", replayed, until=CUT).drop_nulls("value").collect()
    assert {"auc", "pooled_auc", "calibration_in_the_large", "early_arrears"} <= set(figures["metric"])


def test_neither_rows_after_the_day_nor_the_order_of_rows_change_anything(
    book: Path, replayed: Settings, tmp_path: Path
) -> None:
    known = rewrite(book, tmp_path / "data", pl.col("snapshot_date") <= str(CUT), shuffle=True)
    settings = law_settings(known, tmp_path)
    run_months(settings, months(11))
    assert_same(settings, replayed)


def test_a_rerun_changes_nothing_and_writes_nothing(replayed: Settings) -> None:
    versions = {name: tables.version_of(name, replayed) for name in TABLES}
    before, lines = all_tables(replayed, until=month(11)), load_registry(replayed).entries
    run_months(replayed, months(N_MONTHS))
    assert {name: tables.version_of(name, replayed) for name in TABLES} == versions
    assert load_registry(replayed).entries == lines
    for name, table in all_tables(replayed, until=month(11)).items():
        assert_frame_equal(table, before[name])


def test_month_by_month_equals_all_at_once(book: Path, replayed: Settings, tmp_path: Path) -> None:
    settings = law_settings(book, tmp_path)
    take_in(settings, months(N_MONTHS))
    both = (all_tables(s, until=month(11)) for s in (settings, replayed))
    at_once, one_by_one = both
    for name in (name for name, table in TABLES.items() if table.flow == "features"):
        assert_frame_equal(at_once[name], one_by_one[name])


def test_months_run_backwards_give_the_same_features_and_labels(
    book: Path, replayed: Settings, tmp_path: Path
) -> None:
    settings = law_settings(book, tmp_path)
    for day in reversed(months(N_MONTHS)):
        run_flow(features, day, settings)
    for name in ("gold.feature_store", "gold.label_store", "silver.loans"):
        backwards = tables.scan(name, settings).collect().sort("snapshot_date", *TABLES[name].key)
        assert_frame_equal(backwards, all_tables(replayed, until=month(11))[name])


def test_an_old_month_is_scored_by_the_champion_of_that_day(replayed: Settings, tmp_path: Path) -> None:
    settings = law_settings(replayed.data, tmp_path)
    shutil.copytree(replayed.datamart, settings.datamart)
    shutil.copytree(replayed.model_store, settings.model_store)
    old = month(7)
    before = tables.read("gold.predictions", settings, on=old)
    (then,) = set(before["model_id"])
    other = next(e.model_id for e in load_registry(settings).entries if e.model_id != then)
    record(
        load_registry(settings),
        settings,
        effective_from=month(11),
        changes=[Change(other, "champion", "test", "test")],
    )
    run_flow(inference, old, settings)
    assert_frame_equal(tables.read("gold.predictions", settings, on=old), before)


def test_no_training_label_is_younger_than_its_model(replayed: Settings) -> None:
    labels = tables.scan("gold.label_store", replayed).collect()
    for entry in load_registry(replayed).entries:
        card = read_card(load_registry(replayed), entry.model_id)
        cohorts = labels.filter(pl.col("loan_start_date").cast(pl.String).is_in(card["data"]["cohorts"]))
        assert str(cohorts["snapshot_date"].max()) <= card["as_of"]

"""Sums of a history by customer stand for its months, and change no feature."""

import shutil
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.features import ingestion
from serving.customer_state import load_state
from tasks.config import Settings, checked_settings
from tasks.features import tasks as features
from tasks.features.known_rows import (
    keep_customers,
    newest_sums,
    scan_known,
    sum_histories,
    waiting_histories,
)
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.store import tables
from tasks.store.streams import replace_by_stream
from tests.builders import months, write_book

HISTORY, STORE = "clickstream", "gold.feature_store"
DAYS = months(6)
LAST = DAYS[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Six months, and the features of the last, made by reading every row."""
    folder = write_book(tmp_path_factory.mktemp("book"), n_months=len(DAYS), loans_per_month=30)
    settings = checked_settings({"data": folder, "datamart": folder / "datamart"})
    ingest(DAYS, settings)
    build_feature_store([LAST], settings)
    return settings


@pytest.fixture
def copied(built: Settings, tmp_path: Path) -> Settings:
    """A datamart of the test's own."""
    shutil.copytree(built.datamart, tmp_path / "datamart")
    return checked_settings({"data": built.data, "datamart": tmp_path / "datamart"})


def keep(until: date, settings: Settings) -> pl.DataFrame:
    """The sums up to a day, kept however few rows they are of."""
    ((history, day, sums),) = sum_histories([HISTORY], until, settings)
    assert (history, day) == (HISTORY, until)
    replace_by_stream(f"state.{history}", sums, day=day, settings=settings)
    return tables.read(f"state.{history}", settings, on=day)


def change(day: date, settings: Settings) -> None:
    """Write other rows of a month of the history."""
    rows = tables.read(f"silver.{HISTORY}", settings, on=day)
    changed = rows.with_columns(fe_1=pl.col("fe_1") + 1)
    tables.replace_partitions(f"silver.{HISTORY}", changed, days=[day], settings=settings)


def test_of_some_customers_all_rows_are_kept_and_of_others_none(built: Settings) -> None:
    sources, _ = scan_known([LAST], built)
    asked = sources[HISTORY].select(pl.col("customer_id").unique().sort()).collect().to_series().head(5)
    for name, rows in keep_customers(sources, asked).items():
        expected = [
            row for row in sources[name].collect().rows(named=True) if row["customer_id"] in set(asked)
        ]
        assert expected
        assert rows.collect().rows(named=True) == expected


@pytest.mark.parametrize("until", [DAYS[0], DAYS[3], LAST])
def test_features_are_the_same_to_the_last_bit(copied: Settings, until: date) -> None:
    before = tables.read(STORE, copied, on=LAST)
    keep(until, copied)
    sources, sums = scan_known([LAST], copied)
    assert list(sums) == [HISTORY]
    read = sources[HISTORY].select("snapshot_date").unique().sort("snapshot_date").collect()
    assert read["snapshot_date"].to_list() == [day for day in DAYS if day > until]
    build_feature_store([LAST], copied)
    assert_frame_equal(tables.read(STORE, copied, on=LAST), before, check_exact=True)


def test_sums_that_are_added_to_earlier_ones_are_those_of_all_months(
    copied: Settings, built: Settings
) -> None:
    keep(DAYS[1], copied)
    keep(DAYS[2], copied)
    ((_, _, at_once),) = sum_histories([HISTORY], DAYS[4], built)
    columns = tables.TABLES["state.clickstream"].columns.keys()
    assert_frame_equal(keep(DAYS[4], copied), pl.concat(at_once).select(columns).collect())


def test_sums_made_in_buckets_of_customers_are_those_made_at_once(copied: Settings, built: Settings) -> None:
    little = copied.model_copy(update={"memory_gb": 0.3001})
    keep(DAYS[1], little)
    ((_, _, buckets),) = sum_histories([HISTORY], LAST, little)
    rows = [bucket.collect() for bucket in buckets]
    assert min(bucket.height for bucket in rows) > 0
    assert len(rows) > 2
    ((_, _, (at_once,)),) = sum_histories([HISTORY], LAST, built)
    assert_frame_equal(pl.concat(rows), at_once.collect())


def test_a_month_that_is_written_again_drops_the_sums_that_rest_on_it(copied: Settings) -> None:
    for day in (DAYS[1], DAYS[4]):
        keep(day, copied)
    change(DAYS[2], copied)
    assert newest_sums(HISTORY, LAST, copied) == DAYS[1]
    with_sums = load_state(LAST, copied).features
    shutil.rmtree(copied.datamart / "state")
    tables.create_missing(copied)
    assert_frame_equal(with_sums, load_state(LAST, copied).features, check_exact=True)


def test_a_month_of_a_day_that_is_not_known_yet_is_in_no_sums(copied: Settings) -> None:
    keep(LAST, copied)
    assert scan_known([DAYS[4], LAST], copied)[1] == {}
    assert scan_known([LAST], copied, before=True)[1] == {}


def test_few_rows_are_not_added_up(copied: Settings) -> None:
    assert waiting_histories(LAST, copied) == []
    assert waiting_histories(LAST, copied, months=1, many=1) == [HISTORY]
    assert waiting_histories(LAST, copied, months=len(DAYS) + 20, many=1) == []
    keep(LAST, copied)
    assert waiting_histories(LAST, copied, months=1, many=1) == []


def test_the_flow_keeps_sums_once_they_are_due(copied: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ingestion.fn(LAST, copied)
    assert tables.snapshot_dates("state.clickstream", copied) == []
    monkeypatch.setattr(features, "waiting_histories", partial(waiting_histories, months=1, many=1))
    ingestion.fn(LAST, copied)
    assert tables.snapshot_dates("state.clickstream", copied) == [LAST]

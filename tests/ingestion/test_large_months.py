"""A month that does not fit into memory comes in as one that does, piece by piece."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings, checked_settings, held_bytes
from tasks.errors import BadInputError
from tasks.ingestion import landing
from tasks.ingestion.tasks import ingest
from tasks.schemas.catalog import SOURCES, TABLES
from tasks.store import tables
from tests.book import Book, build_book, month
from tests.faults.shop import first_of, put

DAYS = [month(number) for number in range(3)]
LITTLE = 0.3 + 6 * 40_000 / 2**30  # of which 40 kB are for rows, and a month of one source has more


@pytest.fixture(scope="module")
def book() -> Book:
    """Three months with every kind of row that is counted or set aside."""
    return (
        build_book(months=3, loans_per_month=100)
        .change("clickstream", lambda rows: pl.concat([rows, rows.head(7)]))
        .change("clickstream", put("Customer_ID", None, first_of(1)))
        .change("clickstream", put("snapshot_date", "no date", first_of(2, 3)))
        .change("clickstream", put("fe_1", "1_000", first_of(0, 5)))
        .change("clickstream", put("fe_2", "2.5", first_of(1, 9)))
        .change("attributes", lambda rows: pl.concat([rows, rows.head(2).with_columns(Age=pl.lit("44"))]))
        .change("financials", put("Annual_Income", "1e9_", first_of(2, 4)))
        .change("loans", put("paid_amt", "-1.0", first_of(1, 2, mob=1)))
    )


@pytest.fixture
def take_in(tmp_path: Path) -> Callable[[Book, str, float], Settings]:
    """Take in a book with so much memory."""

    def take(book: Book, name: str, memory_gb: float) -> Settings:
        book.write(tmp_path / name / "data")
        folders = {"data": tmp_path / name / "data", "datamart": tmp_path / name / "datamart"}
        settings = checked_settings(folders).model_copy(update={"memory_gb": memory_gb})
        for day in DAYS:
            ingest([day], settings)
        return settings

    return take


def assert_same(one: Settings, other: Settings) -> None:
    for name in (name for name in TABLES if name.startswith(("bronze", "silver", "quarantine"))):
        ours, theirs = (tables.scan(name, settings).collect() for settings in (one, other))
        by = sorted(set(ours.columns))
        assert_frame_equal(ours.sort(by), theirs.sort(by))


def padded(rows: pl.DataFrame) -> pl.DataFrame:
    """Ids with blanks around them here and there, which sort elsewhere and mean the same."""
    ids, row = pl.col("Customer_ID"), pl.int_range(pl.len())
    blank = pl.when(row % 3 == 0).then(" " + ids).when(row % 5 == 0).then(ids + " ").otherwise(ids)
    return rows.with_columns(blank.alias("Customer_ID"))


def test_the_tables_are_the_same(book: Book, take_in: Callable[[Book, str, float], Settings]) -> None:
    whole, pieces = take_in(book, "whole", 3.0), take_in(book, "pieces", LITTLE)
    deliveries = tables.scan("bronze.deliveries", pieces).select(pl.col("^n_.*$").sum()).collect().row(0)
    assert all(deliveries)
    sizes = landing.weigh_months(SOURCES["clickstream"], pieces)
    assert min(sizes.values()) > 3 * held_bytes(LITTLE)
    assert_same(whole, pieces)
    assert list((pieces.datamart / "landing").rglob("good.parquet")) == []


def test_ids_with_blanks_around_them_are_those_without(
    book: Book, take_in: Callable[[Book, str, float], Settings]
) -> None:
    blanks = book.change("clickstream", padded)
    assert_same(take_in(blanks, "whole", 3.0), take_in(blanks, "pieces", LITTLE))


def test_a_month_taken_in_again_writes_nothing(
    book: Book, take_in: Callable[[Book, str, float], Settings]
) -> None:
    settings = take_in(book, "pieces", LITTLE)
    before = {name: tables.version_of(name, settings) for name in TABLES}
    ingest(DAYS[-1:], settings)
    assert {name: tables.version_of(name, settings) for name in TABLES} == before


def test_a_month_of_which_much_is_broken_is_refused_as_a_whole(
    book: Book, take_in: Callable[[Book, str, float], Settings]
) -> None:
    broken = book.change("clickstream", put("Customer_ID", "?", first_of(1, 160)))
    said = []
    for name, memory in (("whole", 3.0), ("pieces", LITTLE)):
        with pytest.raises(BadInputError, match="break a rule") as error:
            take_in(broken, name, memory)
        said.append(str(error.value).rpartition("/data/")[2])
    assert said[0] == said[1]

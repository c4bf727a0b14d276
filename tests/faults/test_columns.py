"""Faults 100 and 101 at the raw files: the code takes in a column more than before, or one less."""

from pathlib import Path

import polars as pl
import pytest

from tasks.lender.reading import REFERENCE
from tasks.store import restatements
from tests.book import Book, month
from tests.faults.shop import Shop, first_of, put

COLUMN = "Postcode"
BRONZE = "bronze.attributes"


@pytest.fixture
def shop(book: Book, tmp_path: Path) -> Shop:
    """Two months of a lender who sends a column that the code does not take in."""
    sent = book.change("attributes", lambda rows: rows.with_columns(pl.lit("1010").alias(COLUMN)))
    shop = Shop(tmp_path).receive(sent)
    for number in (0, 1):
        assert shop.run("features", number).code == 0
    return shop


def take_in(shop: Shop, *, more: bool) -> None:
    """Let the lender declare the column from here on, or no more."""
    text = REFERENCE.read_text(encoding="utf-8")
    declared = text.replace("Occupation =", f'{COLUMN} = {{ type = "text" }}\nOccupation =')
    (shop.settings.data / "lender.toml").write_text(declared if more else text, encoding="utf-8")


def test_fault_100_a_published_month_gains_a_raw_column_without_a_restatement(
    shop: Shop,
) -> None:
    silver = shop.rows("silver.attributes", 0)
    take_in(shop, more=True)
    said = shop.command("status").said
    assert f"{BRONZE} lacks {COLUMN} in 2 months, 2023-01 to 2023-02" in said
    assert "vintage backfill --start 2023-01-01 --end 2023-02-01 --flows features" in said
    assert shop.run("features", 0).code == 0
    assert set(shop.rows(BRONZE, 0)[COLUMN]) == {"1010"}
    assert shop.rows(BRONZE, 1)[COLUMN].null_count() == shop.rows(BRONZE, 1).height
    assert restatements.read_history(shop.settings) == []
    assert shop.rows("silver.attributes", 0).select(silver.columns).equals(silver)
    assert shop.run("features", 1).code == 0
    versions = shop.versions()
    assert shop.run("features", 0).code == 0
    assert shop.versions() == versions
    assert "lacks" not in shop.command("status").said


def test_rows_that_changed_beside_the_new_column_are_still_refused(book: Book, shop: Shop) -> None:
    sent = book.change("attributes", lambda rows: rows.with_columns(pl.lit("1010").alias(COLUMN)))
    shop.receive(sent.change("attributes", put("Age", "33", first_of(0))))
    take_in(shop, more=True)
    outcome = shop.run("features", 0)
    assert outcome.code == 1
    assert "features_attributes.csv changed for 2023-01-01, a month that is published" in outcome.said


def test_fault_101_a_month_goes_on_without_a_raw_column_that_the_code_gave_up(
    shop: Shop,
) -> None:
    take_in(shop, more=True)
    assert shop.run("features", 2).code == 0
    before = {name: shop.rows(name, 2) for name in ("silver.attributes", "gold.feature_store")}
    take_in(shop, more=False)
    for number in (2, 3):
        assert shop.run("features", number).code == 0
    assert COLUMN not in shop.rows(BRONZE, 2).columns
    for name, rows in before.items():
        now = shop.rows(name, 2)
        assert now.equals(rows.select(now.columns))
    assert month(3) in shop.published()
    assert "lacks" not in shop.command("status").said

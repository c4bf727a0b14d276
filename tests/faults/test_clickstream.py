"""A clickstream that is missing, late, swapped or constant."""

from collections.abc import Callable

import polars as pl
import pytest

from tasks.schemas.feature_store import MEASURES
from tests.book import Book, month
from tests.faults.shop import Shop, first_of, put

NUMBER = 2


def test_fault_48_a_customer_without_clickstream_is_kept_with_an_indicator(shop: Shop, book: Book) -> None:
    who = book.frames["attributes"].filter(first_of(NUMBER))["Customer_ID"].item()
    shop.receive(book.change("clickstream", lambda rows: rows.filter(pl.col("Customer_ID") != who)))
    assert shop.run("features", NUMBER).code == 0
    rows = shop.rows("gold.feature_store", NUMBER)
    assert rows.height == 60
    assert rows.filter(~pl.col("has_clickstream"))["customer_id"].to_list() == [who]


@pytest.mark.parametrize("keep", [False, True])
def test_fault_49_a_cohort_without_clickstream_is_kept(shop: Shop, book: Book, keep: bool) -> None:
    """Neither a month that is not in the file, nor customers that never were, stop the features."""
    cohort = book.frames["attributes"].filter(pl.col("snapshot_date") == str(month(NUMBER)))
    gone = pl.col("Customer_ID").is_in(cohort["Customer_ID"].to_list())
    whole = pl.col("snapshot_date") == str(month(NUMBER))
    shop.receive(book.change("clickstream", lambda rows: rows.filter(~gone if keep else ~(gone | whole))))
    assert shop.run("features", NUMBER).code == 0
    assert shop.rows("gold.feature_store", NUMBER)["has_clickstream"].to_list() == [False] * 60


def test_fault_49_the_fallback_scores_a_cohort_without_clickstream_and_coverage_says_so(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    cohort = book.frames["attributes"].filter(pl.col("snapshot_date") == str(month(8)))
    gone = pl.col("Customer_ID").is_in(cohort["Customer_ID"].to_list())
    shop.receive(book.change("clickstream", lambda rows: rows.filter(~gone)))
    for number in range(9):
        assert shop.run("features", number, "--restate", "--allow-volume").code == 0
    for flow in ("inference", "monitoring"):
        assert shop.run(flow, 8).code == 0
    assert shop.rows("gold.predictions", 8)["fallback"].to_list() == ["clickstream"] * 60
    coverage = shop.rows("gold.monitoring", 8).filter(
        pl.col("metric") == "coverage", pl.col("subject") == "clickstream"
    )
    assert coverage["value"].to_list() == [0.0]


def test_fault_50_rows_after_the_application_are_not_used(shop: Shop, book: Book, served: Shop) -> None:
    later = pl.col("snapshot_date") > str(month(NUMBER))
    shop.receive(book.change("clickstream", put("fe_1", "999999", later)))
    assert shop.run("features", NUMBER).code == 0
    assert shop.rows("gold.feature_store", NUMBER).equals(served.rows("gold.feature_store", NUMBER))


def csi_of(shop: Shop, column: str) -> float:
    for flow in ("features", "inference", "monitoring"):
        outcome = shop.run(flow, 8, *(["--restate"] if flow == "features" else []))
        assert outcome.code == 0, outcome.said
    figures = shop.rows("gold.monitoring", 8)
    return figures.filter(pl.col("metric") == "csi", pl.col("subject") == column)["value"].item()


def test_fault_52_swapped_columns_show_in_csi(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop, here = copy_of(served), pl.col("snapshot_date") == str(month(8))
    one, other = "Outstanding_Debt", "Monthly_Balance"
    swapped = [pl.when(here).then(b).otherwise(a).alias(a) for a, b in ((one, other), (other, one))]
    shop.receive(book.change("financials", lambda rows: rows.with_columns(*swapped)))
    assert csi_of(shop, "outstanding_debt") > 1


def test_fault_53_a_constant_column_shows_in_csi(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    constant = pl.col("snapshot_date") == str(month(8))
    shop.receive(book.change("financials", put("Interest_Rate", "7", constant)))
    assert csi_of(shop, "interest_rate") > 1


def test_negative_clickstream_values_are_normal(served: Shop) -> None:
    rows = served.rows("silver.clickstream", 0)
    assert sum(rows[measure].min() < 0 for measure in MEASURES) == len(MEASURES)

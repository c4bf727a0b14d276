"""Faults 16 to 30 and 54 to 63: one spoilt value each, and what becomes of its row."""

import re

import polars as pl
import pytest

from tests.book import Book, month
from tests.faults.shop import Shop, first_of, put

NUMBER = 2
DAY = str(month(NUMBER))


def assert_set_aside(
    shop: Shop, book: Book, source: str, mob: int | None, column: str, value: str | None, rule: str
) -> None:
    """A row with this value is in quarantine as received, with the rule, and every other row is good."""
    shop.receive(book.change(source, put(column, value, first_of(NUMBER, mob=mob))))
    outcome = shop.run("features", NUMBER)
    assert outcome.code == 0, outcome.said
    assert re.search(rf"1 of \d+ rows of {source} of 2023-01-01 to {DAY} set aside", outcome.said)
    aside = shop.rows(f"quarantine.{source}", NUMBER)
    assert aside.height == 1
    assert rule in aside["rule"].item()
    assert aside[{"snapshot_date": "snapshot_date_raw"}.get(column, column)].item() == value
    shop.assert_reconciled()


@pytest.mark.parametrize(
    ("source", "mob", "column", "value", "rule"),
    [
        ("loans", 0, "Customer_ID", None, "customer_id|nullability"),
        ("attributes", None, "Customer_ID", None, "customer_id|nullability"),
    ],
)
def test_fault_16_a_null_customer_id_is_set_aside(
    shop: Shop, book: Book, source: str, mob: int | None, column: str, value: str | None, rule: str
) -> None:
    assert_set_aside(shop, book, source, mob, column, value, rule)


@pytest.mark.parametrize(
    ("source", "mob", "column", "value", "rule"),
    [
        ("loans", 0, "Customer_ID", "CUS-12", "customer_id|regex"),
        ("financials", None, "Customer_ID", "cus_0x1", "customer_id|regex"),
        ("attributes", None, "Customer_ID", f"CUS_0x{'a' * 5000}", "customer_id_of_at_most_128_characters"),
        ("loans", 0, "loan_id", "a" * 129, "loan_id_of_at_most_128"),
        ("loans", 0, "loan_id", "../../..", "loan_id_of_at_most_128"),
        ("loans", 0, "loan_id", "a/../b", "loan_id_of_at_most_128"),
        ("loans", 0, "loan_id", "a\x1b[31m", "loan_id_of_at_most_128"),
        ("loans", 0, "loan_id", "a\u202eb", "loan_id_of_at_most_128"),
    ],
)
def test_fault_17_a_malformed_id_is_set_aside(
    shop: Shop, book: Book, source: str, mob: int | None, column: str, value: str | None, rule: str
) -> None:
    assert_set_aside(shop, book, source, mob, column, value, rule)


@pytest.mark.parametrize("loan_id", ["L 7", "Nr. 3-4:x|y", "å_0", "0012/3", "A\\1..2", "a" * 128])
def test_fault_93_an_id_of_any_form_that_shows_is_taken(shop: Shop, book: Book, loan_id: str) -> None:
    shop.receive(book.change("loans", put("loan_id", loan_id, first_of(NUMBER, mob=0))))
    assert shop.run("features", NUMBER).code == 0
    assert loan_id in shop.rows("gold.feature_store", NUMBER)["loan_id"]


def test_fault_20_a_day_first_date_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(
        shop, book, "attributes", None, "snapshot_date", "01/03/2023", "snapshot_date|nullability"
    )


@pytest.mark.parametrize(
    ("source", "mob", "column", "value", "rule"),
    [
        ("loans", 0, "loan_start_date", "2023-09-01", "installment_num_is_months_since_start"),
        ("financials", None, "snapshot_date", "2023-03-02", "snapshot_on_the_first_of_a_month"),
    ],
)
def test_fault_21_a_date_after_the_run_is_set_aside(
    shop: Shop, book: Book, source: str, mob: int | None, column: str, value: str | None, rule: str
) -> None:
    assert_set_aside(shop, book, source, mob, column, value, rule)


def test_fault_22_a_snapshot_in_mid_month_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(
        shop, book, "clickstream", None, "snapshot_date", "2023-03-15", "snapshot_on_the_first_of_a_month"
    )


@pytest.mark.parametrize(
    ("source", "mob", "column", "value", "rule"),
    [
        ("loans", 1, "snapshot_date", "2023-03-32", "snapshot_date|nullability"),
        ("loans", 1, "loan_start_date", "2023-02-30", "loan_start_date|nullability"),
    ],
)
def test_fault_23_a_day_that_does_not_exist_is_set_aside(
    shop: Shop, book: Book, source: str, mob: int | None, column: str, value: str | None, rule: str
) -> None:
    assert_set_aside(shop, book, source, mob, column, value, rule)


def test_fault_46_a_thousands_separator_is_not_guessed(shop: Shop, book: Book) -> None:
    assert_set_aside(
        shop, book, "financials", None, "Annual_Income", "1,234.50", "numbers_without_thousands_separator"
    )


def test_fault_54_a_wrong_balance_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(shop, book, "loans", 1, "balance", "5000.0", "balance")


def test_fault_55_a_wrong_overdue_amount_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(shop, book, "loans", 1, "overdue_amt", "500.0", "balance_and_overdue_reconcile")


def test_fault_56_a_wrong_instalment_number_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(shop, book, "loans", 1, "installment_num", "2", "installment_num_is_months_since_start")


def test_fault_59_due_amt_0_after_mob_0_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(shop, book, "loans", 1, "due_amt", "0.0", "due_amt_is_an_instalment")


@pytest.mark.parametrize(
    ("source", "mob", "column", "value", "rule"),
    [
        ("loans", 1, "paid_amt", "-1000.0", "paid_amt|min"),
        ("loans", 0, "loan_amt", "-10000", "loan_amt|min"),
    ],
)
def test_fault_61_a_negative_amount_is_set_aside(
    shop: Shop, book: Book, source: str, mob: int | None, column: str, value: str | None, rule: str
) -> None:
    assert_set_aside(shop, book, source, mob, column, value, rule)


def test_fault_62_an_instalment_beyond_the_tenure_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(shop, book, "loans", 2, "tenure", "1", "installment_num_within_tenure")


def test_fault_63_a_start_date_that_changes_is_set_aside(shop: Shop, book: Book) -> None:
    assert_set_aside(
        shop, book, "loans", 1, "loan_start_date", "2023-01-01", "terms_are_those_of_the_month_before"
    )


def test_fault_16_a_row_without_a_date_is_set_aside(shop: Shop, book: Book) -> None:
    shop.receive(book.change("attributes", put("snapshot_date", None, first_of(NUMBER))))
    assert shop.run("features", NUMBER).code == 0
    assert shop.rows("quarantine.attributes", NUMBER)["snapshot_date_raw"].to_list() == [None]
    shop.assert_reconciled()


@pytest.mark.parametrize("source", ["clickstream", "attributes", "financials", "loans"])
def test_fault_18_of_an_exact_duplicate_one_is_kept(
    shop: Shop, book: Book, served: Shop, source: str
) -> None:
    twice = book.change(source, lambda rows: pl.concat([rows, rows.filter(first_of(NUMBER, 3))]))
    shop.receive(twice)
    assert shop.run("features", NUMBER).code == 0
    counts = shop.rows("bronze.deliveries", NUMBER).filter(pl.col("source") == source)
    assert counts["n_duplicates"].item() == 3
    assert shop.rows(f"silver.{source}", NUMBER).equals(served.rows(f"silver.{source}", NUMBER))
    shop.assert_reconciled()


@pytest.mark.parametrize(
    ("source", "column"), [("attributes", "Age"), ("financials", "Credit_Mix"), ("loans", "paid_amt")]
)
def test_fault_19_all_copies_of_a_contradiction_are_set_aside(
    shop: Shop, book: Book, source: str, column: str
) -> None:
    other, mob = put(column, "19", pl.lit(value=True)), 0 if source == "loans" else None
    shop.receive(
        book.change(source, lambda rows: pl.concat([rows, other(rows.filter(first_of(NUMBER, mob=mob)))]))
    )
    assert shop.run("features", NUMBER).code == 0
    aside = shop.rows(f"quarantine.{source}", NUMBER)
    assert aside.height == 2
    assert aside["Customer_ID"][0] in shop.review(NUMBER)
    shop.assert_reconciled()


def test_an_application_in_quarantine_is_listed_for_review(shop: Shop, book: Book) -> None:
    shop.receive(book.change("loans", put("tenure", "x", first_of(NUMBER, mob=0))))
    assert shop.run("features", NUMBER).code == 0
    customer = shop.rows("quarantine.loans", NUMBER)["Customer_ID"].item()
    assert customer not in shop.rows("gold.feature_store", NUMBER)["customer_id"]
    assert f"{customer}  -  -  -  its loan row is in quarantine: tenure|nullability" in shop.review(NUMBER)


def test_fault_54_a_balance_that_contradicts_the_month_before_is_set_aside(shop: Shop, book: Book) -> None:
    one = first_of(NUMBER, mob=1)

    def edit(rows: pl.DataFrame) -> pl.DataFrame:
        """Balance and overdue agree with each other, but nobody paid the thousand."""
        return rows.with_columns(
            balance=pl.when(one).then(pl.lit("10000.0")).otherwise("balance"),
            overdue_amt=pl.when(one).then(pl.lit("1000.0")).otherwise("overdue_amt"),
            paid_amt=pl.when(one).then(pl.lit("1000.0")).otherwise("paid_amt"),
        )

    shop.receive(book.change("loans", edit))
    assert shop.run("features", NUMBER).code == 0
    aside = shop.rows("quarantine.loans", NUMBER)
    assert aside["rule"].to_list() == ["balance_falls_by_what_is_paid"]


def test_a_restatement_may_empty_the_quarantine(shop: Shop, book: Book) -> None:
    shop.receive(book.change("attributes", put("Customer_ID", "CUS-12", first_of(2))))
    assert shop.run("features", 2).code == 0
    assert shop.rows("quarantine.attributes", 2).height == 1
    shop.receive(book)
    outcome = shop.run("features", 2, "--restate")
    assert outcome.code == 0, outcome.said
    assert shop.rows("quarantine.attributes", 2).is_empty()
    shop.assert_reconciled()

"""Faults 24 to 53: values that are read, cleaned or told apart, and never guessed."""

import polars as pl
import pytest

from tasks.modelling.fallbacks import predict_ensemble
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import load_model
from tasks.store import tables
from tests.book import Book, month
from tests.faults.shop import Shop, first_of, put

NUMBER = 2


def assert_cleaned(
    shop: Shop, book: Book, served: Shop, source: str, column: str, value: str, silver: object
) -> None:
    """The value as received becomes `silver`, its row is good, and a value that was lost is counted."""
    who = book.frames[source].filter(first_of(NUMBER))["Customer_ID"].item()
    shop.receive(book.change(source, put(column, value, first_of(NUMBER))))
    assert shop.run("features", NUMBER).code == 0
    row = shop.rows(f"silver.{source}", NUMBER).filter(pl.col("customer_id") == who)
    assert row[column.lower()].item() == silver
    was, now = (
        s.rows("bronze.deliveries", NUMBER).filter(pl.col("source") == source)["n_cleaned"].item()
        for s in (served, shop)
    )
    before = served.rows(f"silver.{source}", NUMBER).filter(pl.col("customer_id") == who)[column.lower()]
    lost = (silver in (None, "unknown")) - (before.item() in (None, "unknown"))
    assert now - was == lost
    assert shop.rows(f"quarantine.{source}", NUMBER).is_empty()
    shop.assert_reconciled()


@pytest.mark.parametrize(
    ("source", "column", "value", "silver"),
    [
        ("attributes", "Age", "-500", None),
        ("attributes", "Age", "3843_", None),
    ],
)
def test_fault_24_an_impossible_age_is_null(
    shop: Shop, book: Book, served: Shop, source: str, column: str, value: str, silver: object
) -> None:
    assert_cleaned(shop, book, served, source, column, value, silver)


@pytest.mark.parametrize(
    ("source", "column", "value", "silver"),
    [
        ("attributes", "Age", "40_", 40),
        ("attributes", "Age", "15", 15),
    ],
)
def test_fault_25_an_age_with_an_underscore_is_read_and_a_minors_is_kept(
    shop: Shop, book: Book, served: Shop, source: str, column: str, value: str, silver: object
) -> None:
    assert_cleaned(shop, book, served, source, column, value, silver)


def test_fault_26_a_garbled_ssn_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "attributes", "SSN", "#F%$D@*&8", None)


def test_fault_28_a_blank_occupation_is_unknown(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "attributes", "Occupation", "_______", "unknown")


def test_fault_29_an_unseen_occupation_is_kept(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "attributes", "Occupation", "Astronaut", "Astronaut")


def test_fault_31_an_amount_with_an_underscore_is_read(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Annual_Income", "52312.68_", 52312.68)


def test_fault_32_a_wild_income_is_kept_in_silver(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Annual_Income", "23834698", 23834698.0)


def test_fault_33_a_marked_amount_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Amount_invested_monthly", "__10000__", None)


def test_fault_34_a_marked_balance_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(
        shop, book, served, "financials", "Monthly_Balance", "__-333333333333333333333333333__", None
    )


def test_fault_35_a_blank_credit_mix_is_unknown(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Credit_Mix", "_", "unknown")


def test_fault_36_a_blank_credit_limit_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Changed_Credit_Limit", "_", None)


def test_fault_37_a_garbled_behaviour_is_unknown(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Payment_Behaviour", "!@9#%8", "unknown")


def test_fault_38_nm_is_a_category_of_its_own(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Payment_of_Min_Amount", "NM", "NM")


def test_fault_39_years_and_months_are_counted_in_months(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Credit_History_Age", "10 Years and 9 Months", 129)


@pytest.mark.parametrize(
    ("source", "column", "value", "silver"),
    [
        ("financials", "Credit_History_Age", "10 Years and 13 Months", None),
        ("financials", "Credit_History_Age", "NA", None),
    ],
)
def test_fault_40_an_age_of_13_months_or_na_is_null(
    shop: Shop, book: Book, served: Shop, source: str, column: str, value: str, silver: object
) -> None:
    assert_cleaned(shop, book, served, source, column, value, silver)


def test_fault_41_a_negative_count_of_loans_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Num_of_Loan", "-100", None)


def test_fault_42_an_impossible_interest_rate_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Interest_Rate", "5789", None)


def test_fault_43_a_negative_count_of_accounts_is_null(shop: Shop, book: Book, served: Shop) -> None:
    assert_cleaned(shop, book, served, "financials", "Num_Bank_Accounts", "-1", None)


@pytest.mark.parametrize(
    ("source", "column", "value", "silver"),
    [
        ("financials", "Annual_Income", "NaN", None),
        ("financials", "Monthly_Inhand_Salary", "inf", None),
        ("financials", "Outstanding_Debt", "1e309", None),
    ],
)
def test_fault_45_nan_and_infinity_are_null(
    shop: Shop, book: Book, served: Shop, source: str, column: str, value: str, silver: object
) -> None:
    assert_cleaned(shop, book, served, source, column, value, silver)


@pytest.mark.parametrize(
    ("source", "column", "value", "silver"),
    [
        ("clickstream", "fe_3", "many", None),
        ("clickstream", "fe_3", "-77", -77),
    ],
)
def test_fault_51_a_word_is_null_and_a_negative_number_is_normal(
    shop: Shop, book: Book, served: Shop, source: str, column: str, value: str, silver: object
) -> None:
    assert_cleaned(shop, book, served, source, column, value, silver)


def test_fault_25_a_minor_is_kept_and_flagged(shop: Shop, book: Book) -> None:
    shop.receive(book.change("attributes", put("Age", "15", first_of(NUMBER))))
    assert shop.run("features", NUMBER).code == 0
    minors = shop.rows("gold.feature_store", NUMBER).filter(pl.col("is_minor") == 1)
    assert minors["age"].to_list() == [15.0]


def test_fault_27_one_ssn_of_two_customers_is_flagged(shop: Shop, book: Book) -> None:
    shop.receive(book.change("attributes", put("SSN", "123-45-6789", first_of(NUMBER, 2))))
    assert shop.run("features", NUMBER).code == 0
    said = shop.review(NUMBER)
    assert said.count("shares its SSN") == 2
    assert "123-45-6789" not in said


def test_fault_30_names_and_ssns_never_leave_silver(
    shop: Shop, book: Book, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = {"Name": '=HYPERLINK("http://planted")\nline two', "SSN": "987-65-4321"}
    for column, value in planted.items():
        book = book.change("attributes", put(column, value, first_of(0, 3)))
    book = book.change("attributes", put("Customer_ID", "=cmd planted", first_of(1)))
    shop.receive(book)
    said = "".join(shop.run("features", number).said for number in (*range(8), 8))
    said += "".join(shop.run(flow, 8).said for flow in ("training", "inference", "monitoring"))
    said += shop.review(0) + shop.review(1) + shop.command("status").said + "".join(capfd.readouterr())
    assert "=HYPERLINK" in "".join(shop.rows("silver.attributes", 0)["name"].drop_nulls())
    for secret in ("HYPERLINK", "planted", "987-65-4321", "Person 10"):
        assert secret not in said
        gold = shop.contents(*(name for name in tables.TABLES if name.startswith("gold.")))
        assert not any(secret in frame.write_csv() for frame in gold.values())
        places = (
            shop.settings.model_store,
            shop.settings.datamart / "charts",
            shop.settings.datamart / "gold",
        )
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_fault_32_a_wild_income_counts_as_the_largest_learned(served: Shop) -> None:
    champion = champion_on(load_registry(served.settings), month(8))
    assert champion is not None
    model = load_model(load_registry(served.settings), champion.model_id)
    rows = served.rows("gold.feature_store", 8)
    learned = [served.rows("gold.feature_store", number)["annual_income"].max() for number in range(3)]
    wild, largest = (
        predict_ensemble(model, rows.with_columns(annual_income=pl.lit(float(value))))
        for value in (23_834_698, max(learned))
    )
    assert wild == pytest.approx(largest)


@pytest.mark.parametrize(("n_loans", "kind"), [("0", "none"), ("0_", "none"), ("3", "unknown")])
def test_fault_44_no_type_of_loan_is_none_or_unknown(shop: Shop, book: Book, n_loans: str, kind: str) -> None:
    empty = book.change("financials", put("Type_of_Loan", None, first_of(0)))
    shop.receive(empty.change("financials", put("Num_of_Loan", n_loans, first_of(0))))
    assert shop.run("features", 0).code == 0
    assert shop.rows("silver.financials", 0)["type_of_loan"][0] == kind


@pytest.mark.parametrize(
    ("source", "column"), [("financials", "Annual_Income"), ("attributes", "Age"), ("loans", "balance")]
)
def test_fault_47_a_column_that_is_mostly_unreadable_is_refused(
    shop: Shop, book: Book, source: str, column: str
) -> None:
    rows = book.frames[source].filter(pl.col("snapshot_date") == str(month(NUMBER))).height
    shop.receive(book.change(source, put(column, "?", first_of(NUMBER, rows // 2 + 1))))
    outcome = shop.run("features", NUMBER)
    assert outcome.code == 1
    assert f"column {column}" in outcome.said
    assert "(where that is usual: required = false of it in lender.toml)" in outcome.said
    assert month(NUMBER) not in shop.published()
    assert shop.rows("bronze.deliveries", NUMBER).is_empty()

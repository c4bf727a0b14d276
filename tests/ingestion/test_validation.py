from datetime import date

import polars as pl
import pytest

from tasks.ingestion.validation import Checked, check
from tasks.schemas.catalog import SOURCES

LOANS = SOURCES["loans"]
DAY = date(2023, 4, 1)
GOOD = {
    "loan_id": "CUS_0x1_2023_01_01",
    "Customer_ID": "CUS_0x1",
    "loan_start_date": "2023-01-01",
    "tenure": "10",
    "installment_num": "3",
    "loan_amt": "10000",
    "due_amt": "1000.0",
    "paid_amt": "0.0",
    "overdue_amt": "1000.0",
    "balance": "8000.0",
    "snapshot_date_raw": "2023-04-01",
    "overflow": None,
    "source_file": "lms_loan_daily.csv",
    "snapshot_date": DAY,
}


def checked(*rows: dict[str, object]) -> Checked:
    source = LOANS
    raw = pl.DataFrame([{**GOOD, **row} for row in rows], schema=source.raw_columns())
    return check(source, raw, raw.clear(), days=[DAY])


def test_a_good_row_passes() -> None:
    assert checked({}).good["balance"].to_list() == [8000.0]


@pytest.mark.parametrize(
    ("paid", "overdue_amt"), [(3 * 3333.33, "0.0"), (3 * 3333.33, "0.01"), (0, "10000.0")]
)
def test_amounts_that_are_rounded_to_a_cent_each_month_reconcile(paid: float, overdue_amt: str) -> None:
    """10,000 over 3 instalments: billed as 3,333.33, the last one as 3,333.34."""
    terms = {"tenure": "3", "due_amt": "3333.34", "overdue_amt": overdue_amt, "balance": str(10_000 - paid)}
    assert checked({**terms, "paid_amt": "3333.33" if paid else "0.0"}).good.height == 1


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"Customer_ID": None}, "customer_id|nullability"),
        ({"Customer_ID": "CUS-7"}, "customer_id|regex"),
        ({"snapshot_date_raw": "2023-04-15"}, "snapshot_on_the_first_of_a_month"),
        ({"snapshot_date_raw": "31/04/2023"}, "snapshot_date|nullability"),
        ({"overdue_amt": "2000.0"}, "balance_and_overdue_reconcile"),
        ({"installment_num": "4"}, "installment_num_is_months_since_start"),
        ({"paid_amt": "-1"}, "paid_amt|min"),
        ({"loan_amt": "10,000"}, "numbers_without_thousands_separator"),
        ({"overflow": "one field too many"}, "as_many_fields_as_the_header"),
    ],
)
def test_a_broken_row_is_set_aside_as_received_with_its_rule(change: dict[str, object], rule: str) -> None:
    result = checked({"loan_id": "other"}, change)
    assert rule in result.quarantined["rule"][0]
    column = next(iter(change))
    assert result.quarantined[column].to_list() == [change[column]]
    assert result.good["loan_id"].to_list() == ["other"]


def test_a_closed_loan_bills_nothing() -> None:
    closed = {"paid_amt": "0.0", "due_amt": "0.0", "overdue_amt": "0.0", "balance": "0.0"}
    assert checked(closed).good.height == 1
    assert "due_amt_is_an_instalment" in checked({**closed, "balance": "7000.0"}).quarantined["rule"][0]


def test_of_exact_copies_one_is_kept_and_all_of_a_contradiction_are_set_aside() -> None:
    result = checked({}, {}, {"loan_id": "b"}, {"loan_id": "b", "tenure": "20", "overdue_amt": "0.0"})
    assert result.good["loan_id"].to_list() == [GOOD["loan_id"]]
    assert result.quarantined["loan_id"].to_list() == ["b", "b"]
    counts = result.deliveries.select("n_received", "n_good", "n_quarantined", "n_duplicates").row(0)
    assert counts == (4, 1, 2, 1)


MARCH = {
    "installment_num": "2",
    "overdue_amt": "0.0",
    "paid_amt": "1000.0",
    "snapshot_date_raw": "2023-03-01",
    "snapshot_date": date(2023, 3, 1),
}


def loans_checked(*rows: dict[str, object], before: pl.DataFrame | None = None) -> Checked:
    raw = pl.DataFrame([{**GOOD, **row} for row in rows], schema=LOANS.raw_columns())
    days = sorted(set(raw["snapshot_date"]))
    return check(LOANS, raw, raw.clear(), days=days, before=before)


@pytest.mark.parametrize(
    "change",
    [
        {"tenure": "20", "due_amt": "500.0", "overdue_amt": "0.0"},
        {"loan_amt": "20000", "due_amt": "2000.0", "overdue_amt": "0.0"},
        {"Customer_ID": "CUS_0x2"},
    ],
)
def test_terms_that_change_from_month_to_month_are_set_aside(change: dict[str, object]) -> None:
    before = loans_checked(MARCH).good
    assert loans_checked({}, before=before).quarantined.is_empty()
    result = loans_checked(change, before=before)
    assert result.quarantined["rule"].to_list() == ["terms_are_those_of_the_month_before"]


def test_a_row_is_not_held_against_one_that_was_set_aside() -> None:
    """The broken March says 9000: April's 8000 without a payment is not held against it."""
    broken = {**MARCH, "balance": "9000.0", "overdue_amt": "777.0"}
    result = loans_checked(broken, {}, before=pl.DataFrame(schema=LOANS.silver_columns()))
    assert result.quarantined["snapshot_date"].to_list() == [date(2023, 3, 1)]
    assert result.good["snapshot_date"].to_list() == [DAY]


@pytest.mark.parametrize(("overdue", "n_good"), [("1000.03", 1), ("1000.05", 0), ("999.6", 0)])
def test_amounts_reconcile_to_a_cent_an_instalment(overdue: str, n_good: int) -> None:
    assert loans_checked({"overdue_amt": overdue}).good.height == n_good

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.labels.default_labels import add_days_past_due, count_missed, label_defaults
from tests.builders import loan_rows

MARCH = date(2024, 3, 1)


def labels_on(day: date, loans: pl.LazyFrame) -> pl.DataFrame:
    return label_defaults(loans, days=[day], mob=6, dpd=30).collect()


@pytest.mark.parametrize(
    ("overdue_amt", "dpd"), [(0.0, 0), (50.0, 29), (100.0, 29), (150.0, 60), (600.0, 182)]
)
def test_dpd_counts_from_the_oldest_missed_instalment(overdue_amt: float, dpd: int) -> None:
    loans = loan_rows(snapshot_date=MARCH, due_amt=100.0, overdue_amt=overdue_amt)
    assert add_days_past_due(loans).collect()["dpd"].to_list() == [dpd]


@pytest.mark.parametrize(
    ("overdue_amt", "dpd"), [(4.5e-13, 0), (0.02, 0), (833.35, 29), (850.0, 60), (-0.02 + 833.33, 29)]
)
def test_what_rounding_leaves_is_no_missed_instalment(overdue_amt: float, dpd: int) -> None:
    """10,000 over 12 instalments, billed as 833.33 each: two cents are left open in half a year."""
    loans = loan_rows(snapshot_date=MARCH, due_amt=833.33, overdue_amt=overdue_amt)
    assert add_days_past_due(loans).collect()["dpd"].to_list() == [dpd]


@pytest.mark.parametrize(("day", "label"), [(date(2024, 3, 1), 0), (date(2024, 2, 1), 1)])
def test_one_missed_instalment_is_a_default_only_after_a_month_of_31_days(day: date, label: int) -> None:
    loans = loan_rows(snapshot_date=day, overdue_amt=100.0)
    assert labels_on(day, loans)["label"].to_list() == [label]


def test_a_due_amount_of_zero_at_the_application_divides_nothing() -> None:
    loans = loan_rows(snapshot_date=MARCH, installment_num=0, due_amt=0.0)
    assert add_days_past_due(loans).collect()["dpd"].to_list() == [0]


@pytest.mark.parametrize("mob", [0, 5, 7])
def test_a_loan_has_no_label_before_or_after_its_ripe_month(mob: int) -> None:
    assert labels_on(MARCH, loan_rows(snapshot_date=MARCH, installment_num=mob)).is_empty()


def test_labels_ignore_what_happens_after_the_day() -> None:
    book = loan_rows(snapshot_date=MARCH, overdue_amt=150.0)
    future = loan_rows(snapshot_date=date(2024, 4, 1), installment_num=7, overdue_amt=500.0)
    assert_frame_equal(labels_on(MARCH, pl.concat([book, future])), labels_on(MARCH, book))


def test_a_label_names_its_rule() -> None:
    assert labels_on(MARCH, loan_rows(snapshot_date=MARCH))["label_def"].to_list() == ["30dpd_6mob"]


@pytest.mark.parametrize(("paid_amt", "labels"), [(600.0, [0]), (0.0, [])])
def test_a_loan_paid_off_on_its_ripe_day_is_good_and_one_closed_before_has_no_label(
    paid_amt: float, labels: list[int]
) -> None:
    day = date(2024, 3, 1)
    loans = loan_rows(snapshot_date=day).with_columns(balance=pl.lit(0.0), paid_amt=pl.lit(paid_amt))
    assert label_defaults(loans, days=[day], mob=6, dpd=30).collect()["label"].to_list() == labels


@pytest.mark.parametrize(("overdue_amt", "missed"), [(0.0, 0), (40.0, 1), (150.0, 2)])
def test_after_the_last_instalment_they_are_counted_by_equal_parts_of_the_loan(
    overdue_amt: float, missed: int
) -> None:
    """Nothing is due any more, and money is overdue still: 1,200 over 12 instalments."""
    late = loan_rows(snapshot_date=MARCH, installment_num=14, due_amt=0.0, overdue_amt=overdue_amt)
    loans = late.with_columns(loan_amt=1200.0, tenure=12)
    assert loans.select(count_missed()).collect().to_series().to_list() == [missed]


def test_where_nothing_tells_an_instalment_nothing_is_said_of_days_past_due() -> None:
    late = loan_rows(snapshot_date=MARCH, due_amt=0.0, overdue_amt=80.0)
    unknown = late.with_columns(loan_amt=pl.lit(None, pl.Float64))
    assert add_days_past_due(unknown).collect()["dpd"].to_list() == [None]

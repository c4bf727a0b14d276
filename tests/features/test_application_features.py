from collections.abc import Sequence
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.features.application_features import (
    add_derived,
    keep_applications,
    keep_known,
    keep_latest,
    summarise_history,
)
from tasks.schemas.catalog import SOURCES, TABLES
from tasks.schemas.feature_store import MEASURES
from tests.builders import START, clickstream_rows, month

FINANCIALS = SOURCES["financials"].declared


def application(day: date, customer_id: str = "CUS_0x1") -> pl.LazyFrame:
    return pl.LazyFrame(
        {"loan_id": [f"{customer_id}_{day}"], "customer_id": [customer_id], "snapshot_date": [day]}
    )


def summary(history: pl.LazyFrame, day: date) -> pl.DataFrame:
    return summarise_history(keep_known(history, application(day)), "clickstream").collect()


def test_the_level_is_the_mean_of_all_months_up_to_the_application() -> None:
    got = summary(clickstream_rows("CUS_0x1", [10, 20, 60, 1000]), month(2))
    assert got.select("n_clickstream_months", "fe_1_mean", "fe_20_sd").row(0) == pytest.approx(
        (3.0, 30.0, 26.4575), abs=1e-4
    )


def test_months_after_the_application_change_nothing() -> None:
    short, long = clickstream_rows("CUS_0x1", [10, 20]), clickstream_rows("CUS_0x1", [10, 20, 999, -999])
    assert_frame_equal(summary(short, month(1)), summary(long, month(1)))


def test_the_order_of_months_changes_nothing() -> None:
    history = clickstream_rows("CUS_0x1", [7, -3, 12, 40])
    assert_frame_equal(summary(history, month(3)), summary(history.reverse(), month(3)))


def test_one_month_has_a_level_and_no_spread() -> None:
    got = summary(clickstream_rows("CUS_0x1", [10]), START)
    assert got.select("fe_1_mean", "fe_1_sd").row(0) == (10.0, None)


def test_a_missing_value_counts_for_nothing() -> None:
    history = clickstream_rows("CUS_0x1", [10, 20]).with_columns(
        fe_1=pl.when(pl.col("snapshot_date") == START).then(None).otherwise("fe_1")
    )
    got = summary(history, month(1))
    assert got.select("fe_1_mean", "fe_2_mean").row(0) == (20.0, 15.0)


def test_a_month_without_any_value_is_no_month() -> None:
    known = clickstream_rows("CUS_0x1", [10, 20])
    blank = known.with_columns(pl.lit(None, pl.Int32).alias(measure) for measure in MEASURES)
    half = pl.concat([known.head(1), blank.tail(1)], how="vertical_relaxed")
    assert_frame_equal(summary(half, month(1)).drop("loan_id"), summary(known, START).drop("loan_id"))
    assert summary(blank, month(1)).is_empty()


def test_two_loans_of_a_customer_each_see_their_own_past() -> None:
    history = clickstream_rows("CUS_0x1", [10, 20, 30])
    both = pl.concat([application(START), application(month(2))])
    got = summarise_history(keep_known(history, both), "clickstream").collect().sort("loan_id")
    assert got["fe_1_mean"].to_list() == [10.0, 20.0]


def test_the_newest_row_known_at_the_application_counts() -> None:
    rows = pl.LazyFrame(
        {"customer_id": ["CUS_0x1"] * 3, "snapshot_date": [month(2), START, month(4)], "age": [31, 30, 32]}
    )
    assert keep_latest(keep_known(rows, application(month(3)))).collect()["age"].to_list() == [31]


def financials(**columns: Sequence[float | None]) -> pl.LazyFrame:
    """Rows of silver.financials with these columns; all others are null."""
    schema, n = TABLES["silver.financials"].columns, len(columns["annual_income"])
    return pl.LazyFrame({name: columns.get(name, [None] * n) for name in schema}, schema=schema)


def test_ratios_on_an_income_of_nothing_are_unknown() -> None:
    parts = ("outstanding_debt", "total_emi_per_month", "amount_invested_monthly", "monthly_balance")
    money = {part: [50.0, 50.0] for part in parts}
    got = add_derived(
        financials(annual_income=[100.0, 0.0], monthly_inhand_salary=[10.0, None], **money), FINANCIALS
    )
    assert got.collect()["debt_to_income_ratio"].to_list() == [0.5, None]
    assert got.collect()["emi_to_salary_ratio"].to_list() == [5.0, None]


def test_loan_types_are_counted() -> None:
    listed = ["Auto Loan, Credit-Builder Loan, and Auto Loan", "none", "unknown"]
    rows = financials(annual_income=[None] * 3).with_columns(type_of_loan=pl.Series(listed))
    got = add_derived(rows, FINANCIALS).collect()
    assert got["n_auto_loans"].to_list() == [2, 0, None]
    assert got["n_credit_builder_loans"].to_list() == [1, 0, None]


def test_each_ratio_is_of_its_own_part() -> None:
    parts = ("outstanding_debt", "total_emi_per_month", "amount_invested_monthly", "monthly_balance")
    money = {part: [float(place)] for place, part in enumerate(parts, start=1)}
    rows = financials(annual_income=[10.0], monthly_inhand_salary=[1.0], **money)
    ratios = ("debt_to_income", "emi_to_salary", "invested_to_salary", "balance_to_salary")
    got = add_derived(rows, FINANCIALS).collect().select(f"{name}_ratio" for name in ratios)
    assert got.row(0) == (0.1, 2.0, 3.0, 4.0)


def test_fault_90_every_good_row_at_mob_0_is_an_application_on_whichever_day_it_starts() -> None:
    day = date(2023, 5, 1)
    loans = pl.LazyFrame(
        {
            "loan_id": ["first", "middle", "older"],
            "customer_id": ["a", "b", "c"],
            "snapshot_date": [day] * 3,
            "loan_start_date": [day, date(2023, 5, 17), date(2023, 4, 17)],
            "installment_num": [0, 0, 1],
        }
    )
    assert keep_applications(loans, days=[day]).collect()["loan_id"].to_list() == ["first", "middle"]

"""Features of applications, each from what was known on the day it came in.

The clickstream is heavy noise around a level of the customer's own: one month is weak evidence, the mean of k
months has a k-th of the variance. So the store keeps the mean, the spread and the number of months behind
them; how much a mean of so many months is worth is the model's to learn. The months are alike: neither their
trend nor a heavier weight on recent ones adds to the AUC out of time (+0.0002 at most), so neither is kept.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.schemas.attributes import ADULT_AGE
from tasks.schemas.clickstream import HAS_VALUES, MEASURES
from tasks.schemas.feature_store import CATEGORIES, CLICKSTREAM_MONTHS, FEATURE_STORE, FINANCIAL_NUMBERS, KEYS
from tasks.schemas.financials import LOAN_TYPES


def keep_applications(loans: pl.LazyFrame, *, days: Sequence[date]) -> pl.LazyFrame:
    """The applications of `days`: loan_id, customer_id, snapshot_date of each loan at MOB 0.

    On whichever day of the month it starts: every good row at MOB 0 is an application.
    Needs:  the columns of silver.loans.
    Keys:   one row per loan_id.
    """
    on_days = pl.col("snapshot_date").is_in(list(days))
    return loans.filter(on_days, pl.col("installment_num") == 0).select(KEYS)


def keep_known(rows: pl.LazyFrame, applications: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of each applicant that are not dated after the application, with its loan_id.

    Needs:  rows with customer_id and snapshot_date; applications with loan_id, customer_id, snapshot_date.
    Keys:   one row per (loan_id, row of the customer).
    """
    applied = applications.select("loan_id", "customer_id", applied=pl.col("snapshot_date"))
    known = rows.join(applied, on="customer_id", how="inner")
    return known.filter(pl.col("snapshot_date") <= pl.col("applied"))


def summarise_clickstream(known: pl.LazyFrame) -> pl.LazyFrame:
    """Level and spread of each measure over the months known at the application.

    Needs:  loan_id, fe_1..fe_20 as `keep_known` gives them.
    Adds:   n_clickstream_months, fe_*_mean, fe_*_sd (null for a single month).
    Keys:   one row per loan_id of which a month has any value.
    Source: silver.clickstream.
    """
    # Integer sums are exact, so the result does not depend on the order in which rows are met.
    sums = (
        known.filter(HAS_VALUES)
        .group_by("loan_id")
        .agg(
            pl.len().cast(pl.Float64).alias(CLICKSTREAM_MONTHS),
            *(pl.col(m).count().alias(f"{m}_n") for m in MEASURES),
            *(pl.col(m).cast(pl.Int64).sum().alias(f"{m}_sum") for m in MEASURES),
            *((pl.col(m).cast(pl.Int64) ** 2).sum().alias(f"{m}_squares") for m in MEASURES),
        )
    )
    return sums.select(
        "loan_id",
        CLICKSTREAM_MONTHS,
        *(_mean(m).alias(f"{m}_mean") for m in MEASURES),
        *(_sd(m).alias(f"{m}_sd") for m in MEASURES),
    )


def _mean(measure: str) -> pl.Expr:
    n = pl.col(f"{measure}_n")
    return pl.when(n > 0).then(pl.col(f"{measure}_sum") / n)


def _sd(measure: str) -> pl.Expr:
    n, total, squares = (pl.col(f"{measure}_{part}") for part in ("n", "sum", "squares"))
    return pl.when(n > 1).then(((squares - total * total / n) / (n - 1)).sqrt())


def keep_latest(known: pl.LazyFrame) -> pl.LazyFrame:
    """Of the rows that `keep_known` gives, the newest of each loan_id."""
    return known.sort("snapshot_date").unique("loan_id", keep="last", maintain_order=True)


def add_ratios(financials: pl.LazyFrame) -> pl.LazyFrame:
    """Add debt to yearly income, and EMI, investment and balance to monthly salary; null on an income of 0.

    Needs:  the money columns of silver.financials (account currency).
    Adds:   debt_to_income_ratio, emi_to_salary_ratio, invested_to_salary_ratio, balance_to_salary_ratio.
    """
    salary = pl.col("monthly_inhand_salary")
    return financials.with_columns(
        debt_to_income_ratio=_ratio("outstanding_debt", pl.col("annual_income")),
        emi_to_salary_ratio=_ratio("total_emi_per_month", salary),
        invested_to_salary_ratio=_ratio("amount_invested_monthly", salary),
        balance_to_salary_ratio=_ratio("monthly_balance", salary),
    )


def _ratio(part: str, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(pl.col(part) / whole)


def add_loan_types(financials: pl.LazyFrame) -> pl.LazyFrame:
    """Add n_<type>s: how many loans of each type `type_of_loan` lists; null where it is unknown.

    Needs:  type_of_loan such as `Auto Loan, Payday Loan, and Auto Loan`.
    """
    listed = pl.col("type_of_loan").str.to_lowercase().str.replace_all("[ -]", "_")
    known = pl.col("type_of_loan") != "unknown"
    return financials.with_columns(
        pl.when(known).then(listed.str.count_matches(kind, literal=True)).alias(f"n_{kind}s")
        for kind in LOAN_TYPES
    )


def build_features(
    loans: pl.LazyFrame,
    attributes: pl.LazyFrame,
    financials: pl.LazyFrame,
    clickstream: pl.LazyFrame,
    *,
    days: Sequence[date],
) -> pl.DataFrame:
    """Rows of gold.feature_store for the applications of `days`.

    Needs:  the four silver tables; rows dated after an application are not used for it.
    Keys:   one row per loan_id, every application; nulls where a source does not know the customer.
    Source: silver.loans, silver.attributes, silver.financials, silver.clickstream.
    """
    applications = keep_applications(loans, days=days).collect()
    known = [keep_known(rows, applications.lazy()) for rows in (attributes, financials, clickstream)]
    # Read first: that is where the time goes, and what is left is small and quicker without streaming.
    people, finances, clicks = (rows.lazy() for rows in pl.collect_all(known))
    typed = [pl.col(name).cast(kind) for name, kind in FEATURE_STORE.items()]
    return _widen(applications.lazy(), people, finances, clicks).select(typed).collect(engine="in-memory")


def _widen(
    applications: pl.LazyFrame, people: pl.LazyFrame, finances: pl.LazyFrame, clicks: pl.LazyFrame
) -> pl.LazyFrame:
    """A row per application with what each source knew of the customer on the day."""
    person = keep_latest(people).select(
        "loan_id",
        "occupation",
        pl.col("age").cast(pl.Float64),
        is_minor=(pl.col("age") < ADULT_AGE).cast(pl.Float64),
        has_attributes=pl.lit(value=True),
    )
    money = add_loan_types(add_ratios(keep_latest(finances))).select(
        "loan_id", *FINANCIAL_NUMBERS, *CATEGORIES[1:], has_financials=pl.lit(value=True)
    )
    behaviour = summarise_clickstream(clicks).with_columns(has_clickstream=pl.lit(value=True))
    wide = applications
    for source in (person, money, behaviour):
        wide = wide.join(source, on="loan_id", how="left", validate="1:1")
    return wide.with_columns(pl.col("^has_.*$").fill_null(value=False))

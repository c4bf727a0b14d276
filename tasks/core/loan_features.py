"""Features of the applications of one day, from what was known on that day.

The clickstream is heavy noise around a level of the customer's own: one month says little, the mean of k
months has a k-th of the noise. So the store keeps the mean, the spread and the number of months behind
them; how much a mean of so many months is worth is the model's to learn.
"""

from datetime import date

import polars as pl

from tasks.schemas.clickstream import MEASURES
from tasks.schemas.feature_store import CATEGORIES, CLICKSTREAM_MONTHS, FEATURE_STORE, FINANCIAL_NUMBERS, KEYS
from tasks.schemas.financials import LOAN_TYPES


def keep_applications(loans: pl.LazyFrame, *, as_of: date) -> pl.LazyFrame:
    """The applications of `as_of`: loan_id, customer_id, snapshot_date of each loan at MOB 0.

    Needs:  the columns of silver.loans.
    Keys:   one row per loan_id.
    """
    mob_0 = (pl.col("installment_num") == 0) & (pl.col("loan_start_date") == pl.col("snapshot_date"))
    return loans.filter(pl.col("snapshot_date") == as_of, mob_0).select(KEYS)


def summarise_clickstream(clickstream: pl.LazyFrame, *, as_of: date) -> pl.LazyFrame:
    """Level and spread of each measure over the customer's history up to `as_of`.

    Needs:  customer_id, snapshot_date, fe_1..fe_20.
    Adds:   n_clickstream_months, fe_*_mean, fe_*_sd (null for a single month).
    Keys:   one row per customer_id.
    Source: silver.clickstream.
    """
    history = clickstream.filter(pl.col("snapshot_date") <= as_of)
    # Integer sums are exact, so the result does not depend on the order in which rows are met.
    sums = history.group_by("customer_id").agg(
        pl.len().cast(pl.Float64).alias(CLICKSTREAM_MONTHS),
        *(pl.col(m).count().alias(f"{m}_n") for m in MEASURES),
        *(pl.col(m).cast(pl.Int64).sum().alias(f"{m}_sum") for m in MEASURES),
        *((pl.col(m).cast(pl.Int64) ** 2).sum().alias(f"{m}_squares") for m in MEASURES),
    )
    return sums.select(
        "customer_id",
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


def latest_known(rows: pl.LazyFrame, *, as_of: date) -> pl.LazyFrame:
    """Each customer's newest row that is not dated after `as_of`, without its date."""
    known = rows.filter(pl.col("snapshot_date") <= as_of)
    return known.sort("snapshot_date").unique("customer_id", keep="last").drop("snapshot_date")


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
    as_of: date,
) -> pl.LazyFrame:
    """Rows of gold.feature_store for the applications of `as_of`.

    Needs:  the four silver tables; rows dated after `as_of` are ignored.
    Keys:   one row per loan_id, every application of the day; nulls where a source does not know the customer.
    Source: silver.loans, silver.attributes, silver.financials, silver.clickstream.
    """
    applications = keep_applications(loans, as_of=as_of)
    applicants = applications.select("customer_id").unique()
    known_attributes = latest_known(attributes, as_of=as_of).select(
        "customer_id",
        "occupation",
        pl.col("age").cast(pl.Float64),
        is_minor=(pl.col("age") < 18).cast(pl.Float64),
        has_attributes=pl.lit(True),
    )
    known_financials = add_loan_types(add_ratios(latest_known(financials, as_of=as_of))).select(
        "customer_id", *FINANCIAL_NUMBERS, *CATEGORIES[1:], has_financials=pl.lit(True)
    )
    own_clickstream = clickstream.join(applicants, on="customer_id", how="semi")
    behaviour = summarise_clickstream(own_clickstream, as_of=as_of).with_columns(has_clickstream=pl.lit(True))
    wide = applications
    for known in (known_attributes, known_financials, behaviour):
        wide = wide.join(known, on="customer_id", how="left", validate="m:1")
    flags = pl.col("^has_.*$").fill_null(value=False)
    return wide.with_columns(flags).select(*FEATURE_STORE).cast(FEATURE_STORE)  # pyright: ignore[reportArgumentType]

"""What the lender itself knew of each applicant on the day, and what it only came to know later.

A column of another source is held against both: what equals a later fact was not known at the application.
"""

import polars as pl

from tasks.months import month_number
from tasks.schemas.feature_store import MEASURES

MONTHS_AFTER = range(1, 7)
MONTHS_ON_BOOK = 10  # that are looked at, or as many as a loan takes to ripen where these are more
AMOUNTS = ("overdue_amt", "paid_amt", "balance")
SUMMARIES = {
    "mean": pl.Expr.mean,
    "sum": pl.Expr.sum,
    "max": pl.Expr.max,
    "min": pl.Expr.min,
    "spread": pl.Expr.std,
}


def known_facts(applications: pl.DataFrame, past: pl.LazyFrame) -> pl.DataFrame:
    """Summaries of each history's measures until the application, and their values of the last two months.

    Needs:  loan_id, customer_id, snapshot_date of applications; the rows of all histories.
    Keys:   a row per application, in their order; null where there is nothing.
    """
    months = _months(applications, past)
    known = months.filter(pl.col("after") <= 0)
    parts = [
        _summaries(known, "until the application"),
        _single(known, 0, "in the month of the application"),
        _single(known, -1, "in the month before the application"),
    ]
    return _side_by_side(applications, parts)


def later_facts(
    applications: pl.DataFrame, past: pl.LazyFrame, loans: pl.LazyFrame, *, ripens: int
) -> pl.DataFrame:
    """Summaries of each history's measures over all months and over the later ones, single later months,
    and what was paid, owed and overdue at each month on book.

    Needs:  loan_id, customer_id, snapshot_date of applications; the rows of all histories; silver.loans; the
            months on book after which loans have a label.
    Keys:   a row per application, in their order; null where there is nothing.
    """
    months = _months(applications, past)
    later = months.filter(pl.col("after") > 0)
    parts = [_summaries(months, "over all months"), _summaries(later, "after the application")]
    parts += [_single(later, after, _months_later(after)) for after in MONTHS_AFTER]
    on_book = loans.filter(pl.col("installment_num") > 0)
    for mob in range(1, max(MONTHS_ON_BOOK, ripens) + 1):
        amounts = (pl.col(amount).cast(pl.Float64).alias(f"{amount} at MOB {mob}") for amount in AMOUNTS)
        parts.append(on_book.filter(pl.col("installment_num") == mob).select("loan_id", *amounts))
    worst = (pl.col(amount).cast(pl.Float64) for amount in AMOUNTS)
    parts.append(on_book.group_by("loan_id").agg(a.max().name.prefix("highest ") for a in worst))
    return _side_by_side(applications, parts)


def _months(applications: pl.DataFrame, past: pl.LazyFrame) -> pl.LazyFrame:
    """Every row of each applicant, with `after`: how many months after the application it is dated."""
    applicants = applications.lazy().select("loan_id", "customer_id", applied="snapshot_date")
    after = month_number(pl.col("snapshot_date")) - month_number(pl.col("applied"))
    rows = past.join(applicants, on="customer_id", how="inner")
    return rows.select("loan_id", *MEASURES, after=after)


def _summaries(months: pl.LazyFrame, when: str) -> pl.LazyFrame:
    return months.group_by("loan_id").agg(
        summarise(pl.col(measure).cast(pl.Float64)).alias(f"{name} of {measure} {when}")
        for measure in MEASURES
        for name, summarise in SUMMARIES.items()
    )


def _single(months: pl.LazyFrame, after: int, when: str) -> pl.LazyFrame:
    values = (pl.col(measure).cast(pl.Float64).alias(f"{measure} {when}") for measure in MEASURES)
    return months.filter(pl.col("after") == after).select("loan_id", *values)


def _months_later(after: int) -> str:
    return f"{after} month{'s' if after > 1 else ''} after the application"


def _side_by_side(applications: pl.DataFrame, parts: list[pl.LazyFrame]) -> pl.DataFrame:
    wide = applications.lazy().select("loan_id")
    for part in parts:
        wide = wide.join(part, on="loan_id", how="left", validate="1:1", maintain_order="left")
    return wide.drop("loan_id").collect()

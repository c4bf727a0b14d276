"""Days past due, and the label a loan gets on the day it reaches its ripe month on book."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.lender.current import lender
from tasks.schemas.loans import rounding

DAYS_AN_INSTALMENT = 30

# The label of a loan that was closed before it was ripe, by the policy's words.
CLOSED_AS = {"no label": None, "good": 0, "bad": 1}


def count_missed() -> pl.Expr:
    """Instalments overdue (Int32), one of which a part is overdue counted whole; 0 where it is only rounding.

    Where no instalment is due, as after the last one, they are counted by the amount granted in equal parts;
    null where that is not told.

    Needs:  the columns of silver.loans by which the lender tells arrears; installment_num, loan_amt, tenure.
    """
    told_by = lender().arrears.told_by
    if told_by == "instalments behind":
        return pl.col("instalments_behind")
    if told_by != "amounts":
        return (_days_told() / DAYS_AN_INSTALMENT).ceil().cast(pl.Int32)
    overdue = pl.col("overdue_amt") - rounding()
    usual = pl.col("loan_amt") / pl.col("tenure")
    due = pl.when(pl.col("due_amt") > 0).then("due_amt").when(usual > 0).then(usual)
    return pl.when(overdue <= 0).then(0).otherwise((overdue / due).ceil()).cast(pl.Int32)


def _days_told() -> pl.Expr:
    """Days past due as the loan tape tells them, itself or by a code of the state; null for no such code."""
    arrears = lender().arrears
    if arrears.told_by == "days past due":
        return pl.col("days_past_due")
    return pl.col("status").replace_strict(arrears.status, default=None, return_dtype=pl.Int32)


def add_days_past_due(loans: pl.LazyFrame) -> pl.LazyFrame:
    """Add `dpd`: days since the oldest unpaid instalment fell due.

    Needs:  what `count_missed` needs; snapshot_date.
    Adds:   dpd (Int32, days; 0 when nothing is overdue, null when it is not told).
    Keys:   one row per (loan_id, snapshot_date); rows and their order are kept.
    Source: silver.loans.
    """
    if lender().arrears.told_by in ("days past due", "status"):
        return loans.with_columns(dpd=_days_told().cast(pl.Int32))
    oldest_missed = pl.col("snapshot_date").dt.offset_by(pl.format("-{}mo", count_missed()))
    days = (pl.col("snapshot_date") - oldest_missed).dt.total_days()
    return loans.with_columns(dpd=days.cast(pl.Int32))


def label_defaults(
    loans: pl.LazyFrame, *, days: Sequence[date], mob: int, dpd: int, closed_as: int | None = None
) -> pl.LazyFrame:
    """Rows of gold.label_store for the loans that reach `mob` months on book on one of `days`.

    Needs:  the columns of silver.loans; `closed_as`, the label of a loan that was paid off or written off
            before (None: it has none).
    Adds:   dpd (days), label (1 when dpd or more days past due, else 0), label_def such as `30dpd_6mob`.
    Keys:   one row per loan_id; snapshot_date is the label date.
    Source: silver.loans.
    """
    closed = pl.sql_expr(lender().label.closed_when).fill_null(value=False)
    on_day = pl.col("snapshot_date").is_in(list(days)) & (pl.col("installment_num") == mob)
    ripe = loans.filter(on_day) if closed_as is not None else loans.filter(on_day, ~closed)
    late = (pl.col("dpd") >= dpd).cast(pl.Int32)
    return (
        add_days_past_due(ripe)
        .select(
            "loan_id",
            "customer_id",
            pl.col("loan_start_date").dt.truncate("1mo"),
            "snapshot_date",
            "dpd",
            label=pl.when(closed).then(pl.lit(closed_as, pl.Int32)).otherwise(late),
            label_def=pl.lit(f"{dpd}dpd_{mob}mob"),
        )
        .filter(pl.col("label").is_not_null())
    )  # of a state that is not told

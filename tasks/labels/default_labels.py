"""Days past due, and the label a loan gets on the day it reaches its ripe month on book."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.schemas.loans import rounding

# The label of a loan that was closed before it was ripe, by the policy's words.
CLOSED_AS = {"no label": None, "good": 0, "bad": 1}


def count_missed() -> pl.Expr:
    """Instalments overdue (Int32), one of which a part is overdue counted whole; 0 where it is only rounding.

    Needs:  overdue_amt, due_amt (account currency), installment_num.
    """
    overdue = pl.col("overdue_amt") - rounding()
    return pl.when(overdue <= 0).then(0).otherwise((overdue / pl.col("due_amt")).ceil()).cast(pl.Int32)


def add_days_past_due(loans: pl.LazyFrame) -> pl.LazyFrame:
    """Add `dpd`: days since the oldest unpaid instalment fell due.

    Needs:  overdue_amt, due_amt (account currency), installment_num, snapshot_date (Date).
    Adds:   dpd (Int32, days; 0 when nothing is overdue, null when an amount is null).
    Keys:   one row per (loan_id, snapshot_date); rows and their order are kept.
    Source: silver.loans.
    Raises: on collect, InvalidOperationError for money overdue on an instalment of 0.
    """
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
    closed = (pl.col("balance") == 0) & (pl.col("paid_amt") == 0)
    on_day = pl.col("snapshot_date").is_in(list(days)) & (pl.col("installment_num") == mob)
    ripe = loans.filter(on_day) if closed_as is not None else loans.filter(on_day, ~closed)
    late = (pl.col("dpd") >= dpd).cast(pl.Int32)
    return add_days_past_due(ripe).select(
        "loan_id",
        "customer_id",
        "loan_start_date",
        "snapshot_date",
        "dpd",
        label=pl.when(closed).then(pl.lit(closed_as, pl.Int32)).otherwise(late),
        label_def=pl.lit(f"{dpd}dpd_{mob}mob"),
    )

"""Loans: one row per loan and month on book, from the application (MOB 0) to the last instalment."""

import dataframely as dy
import polars as pl

from tasks.schemas.source import SilverRow, Source


class SilverLoans(SilverRow):
    """Key: (loan_id, snapshot_date). Amounts in account currency; `installment_num` is the MOB."""

    customer_id = dy.String(nullable=False, regex=r"^CUS_0x[0-9a-f]+$")
    loan_id = dy.String(nullable=False, primary_key=True)
    loan_start_date = dy.Date(nullable=False)
    tenure = dy.Int32(nullable=False, min=1)
    installment_num = dy.Int32(nullable=False, min=0)
    loan_amt = dy.Float64(nullable=False, min=0)
    due_amt = dy.Float64(nullable=False, min=0)
    paid_amt = dy.Float64(nullable=False, min=0)
    overdue_amt = dy.Float64(nullable=False, min=0)
    balance = dy.Float64(nullable=False, min=0)

    @dy.rule()
    def installment_num_is_months_since_start(cls) -> pl.Expr:
        day, start = pl.col("snapshot_date"), pl.col("loan_start_date")
        months = (day.dt.year() - start.dt.year()) * 12 + day.dt.month() - start.dt.month()
        return pl.col("installment_num") == months

    @dy.rule()
    def installment_num_within_tenure(cls) -> pl.Expr:
        return pl.col("installment_num") <= pl.col("tenure")

    @dy.rule()
    def balance_and_overdue_reconcile(cls) -> pl.Expr:
        due_so_far = pl.col("installment_num") * pl.col("loan_amt") / pl.col("tenure")
        paid_so_far = pl.col("loan_amt") - pl.col("balance")
        owed = pl.max_horizontal(due_so_far - paid_so_far, 0.0)
        return (pl.col("overdue_amt") - owed).abs() < 0.01


LOANS = Source(
    name="loans",
    files=("lms_loan_daily.csv",),
    columns=(
        "loan_id",
        "Customer_ID",
        "loan_start_date",
        "tenure",
        "installment_num",
        "loan_amt",
        "due_amt",
        "paid_amt",
        "overdue_amt",
        "balance",
        "snapshot_date",
    ),
    silver=SilverLoans,
)

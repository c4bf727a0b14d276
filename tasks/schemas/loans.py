"""Loans: one row per loan and month on book, from the application (MOB 0) to the last instalment."""

import dataframely as dy
import polars as pl

from tasks.months import month_number
from tasks.schemas.source import BEFORE, MAX_ID, SilverRow, Source

CENT = 0.01
KEPT_TERMS = ("customer_id", "loan_start_date", "tenure", "loan_amt", "balance")


def rounding() -> pl.Expr:
    """What is no money owed but rounding, in account currency: a cent for each instalment billed, and one."""
    return CENT * (pl.col("installment_num") + 1)


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
    customer_id_before = dy.String(nullable=True)
    loan_start_date_before = dy.Date(nullable=True)
    tenure_before = dy.Int32(nullable=True)
    loan_amt_before = dy.Float64(nullable=True)
    balance_before = dy.Float64(nullable=True)

    @dy.rule()
    def loan_id_of_at_most_128_letters_digits_and_signs(cls) -> pl.Expr:
        """Whatever shows, blanks inside too, but what parts the names of folders."""
        loan_id = pl.col("loan_id")
        shows = loan_id.str.contains(r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$") & ~loan_id.str.contains(r"[/\\]")
        return shows & (loan_id.str.len_chars() <= MAX_ID)

    @dy.rule()
    def installment_num_is_months_since_start(cls) -> pl.Expr:
        months = month_number(pl.col("snapshot_date")) - month_number(pl.col("loan_start_date"))
        return pl.col("installment_num") == months

    @dy.rule()
    def installment_num_within_tenure(cls) -> pl.Expr:
        return pl.col("installment_num") <= pl.col("tenure")

    @dy.rule()
    def balance_and_overdue_reconcile(cls) -> pl.Expr:
        due_so_far = pl.col("installment_num") * pl.col("loan_amt") / pl.col("tenure")
        paid_so_far = pl.col("loan_amt") - pl.col("balance")
        owed = pl.max_horizontal(due_so_far - paid_so_far, 0.0)
        return (pl.col("overdue_amt") - owed).abs() < rounding()

    @dy.rule()
    def due_amt_is_an_instalment(cls) -> pl.Expr:
        instalment = pl.col("loan_amt") / pl.col("tenure")
        closed = (pl.col("balance") == 0) & (pl.col("due_amt") == 0)  # nothing is billed any more
        at_start = pl.col("installment_num") == 0
        return at_start | closed | ((pl.col("due_amt") - instalment).abs() < rounding())

    @dy.rule()
    def balance_falls_by_what_is_paid(cls) -> pl.Expr:
        at_start = pl.when(pl.col("installment_num") == 0).then(pl.col("loan_amt"))
        before = pl.coalesce("balance_before", at_start)
        off = (pl.col("balance") - before + pl.col("paid_amt")).abs()
        return (off < 3 * CENT).fill_null(
            value=True
        )  # a cent for each amount, which may be rounded by itself

    @dy.rule()
    def terms_are_those_of_the_month_before(cls) -> pl.Expr:
        terms = [name for name in KEPT_TERMS if name != "balance"]
        kept = [(pl.col(name) == pl.col(name + BEFORE)).fill_null(value=True) for name in terms]
        return pl.all_horizontal(kept)


LOANS = Source(
    name="loans",
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

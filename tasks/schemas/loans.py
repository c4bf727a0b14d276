"""What is rounding in the amounts of a loan tape."""

import polars as pl

from tasks.lender.current import lender


def rounding() -> pl.Expr:
    """What is no money owed but rounding (account currency): so much for each instalment billed, and one."""
    return lender().arrears.tolerance * (pl.col("installment_num") + 1)

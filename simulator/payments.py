"""How loans of 10,000 over 10 instalments of 1,000 are paid: rows for MOB 0 to 10 that reconcile."""

from typing import Final

import numpy as np
import polars as pl

from simulator.terms import Bools, Ints, Lender, Stream, draws, month_start

INSTALMENT: Final = 1_000
TENURE: Final = 10
GOOD_PATH: Final = "1111111111"
# Instalments paid in each month on book, and how often a defaulter pays so: all owe 2 or more at MOB 6.
DEFAULT_PATHS: Final[dict[str, int]] = {
    "1100000000": 270,
    "1000000000": 188,
    "1110000000": 178,
    "1020000000": 116,
    "0200000000": 79,
    "1102000000": 64,
    "0000000000": 45,
    "0210000000": 41,
    "1003000000": 40,
    "1111000000": 35,
    "0030000000": 25,
    "1021000000": 21,
    "0202000000": 14,
    "0004000000": 12,
    "0211000000": 11,
    "0031000000": 9,
}


def build_loans(lender: Lender, cohort: int, ids: pl.Series, defaults: Bools) -> pl.DataFrame:
    """Return the rows of lms_loan_daily.csv for the loans of one cohort, as far as the last month.

    Keys: one row per (loan_id, snapshot_date), sorted by customer and MOB; amounts in account currency.
    """
    last_mob = min(TENURE, lender.months - 1 - cohort)
    paid = draw_payments(lender, cohort, defaults)[:, : last_mob + 1]
    mob = np.arange(last_mob + 1)
    total = paid.cumsum(axis=1)
    months = pl.Series([month_start(lender, cohort + int(one)) for one in mob])
    rows = np.repeat(np.arange(len(ids)), last_mob + 1)
    every_mob = np.tile(mob, len(ids))
    return pl.DataFrame(
        {
            "loan_id": loan_ids(lender, cohort, ids).gather(pl.Series(rows)),
            "Customer_ID": ids.gather(pl.Series(rows)),
            "loan_start_date": pl.repeat(month_start(lender, cohort), len(rows), eager=True),
            "tenure": np.full(len(rows), TENURE),
            "installment_num": every_mob,
            "loan_amt": np.full(len(rows), TENURE * INSTALMENT),
            "due_amt": np.where(every_mob > 0, float(INSTALMENT), 0.0),
            "paid_amt": paid.ravel().astype(float),
            "overdue_amt": (mob * INSTALMENT - total).ravel().astype(float),
            "balance": (TENURE * INSTALMENT - total).ravel().astype(float),
            "snapshot_date": months.gather(pl.Series(every_mob)),
        }
    )


def draw_payments(lender: Lender, cohort: int, defaults: Bools) -> Ints:
    """Return what each loan pays at MOB 0 to 10 (account currency), one row a loan."""
    paths = np.array([[int(digit) for digit in "0" + path] for path in (GOOD_PATH, *DEFAULT_PATHS)])
    counts = np.array(list(DEFAULT_PATHS.values()))
    chosen = 1 + draws(lender, Stream.PAYMENTS, cohort).choice(
        len(counts), size=len(defaults), p=counts / counts.sum()
    )
    return paths[np.where(defaults, chosen, 0)] * INSTALMENT


def loan_ids(lender: Lender, cohort: int, ids: pl.Series) -> pl.Series:
    """Return the loan ids of a cohort's customers: customer id and start date."""
    return ids + month_start(lender, cohort).strftime("_%Y_%m_%d")

"""How car loans are paid: interest-bearing annuities, month by month, as the lender's ledger shows them.

A payment settles whole instalments, oldest first, and arrears bear no interest: so the balance is that of the
schedule after the instalments that were paid, and the money overdue is the sum of those that were not.
"""

from typing import Final

import numpy as np
import polars as pl

from simulator.car_loans.applicants import Applicants
from simulator.terms import Bools, Floats, Ints, Lender, Stream, cohort_size, draws, month_end, month_start

LABEL_MOB: Final = 12
LATEST_STOP: Final = 9  # who stops paying by then owes 4 instalments at LABEL_MOB: 90 days or more
MIN_BEHIND: Final = 4
MISSED: Final = 0.85  # of the instalments after a defaulter's first missed one
SLIPS: Final = 0.15  # of the others: who pays late once
STOPS_LATER: Final = 0.03  # of the others: who stops paying after LABEL_MOB
LONGEST: Final = 60


def build_loans(
    lender: Lender, cohort: int, customers: pl.Series, applicants: Applicants, defaults: Bools
) -> pl.DataFrame:
    """Return the rows of loans.csv of one cohort: month-ends from the start to the last month or instalment.

    Keys: one row per (contract_no, reporting_date), sorted by both; amounts in account currency,
    interest_rate in percent a year, days_past_due since the oldest unpaid instalment fell due.
    """
    terms = applicants.terms
    due, balances = annuity_schedule(terms)
    behind = draw_instalments_behind(lender, cohort, defaults)
    lasts = np.minimum(terms["term_months"].to_numpy(), lender.months - 1 - cohort)
    rows = np.repeat(np.arange(len(terms)), lasts + 1)
    mob = np.concatenate([np.arange(last + 1) for last in lasts])
    settled = np.maximum(mob - behind[rows, mob], 0)
    settled_before = np.where(mob > 0, np.maximum(mob - 1 - behind[rows, mob - 1], 0), 0)
    billed = due.cumsum(axis=1)
    month_ends = pl.Series([month_end(lender, cohort + month) for month in range(int(lasts.max()) + 1)])
    loans = pl.DataFrame({"start_date": start_dates(lender, cohort), "customer_no": customers}).hstack(terms)
    return (
        loans.with_columns(contract_no=contract_numbers(lender, cohort))[rows]
        .with_columns(
            months_on_book=mob,
            instalment=due[rows, mob],
            paid=np.round(billed[rows, settled] - billed[rows, settled_before], 2),
            overdue=np.round(billed[rows, mob] - billed[rows, settled], 2),
            balance=balances[rows, settled],
            reporting_date=month_ends.gather(pl.Series(mob)),
            _behind=mob - settled,
        )
        .with_columns(days_past_due=_days_past_due())
        .select(COLUMNS)
    )


COLUMNS: Final = (
    "contract_no",
    "customer_no",
    "start_date",
    "term_months",
    "months_on_book",
    "amount_financed",
    "interest_rate",
    "instalment",
    "paid",
    "overdue",
    "balance",
    "days_past_due",
    "reporting_date",
)


def contract_numbers(lender: Lender, cohort: int) -> pl.Series:
    """Return the numbers of the cohort's contracts, rising with time."""
    first = 40_000_001 + cohort * cohort_size(lender)
    return pl.Series(np.arange(first, first + cohort_size(lender)))


def start_dates(lender: Lender, cohort: int) -> pl.Series:
    """Return the day on which each loan of the cohort starts: any day of its month."""
    first, last = month_start(lender, cohort), month_end(lender, cohort)
    days = draws(lender, Stream.ATTRIBUTES, cohort).integers(0, last.day, cohort_size(lender))
    return pl.date_range(first, last, "1d", eager=True).gather(pl.Series(days))


def annuity_schedule(terms: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return what falls due, and the balance once it is paid, by month 0 to LONGEST, one row a loan.

    The level payment is `amount * i / (1 - (1 + i) ** -term)` at the monthly rate i (e.g. Brealey, Myers and
    Allen, Principles of Corporate Finance, ch. 2), rounded to cents; the last one settles what rounding left.
    """
    amount, rate, term = (
        terms[name].to_numpy() for name in ("amount_financed", "interest_rate", "term_months")
    )
    monthly = rate / 1200
    level = np.round(amount * monthly / (1 - (1 + monthly) ** -term), 2)
    due, balances = np.zeros((len(terms), LONGEST + 1)), np.zeros((len(terms), LONGEST + 1))
    balances[:, 0] = amount
    for month in range(1, LONGEST + 1):
        owed = np.round(balances[:, month - 1] * (1 + monthly), 2)
        due[:, month] = np.where(month < term, level, owed)
        balances[:, month] = np.round(owed - due[:, month], 2)
    return due, balances


def draw_instalments_behind(lender: Lender, cohort: int, defaults: Bools) -> Ints:
    """Return how many instalments each loan is behind at MOB 0 to LONGEST, one row a loan.

    At LABEL_MOB those who default are MIN_BEHIND or more behind, all others 2 at most.
    """
    chance, size = draws(lender, Stream.PAYMENTS, cohort), len(defaults)
    months = np.arange(LONGEST + 1)
    stop = chance.integers(2, LATEST_STOP + 1, size)[:, None]
    stopped: Bools = np.greater_equal(months, stop)
    missed: Bools = stopped & ((chance.random((size, len(months))) < MISSED) | (months > LABEL_MOB))
    n_missed: Ints = missed[:, : LABEL_MOB + 1].sum(axis=1, keepdims=True)
    missed = np.where(n_missed < MIN_BEHIND, stopped, missed)
    late = chance.integers(1, LONGEST, size)[:, None]
    slips = (chance.random((size, 1)) < SLIPS) & (months >= late) & (months < late + 1 + late % 2)
    later = chance.integers(LABEL_MOB + 1, LONGEST, size)[:, None]
    stops = (chance.random((size, 1)) < STOPS_LATER) & (months >= later)
    others = np.where(stops.any(axis=1, keepdims=True), stops.cumsum(axis=1), slips)
    return np.where(defaults[:, None], missed.cumsum(axis=1), others)


def _days_past_due() -> pl.Expr:
    oldest = pl.col("months_on_book") - pl.col("_behind") + 1
    fell_due = pl.col("start_date").dt.offset_by(pl.format("{}mo", oldest))
    days = (pl.col("reporting_date") - fell_due).dt.total_days()
    return pl.when(pl.col("_behind") > 0).then(days).otherwise(0)

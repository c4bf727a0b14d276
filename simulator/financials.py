"""An applicant's clean financial facts, numbers and words: features_financials.csv before the dirt."""

from typing import Final

import numpy as np
import polars as pl

from simulator.layout import FINANCIAL_COLUMNS
from simulator.population import Credit
from simulator.terms import Floats, Ints, Lender, Stream, cohort_size, draws

LOAN_KINDS: Final = (
    "Auto Loan",
    "Credit-Builder Loan",
    "Debt Consolidation Loan",
    "Home Equity Loan",
    "Mortgage Loan",
    "Not Specified",
    "Payday Loan",
    "Personal Loan",
    "Student Loan",
)
MAX_LOANS: Final = 9
MIX_WORDS: Final = pl.Series(["Good", "Standard", "Bad"])
MINIMUM_WORDS: Final = pl.Series(["No", "NM", "Yes"])
MINIMUM_SHARES: Final = np.array([[0.883, 0.117, 0.0], [0.199, 0.12, 0.681], [0.0, 0.117, 0.883]])

# Payment behaviour, low spenders first, small payments first: what is left beside a tenth of the salary
# (account currency), and the log odds (median, spread) of the share of MAX_INVESTED of the salary invested.
BEHAVIOURS: Final = pl.Series(
    [
        f"{spent}_spent_{size}_value_payments"
        for spent in ("Low", "High")
        for size in ("Small", "Medium", "Large")
    ]
)
ALLOWANCE: Final = np.array([290.0, 280.0, 270.0, 260.0, 250.0, 240.0])
INVESTED_ODDS: Final = np.array([0.44, -0.13, -0.25, -0.74, -1.39, -2.01])
INVESTED_SPREAD: Final = np.array([1.2, 0.76, 0.72, 0.59, 0.61, 0.5])
MAX_INVESTED: Final = 0.136

USED_AT: Final = (20.1, 23.0, 25.3, 27.2, 29.0, 30.7, 32.4, 34.1, 35.8, 37.4, 39.1, 41.4, 48.2)
USED_KNOTS: Final = (-3.3, -2.05, -1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28, 2.05, 3.7)


def build_financials(lender: Lender, cohort: int, credit: Credit) -> pl.DataFrame:
    """Return the clean financial facts of one cohort: FINANCIAL_COLUMNS, one row an applicant.

    Numbers stay numbers; Credit_History_Age is in months. Amounts are in account currency.
    """
    chance, size = draws(lender, Stream.FINANCIALS, cohort), cohort_size(lender)
    income, loans = credit.numbers["Annual_Income"], credit.numbers["Num_of_Loan"].astype(np.int64)
    salary = np.round(np.maximum(income + chance.uniform(-3600, 3600, size), 3600), 2) / 12
    wealth = (np.log(income) - 10.5) / 0.85
    behaviour = _draw_behaviour(chance, wealth)
    instalments = _draw_instalments(chance, loans, salary)
    rest = np.maximum(salary / 10 + ALLOWANCE[behaviour] - instalments, 20)
    share = INVESTED_ODDS[behaviour] + INVESTED_SPREAD[behaviour] * chance.standard_normal(size)
    invested = np.minimum(MAX_INVESTED * salary / (1 + np.exp(-share)), 0.95 * rest)
    used = np.interp(0.17 * wealth + 0.985 * chance.standard_normal(size), USED_KNOTS, USED_AT)
    minimum = (chance.random(size)[:, None] >= MINIMUM_SHARES.cumsum(axis=1)[credit.mix][:, :2]).sum(axis=1)
    whole = {name: values.astype(np.int64) for name, values in credit.numbers.items()}
    columns = {
        **whole,
        "Annual_Income": income,
        "Monthly_Inhand_Salary": salary,
        "Type_of_Loan": _draw_kinds(chance, loans),
        "Changed_Credit_Limit": credit.numbers["Changed_Credit_Limit"],
        "Num_Credit_Inquiries": credit.numbers["Num_Credit_Inquiries"],
        "Credit_Mix": MIX_WORDS.gather(pl.Series(credit.mix)),
        "Outstanding_Debt": credit.numbers["Outstanding_Debt"],
        "Credit_Utilization_Ratio": used,
        "Payment_of_Min_Amount": MINIMUM_WORDS.gather(pl.Series(minimum)),
        "Total_EMI_per_month": instalments,
        "Amount_invested_monthly": invested,
        "Payment_Behaviour": BEHAVIOURS.gather(pl.Series(behaviour)),
        "Monthly_Balance": rest - invested,
    }
    return pl.DataFrame(columns).select(FINANCIAL_COLUMNS)


def _draw_behaviour(chance: np.random.Generator, wealth: Floats) -> Ints:
    spends = 0.36 * wealth + 0.93 * chance.standard_normal(len(wealth))
    pays = 0.32 * wealth + 0.15 * spends + 0.92 * chance.standard_normal(len(wealth))
    return np.searchsorted([-0.25, 0.65], pays) + 3 * (spends > 0.09)


def _draw_instalments(chance: np.random.Generator, loans: Ints, salary: Floats) -> Floats:
    each = np.clip(0.0076 + 0.002 * chance.standard_normal(len(loans)), 0.0046, None)
    heavy = np.where(chance.random(len(loans)) < 0.06, np.exp(chance.exponential(0.8, len(loans))), 1.0)
    return np.minimum(loans * each * heavy, 0.12) * salary


def _draw_kinds(chance: np.random.Generator, loans: Ints) -> pl.Series:
    drawn = chance.integers(0, len(LOAN_KINDS), (len(loans), MAX_LOANS))
    words = pl.Series(LOAN_KINDS)
    frame = pl.DataFrame(
        {f"kind_{place}": words.gather(pl.Series(drawn[:, place])) for place in range(MAX_LOANS)}
    )
    kinds, count = pl.concat_list(pl.all()), pl.lit(pl.Series(loans))
    joined = kinds.list.head(pl.max_horizontal(count - 1, pl.lit(0))).list.join(", ")
    last = kinds.list.get(pl.max_horizontal(count - 1, pl.lit(0)))
    text = pl.when(count == 0).then(None).when(count == 1).then(last).otherwise(joined + ", and " + last)
    return frame.select(Type_of_Loan=text)["Type_of_Loan"]

"""What a good loan earns and a bad one loses, as shares of the amount granted."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tasks.economics.figure import Figure, Z
from tasks.governance.policy import Economics
from tasks.months import months_before
from tasks.statistics.performance import Floats


@dataclass(frozen=True)
class Terms:
    """A good loan earns the `margin`, a bad one loses `lgd`, both shares of the amount granted."""

    margin: float
    lgd: float

    def profit(self, amounts: Floats, outcomes: Floats) -> Floats:
        """Profit (n,) of each loan, in account currency; outcomes are PDs or labels."""
        return amounts * (self.margin - (self.margin + self.lgd) * outcomes)

    @property
    def break_even(self) -> float:
        """The PD at which a loan earns nothing: margin / (margin + loss given default)."""
        return self.margin / (self.margin + self.lgd)


def measured_months(as_of: date, assumed: Economics) -> list[date]:
    """The policy's newest months, in which the term of the measured loans ended."""
    return [months_before(as_of, back) for back in range(assumed.months)]


def keep_unpaid(loans: pl.LazyFrame, labels: pl.LazyFrame) -> pl.LazyFrame:
    """loan_amt and balance of bad loans that have come to the end of their term.

    Needs:  installment_num, tenure, loan_amt, balance of silver.loans; label of gold.label_store.
    """
    ended = loans.filter(pl.col("installment_num") == pl.col("tenure"), pl.col("loan_amt") > 0)
    bad = labels.filter(pl.col("label") == 1).select("loan_id")
    return ended.join(bad, on="loan_id", how="semi").select("loan_id", "loan_amt", "balance")


def measure_terms(unpaid: pl.DataFrame, assumed: Economics) -> tuple[Terms, list[Figure]]:
    """The terms that hold, and the figures that say which of them was measured.

    The loss given default is what bad loans leave unpaid when their term ends over what was granted, weighted
    by amount (ratio estimator, Cochran 1977, 2.11); before so many have ended, the assumption of the policy.
    What is recovered later is not in the tape, so the measurement is an upper limit.

    Needs:  what `keep_unpaid` gives.
    """
    margin = Figure("margin", "assumption", 1.0, 0, 0.0, assumed.margin, status="assumed")
    granted = unpaid["loan_amt"].to_numpy()
    n, amount = len(granted), float(granted.sum())
    if n < assumed.min_bad_loans:
        value = assumed.loss_given_default
        lgd = Figure("lgd", "assumption", 1.0, n, amount, value, status="assumed")
        return Terms(assumed.margin, value), [margin, lgd]
    value = float(unpaid["balance"].sum()) / amount
    residuals = unpaid["balance"].to_numpy() - value * granted
    half = Z * float(residuals.std(ddof=1)) / (n**0.5 * float(np.mean(granted)))
    limits = max(0.0, value - half), min(1.0, value + half)
    lgd = Figure("lgd", "measurement", 1.0, n, amount, value, *limits)
    return Terms(assumed.margin, value), [margin, lgd]

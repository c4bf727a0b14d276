"""The probability of default that nobody can beat: what clean facts say on the application day."""

import numpy as np
import polars as pl

from simulator.clickstream import log_likelihood_ratio
from simulator.population import Credit, probability, reference_credit
from simulator.terms import Bools, Floats, Lender, is_stopped


def true_default_probability(lender: Lender, cohort: int, credit: Credit, defaults: Bools) -> pl.Series:
    """Return P(default at MOB 6), 0 to 1, given all that a clean book shows in the application month.

    Bayes' rule, with no approximation but the rounding of clickstream to whole numbers: the log odds from the
    financials, plus each month's log likelihood ratio. With the financials stopped the odds are those of
    everybody of the applicant's age; with the attributes stopped too, those of everybody (a large sample).
    """
    logit = credit.logit
    if is_stopped(lender, "financials", cohort, cohort):
        rate = _expected_rate(lender, cohort, credit)
        logit = np.log(rate / (1 - rate))
    for month in range(cohort + 1):
        logit = logit + log_likelihood_ratio(lender, cohort, month, defaults)
    return pl.Series("true_pd", probability(logit))


def _expected_rate(lender: Lender, cohort: int, credit: Credit) -> Floats:
    others = reference_credit(lender, cohort)
    chances = probability(others.logit)
    if is_stopped(lender, "attributes", cohort, cohort):
        return np.full(len(credit.mix), chances.mean())
    ages = others.numbers["Age"].astype(np.int64)
    by_age = np.bincount(ages, chances) / np.maximum(np.bincount(ages), 1)
    return by_age[credit.numbers["Age"].astype(np.int64)]

"""Who applies for a car loan, what the lender and the credit bureau know of them, and who defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
import polars as pl

from simulator.population import probability
from simulator.terms import Bools, Floats, Ints, Lender, Stream, cohort_size, draws, drifts_in

INTERCEPT: Final = -4.77
WITHOUT_FILE: Final = 0.04  # share of applicants of whom the bureau knows nothing

# Words, how often each is met, and what it adds to the log odds of default.
EMPLOYMENT: Final = {
    "employed": (0.58, 0.0),
    "public sector": (0.15, -0.5),
    "self-employed": (0.14, 0.6),
    "retired": (0.08, -0.2),
    "unemployed": (0.05, 1.2),
}
HOUSING: Final = {"owner": (0.46, 0.0), "tenant": (0.44, 0.4), "with family": (0.10, 0.8)}
REGIONS: Final = {"North": (0.24, 0.0), "East": (0.21, 0.0), "South": (0.29, 0.0), "West": (0.26, 0.0)}
TERMS: Final = {12: (0.08, -0.2), 24: (0.17, -0.1), 36: (0.27, 0.0), 48: (0.28, 0.1), 60: (0.20, 0.2)}


@dataclass(frozen=True)
class Applicants:
    """One cohort: the columns of both files of applications, who has a file at the bureau, the odds (logit).

    `terms` of the loan granted: amount_financed (account currency), interest_rate (percent a year),
    term_months.
    """

    form: pl.DataFrame
    bureau: pl.DataFrame
    has_file: Bools
    terms: pl.DataFrame
    logit: Floats


def draw_applicants(lender: Lender, cohort: int) -> Applicants:
    """Return the cohort's applicants: clean facts, and what they say about default."""
    chance, size = draws(lender, Stream.CREDIT, cohort), cohort_size(lender)
    standing = chance.standard_normal(size)  # one hidden factor moves the facts of an applicant together
    income = _mixed(chance, standing, 0.4)
    deposit = _mixed(chance, standing, 0.3)
    tenure = _mixed(chance, standing, 0.2)
    employment, by_employment = _draw_words(chance, size, EMPLOYMENT)
    housing, by_housing = _draw_words(chance, size, HOUSING)
    region, _ = _draw_words(chance, size, REGIONS)
    price = 10 * np.floor(np.exp(7.4 + 0.25 * income + 0.35 * chance.standard_normal(size)))
    share = np.round(100 / (1 + np.exp(1.5 - 0.7 * deposit)), 1)
    vehicle_age = np.minimum(np.floor(chance.exponential(3.0, size)), 12).astype(np.int64)
    term, by_term = _draw_words(chance, size, TERMS)
    form = pl.DataFrame(
        {
            "age": chance.integers(19, 75, size),
            "net_income": np.round(np.exp(7.75 + 0.35 * income), 2),
            "employment": employment,
            "months_employed": np.floor(np.exp(3.6 + 0.9 * tenure)).astype(np.int64),
            "housing": housing,
            "region": region,
            "children": chance.poisson(0.8, size),
            "vehicle_price": price,
            "vehicle_age_years": vehicle_age,
            "deposit_pct": share,
        }
    )
    bureau, by_bureau = _draw_bureau(chance, standing)
    has_file = chance.random(size) >= WITHOUT_FILE
    by_form = -0.55 * income - 0.5 * deposit - 0.4 * tenure + 0.12 * (vehicle_age - 3)
    odds = INTERCEPT + by_form + by_employment + by_housing + by_term + np.where(has_file, by_bureau, 0.9)
    for drift in drifts_in(lender, "badrate", cohort):
        odds = odds + log(drift.amount)
    return Applicants(form, bureau, has_file, _terms(chance, price, share, term), odds)


def draw_defaults(lender: Lender, cohort: int, applicants: Applicants) -> Bools:
    """Return who will be 90 or more days past due at MOB 12."""
    chance = draws(lender, Stream.DEFAULT, cohort).random(len(applicants.logit))
    return chance < probability(applicants.logit)


def true_default_probability(applicants: Applicants) -> pl.Series:
    """Return P(90 days past due at MOB 12), 0 to 1, given all that the files say on the application day.

    Exact: defaults are drawn from these odds, and of an applicant without a file at the bureau they use
    nothing that the bureau would have said.
    """
    return pl.Series("true_pd", probability(applicants.logit))


def _draw_bureau(chance: np.random.Generator, standing: Floats) -> tuple[pl.DataFrame, Floats]:
    """What the bureau knows of each applicant, and what it adds to the log odds of default."""
    size = len(standing)
    score = _mixed(chance, standing, 0.5)
    debts, enquiries = chance.poisson(1.6, size), chance.poisson(np.exp(0.2 - 0.35 * standing))
    used = np.round(100 / (1 + np.exp(0.4 + 0.9 * _mixed(chance, standing, 0.3))), 1)
    months = np.floor(chance.exponential(np.where(standing < 0, 20, 40)))
    arrears = chance.random(size) < 0.25
    since: Floats = np.where(arrears, months, np.nan)
    bureau = pl.DataFrame(
        {
            "bureau_score": np.clip(np.round(600 + 75 * score), 300, 850).astype(np.int64),
            "open_credits": debts,
            "monthly_repayments": np.round(debts * np.exp(4.7 + 0.4 * chance.standard_normal(size)), 2),
            "enquiries_6m": enquiries,
            "utilisation_pct": used,
            "months_since_arrears": pl.Series(since).fill_nan(None).cast(pl.Int64),
        }
    )
    recent = arrears * (1.2 * (months <= 12) + 0.6 * (months <= 36))
    return bureau, -1.0 * score + 0.3 * (enquiries - 1) + 0.02 * (used - 40) + recent


def _terms(chance: np.random.Generator, price: Floats, deposit_pct: Floats, term: pl.Series) -> pl.DataFrame:
    """What is granted: the price less the deposit, at a rate that depends on the term alone."""
    rate = 4.5 + 0.25 * (term.to_numpy() // 12) + 0.25 * chance.integers(0, 5, len(price))
    return pl.DataFrame(
        {
            "amount_financed": np.round(price * (1 - deposit_pct / 100), 2),
            "interest_rate": rate,
            "term_months": term,
        }
    )


def _mixed(chance: np.random.Generator, standing: Floats, loading: float) -> Floats:
    """A standard normal number that correlates with the hidden factor by its loading."""
    return loading * standing + np.sqrt(1 - loading**2) * chance.standard_normal(len(standing))


def _draw_words(
    chance: np.random.Generator,
    size: int,
    words: Mapping[str, tuple[float, float]] | Mapping[int, tuple[float, float]],
) -> tuple[pl.Series, Floats]:
    """A word for each applicant, and what it adds to the log odds of default."""
    shares, effects = np.array(list(words.values())).T
    drawn: Ints = chance.choice(len(shares), size=size, p=shares)
    return pl.Series(list(words)).gather(pl.Series(drawn)), effects[drawn]

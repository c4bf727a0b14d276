"""Lenders in memory for the study of the audit: what an audit holds columns against, and what is true."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from benchmarks.study_lender import clean_facts, clicks_of
from simulator.attributes import build_attributes
from simulator.clickstream import log_likelihood_ratio
from simulator.financials import build_financials
from simulator.payments import build_loans, loan_ids
from simulator.population import customer_ids, draw_credit, draw_defaults
from simulator.terms import Bools, Floats, Lender, month_start
from tasks.features.application_features import build_features
from tasks.leakage_audit.checks import assemble_book
from tasks.leakage_audit.reference import Book

START, MONTHS, LABEL_MOB, SEED = date(2022, 1, 1), 14, 6, 0


@dataclass(frozen=True)
class World:
    """A lender on the day of an audit; arrays hold a value per application (n,).

    `credit` are the true log-odds of default by the credit numbers, `odds` those by all that was known at the
    application, `age` the months on book, `first` the MOB at which money was first overdue (99: never until
    today), and `seed` the lender's.
    """

    book: Book
    applications: pl.DataFrame
    credit: Floats
    odds: Floats
    age: Floats
    first: Floats
    seed: int

    @property
    def outcome(self) -> Floats:
        """Whether (n,) a loan is known to have defaulted; 0 for those that are not ripe."""
        return np.nan_to_num(self.book.labels)


def build_world(lender: Lender) -> World:
    """The lender's book on its last month, by the project's own cleaning and features."""
    months = range(lender.months)
    applicants = [draw_credit(lender, month) for month in months]
    defaults = [
        draw_defaults(lender, month, credit) for month, credit in zip(months, applicants, strict=True)
    ]
    ids = [customer_ids(lender, month) for month in months]
    facts = {
        name: pl.concat(
            clean_facts(lender, month, name, build(lender, month, applicants[month]), ids[month])
            for month in months
        ).lazy()
        for name, build in {"attributes": build_attributes, "financials": build_financials}.items()
    }
    loans = pl.concat(build_loans(lender, month, ids[month], defaults[month]) for month in months)
    loans = loans.rename({"Customer_ID": "customer_id"})
    clicks = pl.concat(
        clicks_of(lender, month, later, ids[month], defaults[month]) for month in months for later in months
    )
    days = [month_start(lender, month) for month in months]
    mob_0 = loans.lazy().filter(pl.col("installment_num") == 0)
    features = build_features(mob_0, {**facts, "clickstream": clicks.lazy()}, days=days)
    features = features.sort("snapshot_date", "loan_id")
    truth = pl.concat(
        pl.DataFrame(
            {
                "loan_id": loan_ids(lender, month, ids[month]),
                "bad": defaults[month].astype(float),
                "age": pl.repeat(float(lender.months - 1 - month), len(ids[month]), eager=True),
                "credit": applicants[month].logit,
                "odds": applicants[month].logit + _say_clicks(lender, month, defaults[month]),
            }
        )
        for month in months
    )
    overdue = loans.filter(pl.col("overdue_amt") > 0).group_by("loan_id").agg(pl.col("installment_num").min())
    truth = truth.join(overdue, on="loan_id", how="left").rename({"installment_num": "first"})
    true = features.select("loan_id").join(truth, on="loan_id", how="left", maintain_order="left")
    ripe = (true["age"] >= LABEL_MOB).to_numpy()
    labels = np.where(ripe, true["bad"].to_numpy(), np.nan)
    return World(
        book=assemble_book(features, labels, clicks.lazy(), loans.lazy(), seed=SEED),
        applications=features.select("loan_id", "customer_id", "snapshot_date"),
        credit=true["credit"].to_numpy(),
        odds=true["odds"].to_numpy(),
        age=true["age"].to_numpy(),
        first=true["first"].cast(pl.Float64).fill_null(99.0).to_numpy(),
        seed=lender.seed,
    )


def _say_clicks(lender: Lender, cohort: int, defaults: Bools) -> Floats:
    """How much (log-odds, one a customer) the clickstream until the application speaks for default."""
    return np.sum(
        [log_likelihood_ratio(lender, cohort, month, defaults) for month in range(cohort + 1)], axis=0
    )

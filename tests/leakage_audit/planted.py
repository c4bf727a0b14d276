"""Columns that another team might send: honest ones, and ones that knew what was still to come."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tasks.leakage_audit.audit_source import build_book
from tasks.leakage_audit.reference import Book
from tasks.months import months_before
from tests.builders import months, quick_settings, take_in, write_book

N_MONTHS, LOANS = 14, 400


@dataclass(frozen=True)
class Lender:
    """A book to audit against, the loans behind it in the same order, their true PDs, and its seed."""

    book: Book
    loans: pl.DataFrame
    true_pd: np.ndarray
    seed: int


def build_lender(home: Path, *, seed: int) -> Lender:
    """A simulated lender whose months have come in."""
    settings = quick_settings(
        write_book(home / "data", n_months=N_MONTHS, loans_per_month=LOANS, seed=seed), home
    )
    take_in(settings, months(N_MONTHS))
    loans, book = build_book(months(N_MONTHS)[-1], settings)
    truth = pl.read_csv(settings.data / "true_default_probability.csv").select("loan_id", "true_pd")
    true_pd = loans.join(truth, on="loan_id", how="left", maintain_order="left")["true_pd"].to_numpy()
    return Lender(book, loans, true_pd, seed)


def leaks(lender: Lender) -> dict[str, pl.Series]:
    """Columns that nobody could have known at the application; null where there is no label yet."""
    rng, book, later = np.random.default_rng(lender.seed), lender.book, lender.book.later
    n, y, ripe = len(book.labels), book.labels, book.ripe
    coin, income = rng.random(n), book.own["annual_income"]
    flipped = np.where(coin < 0.1, 1 - y, y)
    bad = np.nan_to_num(y) == 1
    by_job = pl.DataFrame({"job": book.own["occupation"], "y": y}).with_columns(pl.col("y").fill_nan(None))
    order = np.lexsort([rng.random(n), np.nan_to_num(y, nan=0.5), book.months])
    ids = np.empty(n, dtype=int)
    ids[order] = np.arange(n)
    worst = later["highest overdue_amt"].fill_null(0.0)
    known, overdue = np.nan_to_num(y), later["overdue_amt at MOB 3"].fill_null(0.0).to_numpy()
    columns: Mapping[str, object] = {
        "default under noise of 1.0": known + rng.normal(0, 1.0, n),
        "default under noise of 1.4": known + rng.normal(0, 1.4, n),
        "overdue at MOB 3 under noise": overdue + rng.normal(0, overdue[overdue > 0].std(), n),
        "calls of the collections team": rng.poisson(0.2 + 2 * known),
        "segment of the collections team": np.where(rng.random(n) < 0.1 + 0.3 * known, "watched", "usual"),
        "label copy": y,
        "label in words": np.where(ripe, np.where(y == 1, "bad", "good"), None),
        "noisy label": flipped,
        "noisier label": y + rng.normal(0, 0.7, n),
        "future aggregate": later["mean of fe_3 over all months"],
        "future maximum": later["max of fe_8 over all months"] * 1.7 + 3,
        "scaled over the whole period": (income - income.mean()) / income.std(ddof=0),
        "spread over the whole period": (income - income.min()) / (income.max() - income.min()),  # type: ignore[operator]
        "cut at quantiles of the whole period": income.clip(income.quantile(0.01), income.quantile(0.95)),
        "rank over the whole period": income.rank("average") / income.count(),
        "shifted by three months": later["fe_7 3 months after the application"] + rng.normal(0, 30, n),
        "post-default flag": bad & (coin < 0.6),
        "flag of the collections team": np.where(bad & (coin < 0.3), "in collections", "none"),
        "target encoding over all cohorts": by_job.select(pl.col("y").mean().over("job")).to_series(),
        "later snapshot": later["overdue_amt at MOB 4"],
        "later balance": later["balance at MOB 5"],
        "worst arrears": worst + rng.normal(0, 1, n),
        "id that orders outcomes": pl.Series([f"APP-{i:07d}" for i in ids]),
        "survivorship": income.to_frame()
        .select(pl.when(~pl.Series(bad & (coin < 0.5))).then(pl.col("annual_income")))
        .to_series(),
        "ripe loans only": income.to_frame()
        .select(pl.when(pl.Series(ripe)).then(pl.col("annual_income") * 1.1))
        .to_series(),
        "date of the first reminder": book.days.dt.offset_by("2mo")
        .to_frame("d")
        .select(pl.when(pl.Series(worst > 0)).then("d"))
        .to_series(),
    }
    return {name: _column(name, values) for name, values in columns.items()}


def honest_columns(lender: Lender) -> dict[str, pl.Series]:
    """Columns that were known at the application."""
    rng, book = np.random.default_rng(lender.seed), lender.book
    n, own, known = len(book.labels), book.own, book.known
    days = pl.DataFrame(
        {"day": book.days, "income": own["annual_income"], "job": own["occupation"], "y": book.labels}
    )
    in_month = days.with_columns(pl.col("y").fill_nan(None)).with_columns(
        z=((pl.col("income") - pl.col("income").mean()) / pl.col("income").std()).over("day"),
        rank=(pl.col("income").rank() / pl.len()).over("day"),
    )
    before = [  # the default rate of a job over the cohorts that were ripe by then
        in_month.filter(pl.col("day") <= months_before(day, 6))
        .group_by("job")
        .agg(rate=pl.col("y").mean())
        .with_columns(day=pl.lit(day))
        for day in in_month["day"].unique().sort()
    ]
    past = in_month.join(pl.concat(before), on=["day", "job"], how="left", maintain_order="left")
    risk = np.log(lender.true_pd / (1 - lender.true_pd))
    debt = own["outstanding_debt"].to_numpy()
    columns: Mapping[str, object] = {
        "noise": rng.normal(size=n),
        "of a source that ended": np.where(
            book.days < book.days.unique().sort()[6], debt + rng.normal(size=n), np.nan
        ),
        "constant": np.ones(n),
        "coin": rng.random(n) < 0.3,
        "random id": pl.Series([f"R{i:08d}" for i in rng.permutation(n)]),
        "running id": pl.Series([f"R{i:08d}" for i in range(n)]),
        "customer": lender.loans["customer_id"],
        "log income": own["annual_income"].log(),
        "income, surveyed": own["annual_income"] * rng.lognormal(0, 0.1, n),
        "income against the month": in_month["z"],
        "income rank in the month": in_month["rank"],
        "debt per account": debt / (own["num_bank_accounts"].fill_null(0).to_numpy() + 1),
        "capped debt": np.clip(debt, 100, 3000),
        "share of debt": np.clip(debt / 5000, 0, 1),
        "mean of fe_1 and fe_2": (
            known["mean of fe_1 until the application"] + known["mean of fe_2 until the application"]
        ),
        "level of fe_5 by another log": known["mean of fe_5 until the application"] + rng.normal(0, 20, n),
        "highest of fe_5": known["max of fe_5 until the application"] * 2 + 1,
        "bureau score": risk + rng.normal(0, 2.2, n),
        "another team's PD": pl.Series(np.nan_to_num(book.pds, nan=0.3) * 0.9),
        "age band": (own["age"] // 10).cast(pl.String),
        "job by its past default rate": past["rate"],
        "sparse": np.where(rng.random(n) < 0.1, rng.normal(size=n), np.nan),
        "missing for some risks": np.where(
            rng.random(n) < 0.05 + 0.15 * lender.true_pd, np.nan, debt + rng.normal(0, 50, n)
        ),
        "month of the year": book.days.dt.month(),
        "month before": book.days.dt.offset_by("-1mo"),
        "monthly balance, rounded": (own["monthly_balance"] / 100).round() * 100,
        "logins": rng.poisson(3, n),
        "weak hint": risk * 0.2 + rng.normal(0, 1.5, n),
        "strong hint": risk + rng.normal(0, 1.6, n),
    }
    return {name: _column(name, values) for name, values in columns.items()}


def copies(lender: Lender) -> dict[str, pl.Series]:
    """Columns that say nothing new."""
    own, known = lender.book.own, lender.book.known
    columns: Mapping[str, object] = {
        "income again": own["annual_income"].cast(pl.Float32),
        "occupation again": own["occupation"].str.to_uppercase(),
        "clickstream mean again": known["mean of fe_2 until the application"],
    }
    return {name: _column(name, values) for name, values in columns.items()}


def _column(name: str, values: object) -> pl.Series:
    series = values if isinstance(values, pl.Series) else pl.Series(np.asarray(values).tolist())
    series = series.alias(name)
    return series.fill_nan(None) if series.dtype.is_float() else series

"""Made-up applicants whose default depends on their clickstream, interest rate and income."""

import numpy as np
import polars as pl

from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import CATEGORIES, FEATURE_STORE, FEATURES
from tests.builders import months
from tests.reference import CLICKSTREAM_LEVELS, CLICKSTREAM_MONTHS, CLICKSTREAM_SPREADS

QUICK = {"max_iter": 20.0, "max_leaf_nodes": 4.0, "learning_rate": 0.2}
N = 600


def applicants(seed: int = 1, n: int = N) -> pl.DataFrame:
    """Rows of gold.feature_store over three cohorts, all sources known."""
    rng = np.random.default_rng(seed)
    numbers = {name: rng.normal(100, 30, n) for name in FEATURES if name not in CATEGORIES}
    history = rng.integers(1, 9, n).astype(float)
    levels = {name: rng.normal(0, 1, n) * 100 / history**0.5 + 100 for name in CLICKSTREAM_LEVELS}
    spreads = {name: rng.normal(100, 5, n) for name in CLICKSTREAM_SPREADS}
    numbers |= {CLICKSTREAM_MONTHS: history, **levels, **spreads, "interest_rate": rng.uniform(1, 34, n)}
    words = {name: rng.choice(["a", "b", "unknown"], n) for name in CATEGORIES}
    ids = {"loan_id": [f"loan_{i}" for i in range(n)], "customer_id": [f"CUS_{i}" for i in range(n)]}
    days = {"snapshot_date": [months(3)[i * 3 // n] for i in range(n)]}
    flags = {name: [True] * n for name in FEATURE_STORE if name.startswith("has_")}
    return pl.DataFrame({**ids, **days, **flags, **numbers, **words}, schema=FEATURE_STORE)


def training_set(seed: int = 1, n: int = N) -> TrainingSet:
    """The applicants with labels that depend on the first measure, the interest rate and the income.

    Their shortened histories say the same with half of the months.
    """
    frame = applicants(seed, n)
    away = frame[CLICKSTREAM_MONTHS] * (frame["fe_1_mean"] - 100) / 100
    risk = 0.8 * away + 0.1 * (frame["interest_rate"] - 17) - 0.02 * (frame["annual_income"] - 100) - 1.0
    chance = 1 / (1 + np.exp(-risk.to_numpy()))
    targets = (np.random.default_rng(seed + 100).random(n) < chance).astype(float)
    half = frame.with_columns((pl.col(CLICKSTREAM_MONTHS) / 2).ceil())
    return TrainingSet(frame, targets, np.ones(n, dtype=bool), half)

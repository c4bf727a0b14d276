"""One training: which loans, which recipe, how it did out of time, and what the card says of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl
from sklearn.pipeline import Pipeline

from tasks.core.models import FAMILIES, Floats, Recipe, fit_model, predict_pd
from tasks.core.performance import (
    Auc,
    measure_auc,
    measure_brier,
    measure_ks,
    measure_observed_to_expected,
)
from tasks.core.search import search_recipe
from tasks.core.splits import Split
from tasks.schemas.feature_store import FEATURES


@dataclass(frozen=True)
class Candidate:
    """A tuned recipe and how it did on the out-of-time loans when fitted to the development loans alone."""

    recipe: Recipe
    tuning_log_loss: float
    oot_pds: Floats
    oot_auc: Auc


def join_labels(features: pl.LazyFrame, labels: pl.LazyFrame, *, as_of: date) -> pl.DataFrame:
    """Applications whose label exists on `as_of`, with `label`, sorted by application date and loan.

    Needs:  gold.feature_store and gold.label_store; labels dated after `as_of` are ignored.
    Keys:   one row per loan_id.
    """
    known = labels.filter(pl.col("snapshot_date") <= as_of).select("loan_id", "label")
    return (
        features.join(known, on="loan_id", how="inner", validate="1:1")
        .sort("snapshot_date", "loan_id")
        .collect()
    )


def identify(loans: pl.DataFrame, as_of: date, setup: Sequence[object]) -> str:
    """Id of the model that these loans and this setup lead to: the day and eight digits of their digest."""
    digest = hashlib.sha256(repr(tuple(setup)).encode())
    digest.update(loans.write_csv().encode())
    return f"{as_of}-{digest.hexdigest()[:8]}"


def labels_of(loans: pl.DataFrame) -> Floats:
    """Outcomes (n,) as 0.0 and 1.0."""
    return loans["label"].cast(pl.Float64).to_numpy()


def find_candidates(loans: pl.DataFrame, split: Split, *, trials: int, seed: int) -> list[Candidate]:
    """One tuned candidate per family, the best out of time first.

    Needs:  loans with features and label. Tuning sees the development cohorts only.
    """
    development = loans.filter(pl.col("snapshot_date").is_in(split.development))
    oot = loans.filter(pl.col("snapshot_date").is_in(split.oot))
    labels, cohorts = labels_of(development), development["snapshot_date"].to_list()
    candidates: list[Candidate] = []
    for family in FAMILIES:
        recipe, loss = search_recipe(family, development, labels, cohorts, trials=trials, seed=seed)
        pds = predict_pd(fit_model(recipe, development, labels, seed=seed), oot)
        candidates.append(Candidate(recipe, loss, pds, measure_auc(labels_of(oot), pds)))
    return sorted(candidates, key=lambda candidate: -candidate.oot_auc.value)


def refit(candidate: Candidate, loans: pl.DataFrame, *, seed: int) -> Pipeline:
    """The recipe fitted to every ripe loan, out-of-time cohorts included: the model that may serve."""
    return fit_model(candidate.recipe, loans, labels_of(loans), seed=seed)


def describe(candidate: Candidate, oot: pl.DataFrame) -> dict[str, Any]:
    """Recipe and out-of-time figures of a candidate, for the card."""
    labels, pds, auc = labels_of(oot), candidate.oot_pds, candidate.oot_auc
    low, high = auc.interval()
    return {
        **asdict(candidate.recipe),
        "tuning_log_loss": candidate.tuning_log_loss,
        "oot": {
            "n": len(labels),
            "bad_rate": float(labels.mean()),
            "auc": auc.value,
            "auc_ci_95": [low, high],
            "gini": 2 * auc.value - 1,
            "ks": measure_ks(labels, pds),
            "brier": measure_brier(labels, pds),
            "observed_to_expected": measure_observed_to_expected(labels, pds),
        },
    }


def describe_data(loans: pl.DataFrame, split: Split) -> dict[str, Any]:
    """Loans, cohorts and features that a model learned from, for the card."""
    by_cohort = (
        loans.group_by("snapshot_date").agg(n=pl.len(), bad_rate=pl.col("label").mean()).sort("snapshot_date")
    )
    return {
        "n_loans": loans.height,
        "cohorts": [str(day) for day in by_cohort["snapshot_date"]],
        "n_by_cohort": by_cohort["n"].to_list(),
        "bad_rate_by_cohort": by_cohort["bad_rate"].to_list(),
        "development": [str(day) for day in split.development],
        "oot": [str(day) for day in split.oot],
        "features": list(FEATURES),
    }

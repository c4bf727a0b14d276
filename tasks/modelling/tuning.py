"""Tuning: the best hyperparameters of one family, by what later cohorts say of earlier fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import polars as pl

from tasks.modelling.stacking import Family, Floats, ModelSpec, fit_parts, part_log_odds
from tasks.modelling.training_set import TrainingSet

TREES = {
    "learning_rate": 0.06,
    "max_iter": 120,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2": 1.0,
    "max_features": 0.3,
}
DEFAULTS: dict[Family, dict[str, float]] = {
    "logistic": {"c": 0.05},
    "stack": {**TREES, "learning_rate": 0.09, "max_iter": 80, "evidence_c": 0.02},
    "boosting": {**TREES, "kappa": 30.0},
}
# Without the clickstream more trees than this gain nothing out of time.
MOST_TREES: dict[Family, int] = {"stack": 80, "boosting": 120}


@dataclass(frozen=True)
class Fold:
    """Training set of earlier cohorts, and a later cohort with its labels (n,) to try them on."""

    training_set: TrainingSet
    held: pl.DataFrame
    labels: Floats


def search_spec(
    family: Family,
    folds: Sequence[Fold],
    *,
    trials: int,
    seed: int,
    start: Mapping[str, float] | None = None,
) -> tuple[ModelSpec, float | None]:
    """The spec for the folds, and its mean log loss on them, summed over its parts; None without folds.

    Parts are judged each by itself, since each has to stand alone when the other's source is missing.
    The best trial wins only if it beats the first one by more than the standard error of the difference
    (the one-standard-error rule of Breiman et al. 1984): a few hundred loans say little about ten numbers.

    Needs:  `start`, the hyperparameters of the last model where there was one, is tried first.
    Note:   sequential and seeded, so that the same folds give the same spec.
    """
    usual = dict(start or DEFAULTS[family])
    if not folds:
        return ModelSpec(family, usual), None
    per_loan: dict[int, Floats] = {}
    study = _study(seed)
    study.enqueue_trial(usual)
    study.optimize(lambda trial: _try(trial, family, folds, per_loan, seed=seed), n_trials=trials)
    gain = per_loan[0] - per_loan[study.best_trial.number]
    best = study.best_trial if gain.mean() > gain.std() / len(gain) ** 0.5 else study.trials[0]
    return ModelSpec(family, best.params), float(per_loan[best.number].mean())


def _try(
    trial: optuna.Trial, family: Family, folds: Sequence[Fold], per_loan: dict[int, Floats], *, seed: int
) -> float:
    """Mean log loss of one draw on the folds; the losses of its loans go into `per_loan`.

    Errors: TrialPruned when the first folds leave no hope.
    """
    spec = ModelSpec(family, suggest_params(family, trial))
    losses: list[Floats] = []
    for step, fold in enumerate(folds):
        losses.append(_losses(spec, fold, seed=seed))
        trial.report(float(np.mean(np.concatenate(losses))), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    per_loan[trial.number] = np.concatenate(losses)
    return float(per_loan[trial.number].mean())


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The first eight draws are random: of fewer there is nothing that the sampler could have learned.
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    return optuna.create_study(
        sampler=sampler, pruner=optuna.pruners.PercentilePruner(33.0, n_startup_trials=5)
    )


def _losses(spec: ModelSpec, fold: Fold, *, seed: int) -> Floats:
    """Log loss (n,) of each held loan, summed over the spec's parts."""
    parts = fit_parts(spec, fold.training_set, seed=seed)
    signed = (1 - 2 * fold.labels)[:, None] * part_log_odds(parts, fold.held)
    return np.logaddexp(0.0, signed).sum(axis=1)


def suggest_params(family: Family, trial: optuna.Trial) -> dict[str, Any]:
    """One draw of the family's hyperparameters."""
    if family == "logistic":
        return {"c": trial.suggest_float("c", 1e-3, 1.0, log=True)}
    trees = {
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.15, log=True),
        "max_iter": trial.suggest_int("max_iter", 40, MOST_TREES[family], step=20),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 16),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 10, 60, step=10),
        "l2": trial.suggest_float("l2", 0.1, 30.0, log=True),
        "max_features": trial.suggest_float("max_features", 0.15, 0.8),
    }
    if family == "boosting":
        return {**trees, "kappa": trial.suggest_float("kappa", 3.0, 300.0, log=True)}
    return {**trees, "evidence_c": trial.suggest_float("evidence_c", 1e-3, 0.3, log=True)}

"""Tuning: the best hyperparameters of one family, by what later cohorts say of earlier fits."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import optuna
import polars as pl

from tasks.core.models import Family, Floats, Recipe, fit_model, predict_pd
from tasks.core.performance import measure_log_loss
from tasks.core.splits import expanding_folds


def search_recipe(
    family: Family, features: pl.DataFrame, labels: Floats, cohorts: Sequence[date], *, trials: int, seed: int
) -> tuple[Recipe, float]:
    """The recipe with the lowest mean log loss over expanding cohort-wise folds, and that log loss.

    Needs:  features, labels and cohorts (application month) of the same rows, at least two cohorts.
    Note:   sequential and seeded, so that the same rows give the same recipe.
    """
    folds = expanding_folds(cohorts)

    def loss(trial: optuna.Trial) -> float:
        recipe = Recipe(family, suggest_params(family, trial))
        losses: list[float] = []
        for step, (fitted, held) in enumerate(folds):
            model = fit_model(recipe, features[fitted], labels[fitted], seed=seed)
            losses.append(measure_log_loss(labels[held], predict_pd(model, features[held])))
            trial.report(float(np.mean(losses)), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(losses))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.MedianPruner(n_startup_trials=8))
    study.optimize(loss, n_trials=trials)
    return Recipe(family, study.best_params), float(study.best_value)


def suggest_params(family: Family, trial: optuna.Trial) -> dict[str, Any]:
    """One draw of the family's hyperparameters."""
    kappa = trial.suggest_float("kappa", 3.0, 300.0, log=True)
    if family == "logistic":
        return {"kappa": kappa, "c": trial.suggest_float("c", 1e-3, 3.0, log=True)}
    return {
        "kappa": kappa,
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "max_iter": trial.suggest_int("max_iter", 40, 240, step=20),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 3, 10),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 10, 80, step=10),
        "l2": trial.suggest_float("l2", 0.1, 30.0, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 1.0),
    }

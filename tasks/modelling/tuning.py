"""Tuning: the best hyperparameters of one family, by the log loss of earlier fits on later cohorts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import optuna
import polars as pl

from tasks.modelling.families import Family, ModelSpec
from tasks.modelling.stacking import base_log_odds, call_side_by_side, fit_base_models
from tasks.modelling.training_set import TrainingSet
from tasks.statistics.performance import Floats

BATCH = 2  # trials that are asked for and told together: the more, the less each knows of the others


@dataclass(frozen=True)
class Fold:
    """Training set of earlier cohorts, and a later cohort with its labels (n,) to validate on."""

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
    """The specification for the folds, and its mean log loss, summed over base models; None without folds.

    Base models are judged each by itself, since each has to stand alone when the other's source is missing.
    The best trial wins only if it beats the first one by more than the standard error of the difference
    (the one-standard-error rule of Breiman et al. 1984): a few hundred loans are little evidence.

    Needs:  `start`, the hyperparameters of the last model where there was one, is tried first.
    Note:   seeded, and told batch by batch in the order in which trials were asked for, so that the same
            folds give the same specification, however many trials run at a time and whichever ends first.
    """
    first = dict(start or family.defaults)
    if not folds:
        return ModelSpec(family.name, first), None
    per_loan: dict[int, Floats] = {}
    study = _study(seed)
    study.enqueue_trial(first)
    for told in range(0, trials, BATCH):
        batch = [study.ask(dict(family.search_space)) for _ in range(min(BATCH, trials - told))]
        tries = (partial(_try, trial, family.name, folds, seed=seed) for trial in batch)
        for trial, losses in zip(batch, call_side_by_side(tries), strict=True):
            if losses is None:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                per_loan[trial.number] = losses
                study.tell(trial, float(losses.mean()))
    gain = per_loan[0] - per_loan[study.best_trial.number]
    best = study.best_trial if gain.mean() > gain.std() / len(gain) ** 0.5 else study.trials[0]
    return ModelSpec(family.name, best.params), float(per_loan[best.number].mean())


def _try(trial: optuna.Trial, family: str, folds: Sequence[Fold], *, seed: int) -> Floats | None:
    """Log loss (n,) of each loan of the folds; None when the first folds leave no hope beside trials told."""
    losses, spec = list[Floats](), ModelSpec(family, trial.params)
    for step, fold in enumerate(folds):
        losses.append(_losses(spec, fold, seed=seed))
        trial.report(float(np.mean(np.concatenate(losses))), step)
        if trial.should_prune():
            return None
    return np.concatenate(losses)


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The first eight draws are random: of fewer there is nothing that the sampler could have learned.
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    return optuna.create_study(
        sampler=sampler, pruner=optuna.pruners.PercentilePruner(33.0, n_startup_trials=5)
    )


def _losses(spec: ModelSpec, fold: Fold, *, seed: int) -> Floats:
    """Log loss (n,) of each held loan, summed over the base models."""
    base_models = fit_base_models(spec, fold.training_set, seed=seed)
    signed = (1 - 2 * fold.labels)[:, None] * base_log_odds(base_models, fold.held)
    return np.logaddexp(0.0, signed).sum(axis=1)

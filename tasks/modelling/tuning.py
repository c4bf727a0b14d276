"""Tuning: the best hyperparameters of one family, by the log loss of earlier fits on later cohorts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import optuna
import polars as pl

from tasks.modelling.base_models import BaseModel, build_base_model
from tasks.modelling.families import FAMILIES, Family, ModelSpec
from tasks.modelling.stacking import all_sources, call_side_by_side, fit_numbers, prepare, transform
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.source_features import features_in
from tasks.statistics.performance import Floats

BATCH = 2  # trials that are asked for and told together: the more, the less each knows of the others


@dataclass(frozen=True)
class Fold:
    """Training set of earlier cohorts, and a later cohort with its labels (n,) to validate on.

    `prepared` keeps the numbers that fixed columns of base models make of both, for the trials to come.
    """

    training_set: TrainingSet
    held: pl.DataFrame
    labels: Floats
    prepared: dict[BaseModel, tuple[Floats, Floats]] = field(
        default_factory=dict[BaseModel, tuple[Floats, Floats]]
    )


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
    """Log loss (n,) of each held loan, summed over the base models that have a source."""
    there = set(all_sources(fold.training_set.features))
    base_models = [one for one in FAMILIES[spec.family].base_models if there.intersection(one.sources)]
    log_odds = np.column_stack([_held_log_odds(spec, one, fold, seed=seed) for one in base_models])
    return np.logaddexp(0.0, (1 - 2 * fold.labels)[:, None] * log_odds).sum(axis=1)


def _held_log_odds(spec: ModelSpec, base_model: BaseModel, fold: Fold, *, seed: int) -> Floats:
    """Log-odds of default (n,) that a base model fitted to the training set gives the held loans."""
    features = fold.training_set.features
    if base_model in fold.prepared:
        numbers, held = fold.prepared[base_model]
        used = features.select(features_in(features.columns))
        _, model = build_base_model(base_model, spec.params, used, seed=seed)
    else:
        columns, model, numbers = prepare(spec, base_model, features, seed=seed)
        held = transform(columns, fold.held)
        if base_model.fixed_columns:
            fold.prepared[base_model] = numbers, held
    return fit_numbers(model, numbers, fold.training_set.targets).decision_function(held)

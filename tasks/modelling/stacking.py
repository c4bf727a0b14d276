"""How a family's base models are fitted, stacked and calibrated."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import polars as pl
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from tasks.modelling.base_models import BaseModel, Explainer, Sources, build_base_model, of_other_source
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.splits import cohort_groups
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import MEASURES_OF, MONTHS, SOURCES, longest_history
from tasks.schemas.source_features import features_in, other_sources, source_of
from tasks.statistics.performance import Floats

Mask = NDArray[np.bool_]
R = TypeVar("R")
CROSS_FITS = 3  # as good out of time as 4
# Ripe loans that the cross-fits of a model which serves learn from together; how many fits these are at most.
# Of few a third is missed: slopes of trees of 2,000 are 1.10 by 3 and 1.06 by 5 (true PDs, eight lenders).
CROSS_FITTED, MAX_CROSS_FITS = 15_000, 6
# Months at which a history is half as credible as an endless one; from 2 to 25 fit the data as well.
HALF_CREDIBLE = 12.0
# Share of each outcome that weights are fitted to as if it were the bad rate's, where a history is shortened:
# without it slopes are 0.93 to 0.97 there, and 1 at full length, where 0.02 would make PDs too timid (1.2).
SMOOTHED = 0.01
AT_A_TIME = 2  # a fit holds the interpreter's lock for half of its time or more, so a third would only wait

# A transformer of columns sets the process's filters of warnings for a moment; two at once leave none behind.
TRANSFORMING = Lock()


def call_side_by_side(calls: Iterable[Callable[[], R]]) -> list[R]:
    """What each call gives, in their order, of calls that need none of each other's results."""
    results: Any = Parallel(n_jobs=AT_A_TIME, backend="threading")(delayed(call)() for call in calls)
    return results


@dataclass(frozen=True)
class StackedModel:
    """Fitted base models, the weights that make one calibrated log-odds of theirs, and what explains each.

    To `weights` and `intercept` are added `weights_by_history` (one each, or none) and `intercept_by_history`
    times the credibility of the applicant's history, which counts as `max_credibility` where it is more: of
    histories longer than all that the weights were fitted to nothing is known.
    """

    base_models: tuple[Pipeline, ...]
    weights: tuple[float, ...]
    intercept: float
    explainers: tuple[Explainer, ...]
    weights_by_history: tuple[float, ...] = ()
    intercept_by_history: float = 0.0
    max_credibility: float = 1.0

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled model; older ones call the base models `parts`, and name no explainers."""
        fitted = state["parts"] if "parts" in state else state["base_models"]
        boosted = (isinstance(one.steps[-1][1], HistGradientBoostingClassifier) for one in fitted)
        older = {"base_models": fitted, "explainers": tuple("trees" if one else "linear" for one in boosted)}
        vars(self).update(older | {name: value for name, value in state.items() if name != "parts"})


def fit_base_model(
    spec: ModelSpec, base_model: BaseModel, training_set: TrainingSet, *, seed: int
) -> Pipeline:
    """One base model fitted to the training set, from the columns of its sources alone."""
    columns, model, numbers = prepare(spec, base_model, training_set.features, seed=seed)
    return make_pipeline(columns, fit_numbers(model, numbers, training_set.targets))


def prepare(
    spec: ModelSpec, base_model: BaseModel, features: pl.DataFrame, *, seed: int
) -> tuple[ColumnTransformer, Any, Floats]:
    """A base model's fitted columns, its unfitted model, and the numbers (n, columns) to fit it to."""
    used = features.select(features_in(features.columns))
    columns, model = build_base_model(base_model, spec.params, used, seed=seed)
    with TRANSFORMING:
        return columns, model, np.asarray(columns.fit_transform(used))


def transform(columns: ColumnTransformer, features: pl.DataFrame) -> Floats:
    """The numbers (n, columns) that fitted columns make of the features."""
    used = features.select(features_in(features.columns))
    with TRANSFORMING:
        return np.asarray(columns.transform(used))


def fit_numbers(model: Any, numbers: Floats, targets: Floats, *, weight: float = 1.0) -> Any:
    """A copy of the model fitted to numbers (n, columns) and targets (n,).

    A target p counts as a default of weight p and a good loan of weight 1 - p (soft labels), both times the
    `weight` of a loan. Where all loans have one outcome, as in a small cohort, half a mean loan of the other
    is added: its odds are unknown, not infinite.
    """
    fresh: Any = clone(model)
    if np.ptp(targets) == 0 and targets[0] in (0, 1):
        labels, weights = np.append(targets, 1 - targets[0]), np.append(np.ones(len(targets)), 0.5)
        return fresh.fit(np.vstack([numbers, numbers.mean(axis=0)]), labels, sample_weight=weight * weights)
    unsure = np.flatnonzero((targets > 0) & (targets < 1))
    if not len(unsure) and weight == 1:
        return fresh.fit(numbers, targets)
    labels = np.concatenate([targets > 0, np.zeros(len(unsure))]).astype(float)
    weights = np.concatenate([np.where(targets > 0, targets, 1.0), 1 - targets[unsure]])
    return fresh.fit(np.vstack([numbers, numbers[unsure]]), labels, sample_weight=weight * weights)


def base_log_odds(base_models: Sequence[Pipeline], features: pl.DataFrame) -> Floats:
    """Log-odds (rows, base models) of default that each fitted base model gives."""
    used = features.select(features_in(features.columns))
    steps: list[tuple[Any, Any]] = [(one.steps[0][1], one.steps[1][1]) for one in base_models]
    with TRANSFORMING:
        numbers = [columns.transform(used) for columns, _ in steps]
    return np.column_stack(
        [model.decision_function(rows) for (_, model), rows in zip(steps, numbers, strict=True)]
    )


def base_models_of(spec: ModelSpec, features: pl.DataFrame, sources: Sources) -> tuple[BaseModel, ...]:
    """The base models that can read any of the sources, each with those alone, in order.

    Those of the family come first, then one per other team's source.
    """
    others = (of_other_source(name) for name in other_sources(features.columns))
    left = (
        replace(one, sources=tuple(name for name in one.sources if name in sources))
        for one in (*FAMILIES[spec.family].base_models, *others)
    )
    return tuple(one for one in left if one.sources)


def all_sources(features: pl.DataFrame) -> tuple[str, ...]:
    """The sources of the features among the columns, ours and other teams'; a retired one has none."""
    there = {source_of(name) for name in features_in(features.columns)}
    return (*(name for name in SOURCES if name in there), *other_sources(features.columns))


def fit_model(
    spec: ModelSpec, training_set: TrainingSet, *, seed: int, sources: Sources | None = None
) -> StackedModel:
    """The model of `fit_stacked_models` for one choice of sources, or for all."""
    chosen = all_sources(training_set.features) if sources is None else sources
    return fit_stacked_models(spec, training_set, {"": chosen}, seed=seed)[""]


def fit_stacked_models(
    spec: ModelSpec,
    training_set: TrainingSet,
    choices: Mapping[str, Sources],
    *,
    seed: int,
    cross_fits: int = CROSS_FITS,
) -> dict[str, StackedModel]:
    """For each choice of sources: base models fitted to all loans, stacked on loans that they did not see.

    The weights are those of `fit_weights` on the log-odds of ripe loans, each from base models fitted without
    its cohort's group (stacked generalisation, Wolpert 1992; for a single base model this is Platt's
    calibration). A base model that reads the same sources in several choices is fitted once.
    """
    used = {name: base_models_of(spec, training_set.features, chosen) for name, chosen in choices.items()}
    cohorts = training_set.features["snapshot_date"].to_list()
    groups = cohort_groups(cohorts, training_set.ripe, most=cross_fits)
    fitted = {
        base_model: cross_fit(spec, base_model, training_set, groups, seed=seed)
        for base_model in dict.fromkeys(base_model for chosen in used.values() for base_model in chosen)
    }
    held = training_set.ripe
    credibility = np.column_stack([history_credibility(view) for view in _views(training_set)])[held]
    models: dict[str, StackedModel] = {}
    for name, chosen in used.items():
        pipelines, unseen = zip(*(fitted[base_model] for base_model in chosen), strict=True)
        log_odds = np.stack(unseen, axis=-1)[held]
        if training_set.shortened is not None and any(_reads_history(one) for one in chosen):
            weights = fit_weights(log_odds, credibility, training_set.targets[held])
        else:  # a shortened history is no other view of what reads none
            weights = fit_weights(log_odds[:, :1], None, training_set.targets[held])
        explainers: tuple[Explainer, ...] = tuple(base_model.explainer for base_model in chosen)
        models[name] = StackedModel(base_models=pipelines, explainers=explainers, **weights)
    return models


def count_cross_fits(training_set: TrainingSet) -> int:
    """How many cross-fits a model that serves is stacked by: the more, the fewer ripe loans there are."""
    n_ripe = int(training_set.ripe.sum())
    return min(max(CROSS_FITS, 1 + CROSS_FITTED // max(n_ripe, 1)), MAX_CROSS_FITS)


def _views(training_set: TrainingSet) -> list[pl.DataFrame]:
    """The training set's features, and the same with shortened histories where there are any."""
    return [view for view in (training_set.features, training_set.shortened) if view is not None]


def _reads_history(base_model: BaseModel) -> bool:
    return not MEASURES_OF.keys().isdisjoint(base_model.sources)


def history_credibility(features: pl.DataFrame) -> Floats:
    """How far the longest history of each row (n,) is to be believed: n / (n + HALF_CREDIBLE) for n months.

    Source: credibility theory (Buehlmann 1967).
    """
    if not any(name in features.columns for name in MONTHS):
        return np.zeros(features.height)
    months = features.select(longest_history()).to_series().to_numpy()
    return months / (months + HALF_CREDIBLE)


def fit_weights(log_odds: Floats, credibility: Floats | None, targets: Floats) -> dict[str, Any]:
    """The weights and intercepts of a StackedModel, by its attributes, from a logistic regression.

    An intercept fitted to long histories gives PDs that are too low where little is known, since log-odds lie
    closer together there while the bad rate is the same. So both depend on the history's credibility, as far
    as it is given. Of all views but the first, which have shortened histories, the targets are smoothed
    towards their mean.

    Needs:  log-odds (loans, views, base models), credibility (loans, views), targets (loans,).
    """
    _, n_views, n_base_models = log_odds.shape
    base = log_odds.reshape(-1, n_base_models)
    z = np.zeros((len(base), 0)) if credibility is None else credibility.reshape(-1, 1)
    known = np.hstack([base, z, *(z * base[:, [i]] for i in range(n_base_models))])
    smoothed = (1 - SMOOTHED) * targets + SMOOTHED * targets.mean()
    by_view = np.column_stack([targets, *[smoothed] * (n_views - 1)]).ravel()
    model = fit_numbers(LogisticRegression(C=10.0, max_iter=1000), known, by_view)
    weights = [float(weight) for weight in model.coef_[0]]
    at_none, at_full = weights[:n_base_models], weights[n_base_models:]
    return {
        "weights": tuple(at_none),
        "intercept": float(model.intercept_[0]),
        "weights_by_history": tuple(at_full[1:]),
        "intercept_by_history": at_full[0] if at_full else 0.0,
        "max_credibility": 1.0 if credibility is None else float(credibility.max()),
    }


def cross_fit(
    spec: ModelSpec, base_model: BaseModel, training_set: TrainingSet, groups: Sequence[Mask], *, seed: int
) -> tuple[Pipeline, Floats]:
    """A base model fitted to all loans, and log-odds (n, views) of each group by one fitted without it.

    The columns, which know no outcome, are prepared once, from all loans. The views are the features, and the
    same with shortened histories where there are any. What is fitted to fewer loans weighs each of them as
    much more: a penalty would otherwise shrink it further than the model of all loans, whose PDs weights of
    such log-odds make too extreme.
    """
    columns, model, numbers = prepare(spec, base_model, training_set.features, seed=seed)
    views = _views(training_set)
    shortened = views[1:] if _reads_history(base_model) else []
    seen = [numbers, *(transform(columns, view) for view in shortened)]

    def fit_without(held: Mask) -> Any:
        weight = len(held) / np.count_nonzero(~held)
        return fit_numbers(model, numbers[~held], training_set.targets[~held], weight=weight)

    nothing = np.zeros_like(training_set.ripe)
    whole, *others = call_side_by_side(partial(fit_without, held) for held in (nothing, *groups))
    unseen = np.zeros((len(numbers), len(views)))
    for held, fitted in zip(groups, others, strict=True):  # what reads no history says the same of each view
        unseen[held] = np.column_stack([fitted.decision_function(view[held]) for view in seen])
    return make_pipeline(columns, whole), unseen


def stack_log_odds(model: StackedModel, log_odds: Floats, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of rows whose base models give these (n, base models)."""
    stacked = log_odds @ np.asarray(model.weights) + model.intercept
    if not model.weights_by_history:
        return stacked
    by_history = log_odds @ np.asarray(model.weights_by_history) + model.intercept_by_history
    return stacked + credibility_in(model, features) * by_history


def credibility_in(model: StackedModel, features: pl.DataFrame) -> Floats:
    """The credibility of each row's history (n,) as far as it counts in a model."""
    return np.minimum(history_credibility(features), model.max_credibility)


def score_log_odds(model: StackedModel, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of each row."""
    return stack_log_odds(model, base_log_odds(model.base_models, features), features)


def predict_pd(model: StackedModel, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return expit(score_log_odds(model, features))
